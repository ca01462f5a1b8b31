"""Files that people send, kept in the workspace: what has arrived, durable to the byte; what is whole, under its own name.

In: pieces of bytes with their place. Out: offsets, paths of whole files. Does not know: HTTP (see `assay.server.tus`), what is
in the files.

    folder/ID          the bytes         folder/ID.json   what is known: length, name, offset, a checksum a piece
    folder/ID.d/NAME   the same file, when it is whole

The offset is what was written *and* synced *and* noted; a piece that broke off at a stop of the server lies beyond it and is cut
away before anything is appended. A file counts when its size is right and every piece reads back with the checksum that it
arrived with.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import xxhash

from assay.errors import DamagedError, GoneError, HeldError, StorageError, UsageError
from assay.server.database import Database, uploads
from assay.storage.folder import translate_errors

LARGEST = 2 << 40  # bytes of one upload
NOTED = 16 << 20  # bytes after which the offset is noted within one long piece
UNFINISHED = 200  # uploads that may be under way
KEPT = 7 * 24 * 3600.0  # seconds without a byte after which an unfinished one is swept away
ID = re.compile(r"[0-9a-f]{32}")


@dataclass
class Upload:
    """``offset``: bytes that are safe. ``pieces``: [start, stop, checksum] that cover 0 to ``offset``."""

    id: str
    length: int
    name: str
    person: str
    created: float
    checksum: str = ""  # of the whole, "sha256 <hex>", where the sender named it
    offset: int = 0
    pieces: list[list[Any]] = field(default_factory=list)


def without_home(text: str, home: Path) -> str:
    """A message without the folders of the server: files that were sent are named as they were sent."""
    for folder in {str(home), str(home.resolve())}:
        text = re.sub(re.escape(folder) + r"/(?:uploads/\w+(?:\.d/?)?|projects/)?", "", text)
    return text


class Uploads:
    """``folder`` belongs to the servers of one home."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self.folder = database, folder

    # under way -----------------------------------------------------------------------------------------------

    def begin(self, length: int, name: str, person: str, checksum: str = "") -> Upload:
        """`UsageError` for a size that is refused, `StorageError` where the disk has no room for it."""
        if not 0 <= length <= LARGEST:
            raise UsageError(f"an upload has at most {LARGEST:,} bytes")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sweep()
        if sum(1 for _ in self.folder.glob("*.json")) >= UNFINISHED:
            raise StorageError(f"there are {UNFINISHED} unfinished uploads; finish or cancel some")
        if shutil.disk_usage(self.folder).free < length:
            raise StorageError(f"the disk is full: it has no room for {length:,} bytes")
        upload = Upload(secrets.token_hex(16), length, plain_name(name), person, time.time(), checksum)
        with translate_errors(self.folder):
            self._data(upload.id).touch(0o600, exist_ok=False)
            self._note(upload)
        if length == 0:
            self.finish(upload)
        return upload

    def known(self, upload: str) -> Upload:
        """What has arrived. A file that lost bytes counts as far as it reaches."""
        if not ID.fullmatch(upload):
            raise GoneError("there is no such upload; send the file again")
        row = self._row(upload)
        if row is not None:
            return Upload(upload, row.size, row.name, row.person, row.created, "", row.size)
        try:
            found = Upload(**json.loads(self._notes(upload).read_bytes()))
            size = self._data(upload).stat().st_size
        except (OSError, ValueError, TypeError) as error:
            raise GoneError("there is no such upload; send the file again") from error
        if size < found.offset:
            self._cut(found, size)
        return found

    @contextlib.contextmanager
    def writing(self, upload: str) -> Iterator[Piece]:
        """To append from the noted offset; `HeldError` while another process does. What is noted stays, whatever happens."""
        known = self.known(upload)
        with self._data(upload).open("r+b", buffering=0) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise HeldError("this upload is being written by another server; try again in a moment") from error
            known = self.known(upload)
            stream.truncate(known.offset)
            stream.seek(known.offset)
            try:
                yield Piece(self, known, stream)
            finally:
                with contextlib.suppress(OSError):
                    stream.truncate(known.offset)

    def finish(self, upload: Upload) -> None:
        """An upload whose last byte has arrived counts from now on, if it reads back as it came. `DamagedError` if not: it
        begins again at the first piece that does not."""
        if self._row(upload.id) is not None:
            return
        wrong = self._wrong(upload)
        if wrong is not None:
            self._cut(upload, wrong)
            raise DamagedError(f"the file did not arrive whole; send it again from byte {wrong:,}")
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(uploads).values(
                    id=upload.id, name=upload.name, size=upload.length, person=upload.person[:80], created=time.time()
                )
            )
        self._notes(upload.id).unlink(missing_ok=True)

    def cancel(self, upload: str) -> None:
        """Forget one; a whole one too, if nobody uses its file any more by then."""
        self.known(upload)
        with self._database.writing() as connection:
            connection.execute(sa.delete(uploads).where(uploads.c.id == upload))
        self._remove(upload)

    def sweep(self) -> None:
        """Remove what nobody has sent a byte to for a week."""
        old = time.time() - KEPT
        for notes in self.folder.glob("*.json"):
            with contextlib.suppress(OSError):
                data = self._data(notes.stem)
                if max(notes.stat().st_mtime, data.stat().st_mtime if data.exists() else 0.0) < old:
                    self._remove(notes.stem)

    # whole ---------------------------------------------------------------------------------------------------

    def path(self, upload: str) -> Path:
        """A whole upload under its own name, alone in a folder: tables may name files beside them, and find none."""
        row = self._row(upload) if ID.fullmatch(upload) else None
        if row is None:
            raise UsageError(f"there is no finished upload {upload[:40]!r}; send the file again")
        target = self.folder / f"{upload}.d" / row.name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(self._data(upload), target)
        return target

    def holds(self, path: str | os.PathLike[str]) -> bool:
        return Path(path).resolve().is_relative_to(self.folder.resolve())

    # on disk -------------------------------------------------------------------------------------------------

    def _data(self, upload: str) -> Path:
        return self.folder / upload

    def _notes(self, upload: str) -> Path:
        return self.folder / f"{upload}.json"

    def _row(self, upload: str) -> Any:
        with self._database.reading() as connection:
            return connection.execute(sa.select(uploads).where(uploads.c.id == upload)).first()

    def _remove(self, upload: str) -> None:
        shutil.rmtree(self.folder / f"{upload}.d", ignore_errors=True)
        for path in (self._notes(upload), self._data(upload)):
            path.unlink(missing_ok=True)

    def _note(self, upload: Upload) -> None:
        """Atomically: the old notes or the new ones."""
        notes = self._notes(upload.id)
        new = notes.with_name(f"{notes.name}.{secrets.token_hex(4)}.new")
        try:
            with new.open("wb") as stream:
                stream.write(json.dumps(vars(upload)).encode())
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(notes)
        finally:
            new.unlink(missing_ok=True)

    def _cut(self, upload: Upload, size: int) -> None:
        """Back to the last piece that ends at or before ``size``."""
        upload.pieces = [piece for piece in upload.pieces if piece[1] <= size]
        upload.offset = upload.pieces[-1][1] if upload.pieces else 0
        self._note(upload)

    def _wrong(self, upload: Upload) -> int | None:
        """Where the file stops being what arrived; None = nowhere. Cost: reads it once."""
        import hashlib

        whole = hashlib.sha256() if upload.checksum else None
        at = 0
        with self._data(upload.id).open("rb") as stream:
            for start, stop, said in upload.pieces:
                if start != at:
                    return at
                state = xxhash.xxh3_128()
                while at < stop and (block := stream.read(min(1 << 20, stop - at))):
                    state.update(block)
                    if whole is not None:
                        whole.update(block)
                    at += len(block)
                if at != stop or state.hexdigest() != said:
                    return int(start)
            more = bool(stream.read(1))
        if at != upload.length or more:
            return at
        return 0 if whole is not None and upload.checksum != f"sha256 {whole.hexdigest()}" else None


