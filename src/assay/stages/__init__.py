"""What runs: one module a room, one function a stage, which reads project files, calls one pure room and writes files.

In: a `Folder`, the prefix of the files to write, a typed spec. Out: files, and a small result for the marker.
Does not know: where it runs, what ran before, the other stages.
"""
