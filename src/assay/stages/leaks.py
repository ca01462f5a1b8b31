"""What gives the label away: columns of a table, before models see them; sizes of pictures, before labels are judged.

In: cells or picture sizes, class codes. Out: findings as JSON, and what the label check must know.
Does not know: models.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.dataset.dataset import read_target
from assay.stages.specs import DatasetSpec
from assay.stages.stage import setting, stage
from assay.stages.tables import frame
from assay.storage import Folder


@dataclass(frozen=True, kw_only=True)
class ColumnLeaksSpec(DatasetSpec):
    features: tuple[str, ...] = setting()


@dataclass(frozen=True)
class LeaksFound:
    """``columns``: left out of the features; ``blind``: why labels cannot be judged at all, or ""."""

    columns: tuple[str, ...] = ()
    blind: str = ""
    notes: tuple[str, ...] = ()


@stage(version=2)
def column_leaks(folder: Folder, prefix: str, spec: ColumnLeaksSpec) -> LeaksFound:
    """Columns that fix the label, alone or in pairs."""
    from assay.encode.cells import read_cells
    from assay.insights.columns import value_numbers
    from assay.insights.leaks import leak_findings
    from assay.issues.leaks import find_leaks

    rows, cells = frame(folder, spec, spec.features)
    codes = read_target(folder, spec.dataset).codes[rows]
    numbers = {name: value_numbers(read_cells(cells[name], str(name))) for name in spec.features}
    leaks = find_leaks(numbers, codes)
    folder.put_json(f"{prefix}.json", [asdict(finding) for finding in leak_findings(leaks)])
    columns = tuple(dict.fromkeys(name for leak in leaks for name in leak.names))
    notes = (f"the label check was run without {', '.join(columns)}, which give the label away",) if columns else ()
    return LeaksFound(columns, notes=notes)


@dataclass(frozen=True, kw_only=True)
class SizeLeaksSpec(DatasetSpec):
    """``properties``: prefixes of what was measured of the pictures."""

    properties: tuple[str, ...]


@stage(version=1)
def size_leaks(folder: Folder, prefix: str, spec: SizeLeaksSpec) -> LeaksFound:
    """Whether the size of a picture fixes its class."""
    from assay.insights.leaks import size_finding
    from assay.issues.leaks import Leak, fixes

    names = ["row", "reason", "width", "height"]
    table = pa.concat_tables([folder.get_table(f"{part}.properties.parquet", names) for part in spec.properties])
    table = table.filter(table["reason"].is_null())
    rows = table["row"].to_numpy()
    codes = read_target(folder, spec.dataset).codes[rows]
    sizes = table["width"].to_numpy().astype(np.int64) * 1_000_000 + table["height"].to_numpy().astype(np.int64)
    numbers = pd.factorize(sizes)[0].astype(np.int64)
    share = fixes(numbers, codes)
    if share is None:
        folder.put_json(f"{prefix}.json", [])
        return LeaksFound()
    leak = Leak(("width", "height"), int(numbers.max()) + 1, share)
    folder.put_json(f"{prefix}.json", [asdict(size_finding(leak))])
    reason = (
        f"the size of a picture gives its class away ({share:.1%} of the labelled pictures), and a model may see the size "
        "and not the subject: label findings are withheld"
    )
    return LeaksFound(blind=reason, notes=(reason,))
