"""A local folder with atomic writes. A bucket will offer the same methods; nothing else in Assay opens project files.

In: relative paths with forward slashes. Out: bytes, numpy arrays, Arrow tables, JSON values.
Does not know: projects, stages, rows.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import ProjectError, StorageError
from assay.storage import checksums

TEMPORARY = ".tmp-"
UMASK = os.umask(0)  # asked once, before there are threads: to ask is to set it for the whole process
os.umask(UMASK)
_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again: finished work is kept",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again: finished work is kept",
    errno.EROFS: "the disk is read-only; choose another place with -o",
    errno.EACCES: "permission denied; choose a place you may write to with -o",
    errno.EPERM: "permission denied; choose a place you may write to with -o",
    errno.ENOTDIR: "a file stands where a folder is needed; move it or choose another place with -o",
    errno.EEXIST: "a file stands where a folder is needed; move it or choose another place with -o",
    errno.EISDIR: "a folder stands where a file is needed; move it or choose another place with -o",
    errno.ENAMETOOLONG: "the name is too long for this disk; choose a shorter one with -o",
    errno.EFBIG: "the disk does not take files this large; choose another place with -o",
    errno.ELOOP: "a link stands where a file is needed; remove it or choose another place with -o",
    errno.EIO: "the disk reports an error; check it, or choose another place with -o",
}


@contextlib.contextmanager
def translate_errors(path: Path | str) -> Iterator[None]:
    """Turn the operating system's write errors into one `StorageError` with advice."""
    try:
        yield
    except OSError as error:
        if error.errno in _ADVICE:
            raise StorageError(f"cannot write {path}: {_ADVICE[error.errno]}") from error
        raise


