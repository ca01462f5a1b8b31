"""The version of the package: a module of its own, so that no room needs the package's public names.

In: nothing. Out: `__version__`. Does not know: anything else.
"""

__version__ = "0.1.0"
