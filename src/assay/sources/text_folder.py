"""A folder or ZIP of text files, one text each -> `Cells` of paths, texts, labels and splits.

In: a `Listing` and a way to a file's bytes. Out: `Cells`. Does not know: what is in the texts.

Class folders and splits are found as among images (`assay.sources.folder.find_layout`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.cells import Cells
from assay.sources.encodings import to_utf8, wide
from assay.sources.files import BOM, ZERO_BYTES
from assay.sources.folder import TABLE_ENDINGS, Listing, asked_layout, ending, folders_at, loose, printable_path
from assay.sources.unreadable import UnreadableError

__all__ = ["PATH", "TEXT", "read_texts", "text_files"]

PATH, TEXT = "path", "text"  # the columns

ENDINGS = (".txt", ".text", "without ending")
ABOVE = 0.1  # a smaller share of text files above the level where most lie are no rows
MOSTLY = 0.5  # of the files must be texts
LARGEST = 16 << 20  # bytes of one text
ABOUT = ("readme", "license", "licence", "copying", "notice", "changelog", "makefile", "dockerfile")


def text_files(found: Listing) -> list[str]:
    """The paths of the texts of a folder without images, in byte order; [] where most files are something else."""
    if found.files:
        return []
    paths = [path for path in found.texts if ending(path) in ENDINGS and not _is_about(path)]
    if any(found.others[kind] for kind in TABLE_ENDINGS) and not any("/" in path for path in paths):
        return []  # a table beside loose files may be what they belong to
    depths = Counter(path.count("/") for path in paths)
    usual = max(depths, key=lambda depth: (depths[depth], depth), default=0)
    above = sum(count for depth, count in depths.items() if depth < usual)
    if above < ABOVE * len(paths):  # lists and notes that lie above the classes
        paths = [path for path in paths if path.count("/") >= usual]
    if len(paths) < 2 or len(paths) < MOSTLY * sum(found.others.values()):
        return []
    return sorted(paths, key=os.fsencode)


def _is_about(path: str) -> bool:
    return PurePosixPath(path).stem.lower() in ABOUT


def read_texts(
    paths: Sequence[str],
    read: Callable[[str], bytes],
    where: str,
    *,
    use_splits: bool,
    use_labels: bool,
    class_level: int | None,
) -> Cells:
    """Columns path, text, label and split, where there are such.

    A file that cannot be read, is no text or is larger than 16 MiB is a row with the reason. Line ends are kept. Cost: one read a file.
    """
    shown = list(map(printable_path, paths))
    parts = [path.split("/") for path in shown]
    layout = asked_layout(parts, class_level, where)
    reasons: dict[int, str] = {}
    encodings: dict[str, int] = {}
    texts: list[str | None] = []
    for row, path in enumerate(paths):
        text, problem = _text(path, read, encodings)
        texts.append(text)
        reasons |= {row: problem} if problem else {}
    if len(reasons) == len(paths):
        raise SourceError(f"none of the {len(paths):,} files of {where} can be read as text; the first: {reasons[0]}")
    columns = {PATH: pa.array(shown, pa.string()), TEXT: pa.array(texts, pa.string())}
    labels, splits = folders_at(parts, layout.label if use_labels else -1), folders_at(parts, layout.split)
    classes = {label for label in labels if label is not None}
    if classes:
        columns["label"] = pa.array(labels, pa.string())
    out = Cells(pa.table(columns), reasons=reasons, where=where)
    if any(splits) and use_splits:
        out.table = out.table.append_column("split", pa.array(splits, pa.string()))
        out.split = "split"
    what = f"class folders: {len(classes):,} classes, " if classes else ""
    out.notes.append(f"texts in files of their own ({what}{len(paths):,} texts)")
    out.notes += [
        f"encoding: {count:,} {'file is' if count == 1 else 'files are'} in {name} (not UTF-8)"
        for name, count in sorted(encodings.items())
    ]
    out.notes += layout.notes if use_labels else ()
    outside = loose(labels, "texts")
    out.notes += [outside] if outside else []
    return out


def _text(path: str, read: Callable[[str], bytes], encodings: dict[str, int]) -> tuple[str | None, str | None]:
    """(the text, None) or (None, why there is none); ``encodings`` counts those that are not UTF-8."""
    try:
        data = read(path)
    except UnreadableError as error:
        # an empty file is an empty text, and the check of texts says so
        return ("", None) if "empty" in str(error) else (None, str(error))
    if len(data) > LARGEST:
        return None, f"the file is larger than {LARGEST >> 20} MiB: one text a file is expected"
    if codec := wide(data):
        try:
            return data.decode(codec), None
        except UnicodeError:
            return None, f"damaged {codec.upper()} text"
    if data[:4096].count(0) > ZERO_BYTES * len(data[:4096]):
        return None, "no text: the file holds zero bytes"
    data, name = to_utf8(data.removeprefix(BOM))
    if name:
        encodings[name] = encodings.get(name, 0) + 1
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        return None, f"not valid UTF-8 (byte {error.start})"
