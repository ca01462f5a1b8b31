"""The command line: one module a group of commands.

In: arguments. Out: text or JSON on standard output, errors on standard error, an exit code.
"""
