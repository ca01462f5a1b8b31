"""The folder everything is kept in: whole files or none, the same bytes for the same values, damage named."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from assay.errors import ProjectError, StorageError
from assay.storage import Folder
from assay.storage.folder import TEMPORARY, UMASK, translate_errors


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "p.assay")


def leftovers(folder: Folder) -> list[Path]:
    return list(folder.root.rglob(f"{TEMPORARY}*"))


def test_what_is_put_is_got(folder):
    folder.put("a/b.bin", b"bytes")
    folder.put_json("a/c.json", {"ü": [1, 2.5, None, True, "007"]})
    folder.put_array("a/d.npy", np.arange(6, dtype=np.int16).reshape(2, 3))
    folder.put_arrays(
        "a/e.npz", {"y": np.zeros(0), "x": np.array([1.5, np.nan]), "allow_pickle": np.ones(2), "file": np.ones(1)}
    )
    folder.put_table("a/f.parquet", pa.table({"x": [1, None], "s": ["a", None]}))
    assert folder.read("a/b.bin") == b"bytes"
    assert folder.get_json("a/c.json") == {"ü": [1, 2.5, None, True, "007"]}
    np.testing.assert_array_equal(folder.get_array("a/d.npy"), [[0, 1, 2], [3, 4, 5]])
    arrays = folder.get_arrays("a/e.npz")
    assert sorted(arrays) == ["allow_pickle", "file", "x", "y"] and arrays["y"].shape == (0,)
    np.testing.assert_array_equal(arrays["x"], [1.5, np.nan])
    assert folder.get_table("a/f.parquet", ["s"]).to_pydict() == {"s": ["a", None]}
    assert folder.names("a") == ["b.bin", "c.json", "d.npy", "e.npz", "f.parquet"]
    assert folder.names("nowhere") == [] and folder.names("a/b.bin") == []
    assert not leftovers(folder)


def test_the_same_values_give_the_same_bytes(tmp_path, monkeypatch):
    """No clock, no path, no host: written twice, elsewhere and later."""
    import time

    written = []
    for place, clock in (("one", 1_000_000_000.0), ("another/place", 1_700_000_000.0)):
        monkeypatch.setattr(time, "time", lambda clock=clock: clock)
        folder = Folder(tmp_path / place)
        folder.put_json("j", {"b": 1, "a": 2})
        folder.put_arrays("z", {"b": np.arange(5), "a": np.ones((2, 2))})
        folder.put_table("t", pa.table({"x": [1.0, None, 3.0], "s": ["a", "b", None]}))
        folder.put_array("n", np.arange(5.0))
        written.append([folder.read(name) for name in "jztn"])
    assert written[0] == written[1]


def test_the_order_of_keys_changes_no_byte(folder):
    folder.put_arrays("a", {"x": np.ones(2), "y": np.zeros(3)})
    folder.put_arrays("b", {"y": np.zeros(3), "x": np.ones(2)})
    folder.put_json("c", {"x": 1, "y": 2})
    folder.put_json("d", {"y": 2, "x": 1})
    assert folder.read("a") == folder.read("b") and folder.read("c") == folder.read("d")


def test_objects_are_never_pickled(folder):
    for write in (lambda: folder.put_array("a", np.array([{}])), lambda: folder.put_arrays("a", {"x": np.array([{}])})):
        with pytest.raises(ValueError, match=r"pickle|[Oo]bject"):
            write()
    assert not folder.exists("a") and not leftovers(folder)
    np.save(folder.root / "evil.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ProjectError, match="is damaged"):
        folder.get_array("evil.npy")


@pytest.mark.parametrize("kind", ["writing", "array_writer"])
def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(folder, kind):
    folder.put_array("x.npy", np.array([1, 2, 3]))

    def fail() -> None:
        if kind == "writing":
            with folder.writing("x.npy") as stream:
                stream.write(b"half")
                raise KeyboardInterrupt
        with folder.array_writer("x.npy", (5,), np.int64) as array:
            array[:2] = 9
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    np.testing.assert_array_equal(folder.get_array("x.npy"), [1, 2, 3])
    assert not leftovers(folder)


def test_an_array_is_filled_block_by_block(folder):
    with folder.array_writer("x.npy", (6, 2), np.float16) as array:
        for start in range(0, 6, 2):
            array[start : start + 2] = start
    np.testing.assert_array_equal(folder.get_array("x.npy")[:, 0], [0, 0, 2, 2, 4, 4])


@pytest.mark.parametrize("shape", [(0,), (0, 7), (3, 0)])
def test_an_array_may_be_empty(folder, shape):
    with folder.array_writer("x.npy", shape, np.float32) as array:
        assert array.shape == shape
    folder.put_array("y.npy", np.zeros(shape))
    assert folder.get_array("x.npy").shape == folder.get_array("y.npy", mmap=True).shape == shape


def test_large_arrays_may_stay_on_disk(folder):
    folder.put_array("x.npy", np.arange(1 << 18))
    assert isinstance(folder.get_array("x.npy", mmap=True), np.memmap)
    assert not isinstance(folder.get_array("x.npy"), np.memmap)


DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "noise": lambda data: b"\x07" * len(data),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["json", "array", "mapped array", "arrays", "table"])
def test_damage_is_an_error_that_names_the_file_and_what_to_do(folder, kind, damage):
    put, get = {
        "json": (lambda: folder.put_json("x", {"a": list(range(50))}), lambda: folder.get_json("x")),
        "array": (lambda: folder.put_array("x", np.arange(50)), lambda: folder.get_array("x")),
        "mapped array": (
            lambda: folder.put_array("x", np.arange(1 << 19)),
            lambda: folder.get_array("x", mmap=True),
        ),
        "arrays": (lambda: folder.put_arrays("x", {"a": np.arange(500)}), lambda: folder.get_arrays("x")),
        "table": (lambda: folder.put_table("x", pa.table({"a": range(500)})), lambda: folder.get_table("x")),
    }[kind]
    put()
    path = folder.path("x")
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(ProjectError) as caught:
        get()
    assert f"{path} is damaged" in str(caught.value) and "delete it and run the analysis again" in str(caught.value)


def test_a_flipped_byte_in_a_member_is_noticed(folder):
    folder.put_arrays("x", {"a": np.arange(500)})
    data = bytearray(folder.read("x"))
    data[400] ^= 0xFF
    folder.path("x").write_bytes(bytes(data))
    with pytest.raises(ProjectError, match="is damaged"):
        folder.get_arrays("x")


@pytest.mark.parametrize(("number", "said"), [
    (errno.ENOSPC, "the disk is full; free some space and run the same command again"),
    (errno.EDQUOT, "the disk quota is used up"),
    (errno.EROFS, "the disk is read-only"),
    (errno.EACCES, "permission denied"),
    (errno.EIO, "the disk reports an error"),
])  # fmt: skip
def test_errors_of_the_disk_are_told_plainly(number, said):
    with pytest.raises(StorageError, match=said) as caught, translate_errors("there"):
        raise OSError(number, os.strerror(number))
    assert "cannot write there" in str(caught.value) and caught.value.exit_code == 1


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        folder.put("x", b"data")
    assert not folder.exists("x") and not leftovers(folder)


def test_a_file_in_the_way_is_told_plainly(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for name in ("file/x", "file/deeper/x"):
        with pytest.raises(StorageError, match="a file stands where a folder is needed"):
            Folder(tmp_path).put(name, b"data")
    (tmp_path / "sub" / "inner").mkdir(parents=True)
    with pytest.raises(StorageError, match="a folder stands where a file is needed"):
        Folder(tmp_path).put("sub", b"data")


def test_files_get_the_permissions_a_plain_open_would_give(folder):
    folder.put("x", b"data")
    plain = folder.root / "plain"
    plain.write_bytes(b"data")
    assert stat.S_IMODE(folder.path("x").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_sweeping_removes_what_killed_processes_left_and_nothing_else(folder):
    folder.put("stages/a/x.npy", b"keep")
    folder.path(f"stages/a/{TEMPORARY}abc").write_bytes(b"half")
    folder.path(f"{TEMPORARY}dir").mkdir()
    assert folder.names("stages/a") == ["x.npy"]
    folder.sweep()
    assert not leftovers(folder) and folder.read("stages/a/x.npy") == b"keep"


def test_removing_works_for_files_folders_links_and_nothing(folder, tmp_path):
    folder.put("a/b", b"x")
    folder.put("c", b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_bytes(b"x")
    folder.path("link").symlink_to(tmp_path / "outside")
    for name in ("a", "c", "link", "nothing"):
        folder.remove(name)
    assert folder.names() == [] and (tmp_path / "outside" / "kept").exists()


def test_readers_see_the_old_file_or_the_new_one_never_a_mixture(folder):
    """Two writers and a reader at once. Oracle: each value is a file of one letter."""
    folder.put("x", b"a" * 20_000)
    stop = threading.Event()

    def write(letter: bytes) -> None:
        while not stop.is_set():
            folder.put("x", letter * 20_000)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    try:
        for _ in range(200):
            data = folder.read("x")
            assert len(data) == 20_000 and len(set(data)) == 1
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_a_folder_is_a_store_and_of_two_writers_of_a_new_name_one_wins(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    from assay.storage.store import Store

    store: Store = Folder(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda number: store.put_if_absent("runs/0001.json", str(number).encode()), range(8)))
    assert sum(won) == 1 and store.read("runs/0001.json") == str(won.index(True)).encode()
    assert store.names("runs") == ["0001.json"]


def test_files_get_the_rights_of_the_umask_and_writing_them_never_touches_it(tmp_path, monkeypatch):
    """To ask for the umask is to set it for the whole process: another thread's file would be open to everybody meanwhile."""

    def touched(_mask: int) -> int:
        raise AssertionError("the umask was set while files are written")

    monkeypatch.setattr(os, "umask", touched)
    folder = Folder(tmp_path / "p.assay")
    folder.put_json("a.json", {"a": 1})
    folder.put_array("b.npy", np.arange(3))
    assert {path.stat().st_mode & 0o777 for path in folder.root.glob("*.*")} == {0o666 & ~UMASK}
