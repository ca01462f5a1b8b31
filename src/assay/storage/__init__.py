"""Files of a project, read and written so that a half-written one is never seen.

In: paths relative to one folder. Out: bytes, arrays, tables, JSON; every write is a temporary name, fsync, rename.
Does not know: what the files mean.

`store.py` is the protocol that any place fulfils, `folder.py` the local one; a bucket would be one more module beside it.
"""

from assay.storage.folder import Folder

__all__ = ["Folder"]