class Piece:
    """Appends to an upload. ``write`` and then ``keep``; what was written and not kept is cut away by the next who writes."""

    def __init__(self, uploads: Uploads, upload: Upload, stream: FileIO) -> None:
        self._uploads, self.upload, self._stream = uploads, upload, stream
        self._start = self._at = upload.offset
        self._state = xxhash.xxh3_128()

    @property
    def room(self) -> int:
        """Bytes that are still to come."""
        return self.upload.length - self._at

    def write(self, data: bytes, *, note: bool = True) -> None:
        """`StorageError` where the disk is full. ``note``: keep what there is now and then, for a long piece."""
        try:
            left = memoryview(data)
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise StorageError(
                    "the disk is full; free some space and go on: what arrived before is kept"
                ) from error
            raise
        self._state.update(data)
        self._at += len(data)
        if note and self._at - self._start >= NOTED:
            self.keep()

    def keep(self) -> None:
        """What was written is safe from now on."""
        if self._at == self._start:
            return
        try:
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise StorageError("the disk is full; free some space and go on: what arrived before is kept") from error
        self.upload.pieces.append([self._start, self._at, self._state.hexdigest()])
        self.upload.offset = self._at
        with translate_errors(self._uploads.folder):
            self._uploads._note(self.upload)
        self._start, self._state = self._at, xxhash.xxh3_128()


def plain_name(name: str) -> str:
    """The last part of a file name with nothing in it that a path could be made of; its ending is kept when it is cut."""
    last = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w.()+ -]", "_", last).strip(". ") or "data"
    stem, dot, ending = kept.rpartition(".")
    ending = f"{dot}{ending}" if stem and len(ending.encode()) <= 16 else ""
    stem = kept.removesuffix(ending) if ending else kept
    room = 150 - len(ending.encode())  # bytes: a name of 120 Chinese characters has 360
    return stem.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore").strip(". ") + ending or "data"
