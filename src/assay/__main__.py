"""``python -m assay``: the command line without the script.

In: words on a command line. Out: what `assay.cli` does. Does not know: anything else.
"""

from assay.cli import main

main(prog_name="assay")