class Folder:
    """All file access of a project: ``Folder("photos.assay").put_json("a/b.json", {...})``."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._written: list[str] | None = None

    def path(self, name: str) -> Path:
        """The local path of a file. `ProjectError` for a name, or a link in the folder, that leads out of the project, and for
        pipes and devices, which are read for ever: a folder that somebody sent must not have anything else of its
        reader's read or written, nor hold its reader up."""
        path = self.root / name
        inside, real = os.path.realpath(self.root), os.path.realpath(path)
        if real != inside and not real.startswith(f"{inside.rstrip('/')}/"):
            raise ProjectError(f"{self.root}: {name!r} leads out of the project folder; it was changed by hand")
        with contextlib.suppress(OSError):
            if not stat.S_ISREG(kind := path.stat().st_mode) and not stat.S_ISDIR(kind):
                raise ProjectError(f"{path} is a pipe or device, not a file; it was changed by hand")
        return path

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[str]]:
        """The names of the files that are written inside the block."""
        written: list[str] = []
        self._written = written
        try:
            yield written
        finally:
            self._written = None

    def listed(self, names: list[str]) -> dict[str, list[Any]]:
        """Sizes and checksums of files, for the record that guards them (see `assay.storage.checksums`)."""
        return checksums.listed(self.root, names)

    def is_whole(self, record: str) -> bool:
        """Is a record there and readable, and everything that it guards as it was written? Cost: reads those files once."""
        path = self.path(record)
        try:
            value = checksums.parse_json(path.read_bytes())
        except (OSError, ValueError):
            return False
        return isinstance(value, dict) and checksums.is_whole(value, path.parent)

    def _check(self, path: Path, *, mapped: bool = False) -> None:
        """`ProjectError` for a file that is not what was written."""
        if not checksums.fits(path, mapped=mapped):
            raise self._damaged(path, "its checksum does not fit")

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def was_written(self, name: str) -> bool:
        """Is a file there, or should it be by what its record says? Reading one that has gone is a `ProjectError` then."""
        path = self.path(name)
        return path.exists() or checksums.is_listed(path)

    def names(self, name: str = "") -> list[str]:
        """Names directly inside a sub-folder, sorted; empty if it does not exist. Temporary files are left out."""
        try:
            with os.scandir(self.path(name)) as entries:
                return sorted(entry.name for entry in entries if not entry.name.startswith(TEMPORARY))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, name: str) -> None:
        """A file, a folder with all in it, or a link (never what it leads to)."""
        above, _, last = name.rstrip("/").rpartition("/")
        path = self.path(above) / last
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove temporary files that killed processes left. Only the holder of the project's lock may call it."""
        for path in self.root.rglob(f"{TEMPORARY}*"):
            self.remove(str(path.relative_to(self.root)))

    # bytes ---------------------------------------------------------------------------------------------------

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def put(self, name: str, data: bytes) -> None:
        """Write a whole file: it is there complete, or not at all."""
        with self.writing(name) as stream:
            stream.write(data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Write where nothing has the name; whether this call wrote it. Of two at once, one wins."""
        target = self.path(name)
        with translate_errors(target), _temporary(target) as (temporary, stream):
            stream.write(data)
            _finish(stream)
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
        return True

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """A binary stream that becomes the file when the block ends without an exception."""
        target = self.path(name)
        with translate_errors(target), _temporary(target) as (temporary, stream):
            yield stream
            _finish(stream)
            self._publish(temporary, target, name)

    def _publish(self, temporary: Path, target: Path, name: str) -> None:
        _publish(temporary, target)
        if self._written is not None:
            self._written.append(name)

    # JSON ----------------------------------------------------------------------------------------------------

    def put_json(self, name: str, value: object) -> None:
        """JSON that other programs can read; an object carries a checksum of itself, ``digest``."""
        self.put(name, checksums.json_bytes(value))

    def get_json(self, name: str) -> Any:
        try:
            self._check(self.path(name))
            return checksums.parse_json(self.read(name))
        except (ValueError, UnicodeDecodeError, RecursionError) as error:
            raise self._damaged(self.path(name), error) from error
        except FileNotFoundError as error:
            raise self._missing(self.path(name)) from error

    # arrays --------------------------------------------------------------------------------------------------

    def put_array(self, name: str, array: NDArray[Any]) -> None:
        with self.writing(name) as stream:
            np.save(stream, array, allow_pickle=False)

    def keep_array(self, name: str, array: NDArray[Any]) -> None:
        """`put_array` and `guard`, unless both are there and whole."""
        if not self.is_whole(f"{name.removesuffix('.npy')}{checksums.MARKER}"):
            self.put_array(name, array)
            self.guard(name)

    def guard(self, name: str) -> None:
        """A record with the checksum of one file, beside it: for those that no stage and no dataset speaks of."""
        self.put_json(f"{name.rpartition('.')[0]}{checksums.MARKER}", {checksums.FILES: self.listed([name])})

    def get_array(self, name: str, *, mmap: bool = False) -> NDArray[Any]:
        """The array of a ``.npy`` file; ``mmap`` leaves it on disk."""
        path = self.path(name)
        self._check(path, mapped=mmap)
        try:
            if mmap and path.stat().st_size > 1 << 20:
                array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
                return array
            return np.asarray(np.load(path, allow_pickle=False))
        except FileNotFoundError as error:
            raise self._missing(path) from error
        except (ValueError, EOFError) as error:
            raise self._damaged(path, error) from error

    def put_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Several named arrays in one ``.npz``, byte for byte the same for the same arrays."""
        # not numpy.savez: its keywords are names of arrays in some versions and options in others
        with self.writing(name) as stream, zipfile.ZipFile(stream, "w") as packed:
            for key, array in sorted(arrays.items()):
                with packed.open(f"{key}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    def get_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        path = self.path(name)
        self._check(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except FileNotFoundError as error:
            raise self._missing(path) from error
        except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise self._damaged(path, error) from error

    @contextlib.contextmanager
    def array_writer(self, name: str, shape: tuple[int, ...], dtype: Any) -> Iterator[NDArray[Any]]:
        """A ``.npy`` file filled block by block through a memory map, published when the block ends."""
        target = self.path(name)
        with translate_errors(target), _temporary(target) as (temporary, stream):
            array = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
            # blocks are reserved now, so that a full disk is an error here and not a bus error later
            if array.nbytes and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), 0, temporary.stat().st_size)
            yield array
            array.flush()
            del array
            _finish(stream)
            self._publish(temporary, target, name)

    # tables --------------------------------------------------------------------------------------------------

    def put_table(self, name: str, table: Any) -> None:
        """A ``pyarrow.Table`` as Parquet (zstd); no clock and no path goes into the file."""
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", row_group_size=65_536)
        self.put(name, sink.getvalue())

    def get_table(self, name: str, columns: list[str] | None = None) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path(name)
        self._check(path)
        try:
            return pq.read_table(path, columns=columns, partitioning=None)
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise self._missing(path) from error
            raise self._damaged(path, error) from error

    def get_mapped_table(self, name: str) -> Any:
        """The ``pyarrow.Table`` of an Arrow file, left on disk."""
        import pyarrow as pa

        path = self.path(name)
        self._check(path, mapped=True)
        try:
            with pa.memory_map(str(path)) as source:
                return pa.ipc.open_file(source).read_all()
        except FileNotFoundError as error:
            raise self._missing(path) from error
        except (pa.ArrowInvalid, OSError) as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: Path, error: object) -> ProjectError:
        return ProjectError(f"{path} is damaged ({error}); delete it and run the analysis again: other work is kept")

    def _missing(self, path: Path) -> ProjectError:
        return ProjectError(f"{path} is missing; run the analysis again: other work is kept")


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new file beside ``target``, and a stream into it; at the end it is gone, unless it became another name's."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            temporary.chmod(0o666 & ~UMASK)
            yield temporary, stream
    finally:
        temporary.unlink(missing_ok=True)


def _finish(stream: IO[bytes]) -> None:
    """All that was written is on the disk, and the stream is closed."""
    stream.flush()
    os.fsync(stream.fileno())
    stream.close()


def _publish(temporary: Path, target: Path) -> None:
    temporary.replace(target)
    if os.name == "posix":
        handle = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
