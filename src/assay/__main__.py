"""``python -m assay``: the command line without the script.

In: words on a command line. Out: what `assay.cli.commands` does. Does not know: anything else.
"""

from assay.cli.commands import main

main(prog_name="assay")
