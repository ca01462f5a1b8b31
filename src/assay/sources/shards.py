"""A Hugging Face dataset as it is downloaded: Parquet files named by split and number -> one `Cells`.

In: a folder. Out: its files by split; their rows with a column that names the split. Does not know: which column is what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.cells import Cells, from_arrow
from assay.sources.files import read_arrow
from assay.sources.parts import joined

SHARD = re.compile(r"(.{1,99})-[0-9]{5}-of-[0-9]{5}(?:-[0-9a-f]{1,40})?\.parquet")  # train-00000-of-00002.parquet


def find_shards(folder: Path) -> dict[str, list[Path]]:
    """The files of each split, in ``folder`` or its ``data/``; empty where other Parquet files lie there, too."""
    for below in (folder, folder / "data"):
        files = sorted(below.glob("*.parquet"))
        matches = [(file, SHARD.fullmatch(file.name)) for file in files]
        if files and all(match for _, match in matches):
            found: dict[str, list[Path]] = {}
            for file, match in matches:
                found.setdefault(match[1] if match else "", []).append(file)
            return found
    return {}


def read_shards(splits: Mapping[str, Sequence[Path]]) -> Cells:
    """All rows, split by split. `SourceError` where the columns of the files differ."""
    parts = {}
    for split, files in splits.items():
        try:
            table = pa.concat_tables([read_arrow(file) for file in files])
        except pa.ArrowException as error:
            raise SourceError(
                f"the files of the split {split} have different columns ({error}); give one file"
            ) from error
        parts[split] = from_arrow(table, str(files[0]))
    if len(parts) == 1:
        return next(iter(parts.values()))
    found = joined(parts, "the dataset", merged=True)
    found.notes.append(f"{sum(map(len, splits.values())):,} Parquet files are read as one dataset: {', '.join(parts)}")
    return found
