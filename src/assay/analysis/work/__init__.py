"""What the stages do: functions ``fn(folder, place, spec)`` that read project files, call one pure room, write files.

In: a `Folder`, the prefix of the files to write, a JSON spec. Out: files, and a small JSON result for the marker.
Does not know: where it runs, what ran before, the other stages.
"""
