"""What gives the label away: columns of a table and the texts themselves, before models see them; the form of pictures, before
labels are judged.

In: cells, texts or picture sizes, class codes. Out: findings as JSON, and what the label check must know.
Does not know: models.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import read_target
from assay.dataset.target import Label
from assay.encode.cells import Cells
from assay.issues.leaks import Leak
from assay.stages.specs import DatasetSpec
from assay.stages.stage import setting, stage
from assay.stages.tables import frame
from assay.stages.vectors import column_of
from assay.storage import Folder


@dataclass(frozen=True)
class LeaksFound:
    """``columns``: left out of the features; ``blind``: why labels cannot be judged at all, or ""; ``blind_classes``: codes of
    classes that alone cannot be judged."""

    columns: tuple[str, ...] = ()
    blind: str = ""
    notes: tuple[str, ...] = ()
    blind_classes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ColumnLeaksSpec(DatasetSpec):
    features: tuple[str, ...] = setting()


@stage(version=5)
def column_leaks(folder: Folder, prefix: str, spec: ColumnLeaksSpec) -> LeaksFound:
    """Columns that fix the label, alone or in pairs, by their values, their order, a part of them or their being there."""
    from assay.encode.cells import read_cells
    from assay.insights.columns import value_numbers
    from assay.insights.leaks import leak_findings
    from assay.issues.leaks import find_leaks

    rows, cells = frame(folder, spec, spec.features)
    codes = read_target(folder, spec.dataset).codes[rows]
    read = {name: read_cells(cells[name], str(name)) for name in spec.features}
    leaks = find_leaks({name: value_numbers(cells) for name, cells in read.items()}, codes)
    named = {name for leak in leaks for name in leak.names}
    leaks += [leak for name in spec.features if name not in named and (leak := _hidden(name, read[name], codes))]
    columns = tuple(dict.fromkeys(name for leak in leaks for name in leak.names))
    others = not set(spec.features) <= set(columns)
    folder.put_json(f"{prefix}.json", [asdict(finding) for finding in leak_findings(leaks, others=others)])
    give = "gives" if len(columns) == 1 else "give"
    told = f"the label check was run without {', '.join(columns)}, which {give} the label away"
    notes = (told,) if columns and others else ()
    return LeaksFound(columns, notes=notes)


def _hidden(name: str, read: Cells, codes: NDArray[np.int32]) -> Leak | None:
    """What about a column fixes the label where its values as such do not."""
    from assay.issues.leaks import classes_fixed, fixed_by_order, fixed_by_parts, fixes, is_running

    if read.kind in ("empty", "constant"):
        return None
    share = fixes(read.blank.astype(np.int64), codes)
    if share is not None:
        return Leak((name,), 2, share, "blank")
    if of_class := classes_fixed(read.blank.astype(np.int64), codes):
        return Leak((name,), 2, of_class[0][1], "blank class")
    if read.numbers is not None and (read.kind in ("identifier", "date") or is_running(read.numbers)):
        share = fixed_by_order(read.numbers, codes)
        if share is not None:
            return Leak((name,), len(np.unique(read.numbers)), share, "order")
    if read.codes is not None and read.kind in ("identifier", "string", "category"):
        of_row = np.array([*read.levels, None], object)[read.codes].tolist()
        found = fixed_by_parts(of_row, codes)
        if found is not None:
            return Leak((name,), found.values, found.share, found.how)
    return None


@dataclass(frozen=True, kw_only=True)
class TextLeaksSpec(DatasetSpec):
    column: str = setting()
    classes: tuple[Label, ...] = setting()


@stage(version=3)
def text_leaks(folder: Folder, prefix: str, spec: TextLeaksSpec) -> LeaksFound:
    """Whether the texts are names with the class in them, or begin or end with its name or with a mark that fixes it."""
    from dataclasses import replace

    from assay.insights.leaks import text_finding
    from assay.issues.leaks import begins_with_class, fixed_by_mark, fixed_by_parts
    from assay.sources.words import mostly_unspaced
    from assay.stages.texts import all_texts

    rows, texts = all_texts(folder, spec)
    codes = read_target(folder, spec.dataset).codes[rows]
    # Chinese or Thai runs of letters are words of a text, and no parts of a name
    named = None if mostly_unspaced(texts) else fixed_by_parts(texts, codes)
    leak = named or begins_with_class(texts, codes, spec.classes) or fixed_by_mark(texts, codes)
    if leak is None:
        folder.put_json(f"{prefix}.json", [])
        return LeaksFound()
    leak = replace(leak, names=(spec.column,))
    folder.put_json(f"{prefix}.json", [asdict(text_finding(leak))])
    reason = (
        f"the text gives its class away ({leak.share:.1%} of the labelled rows), and a model reads that and not what the text "
        "says: label findings are withheld"
    )
    return LeaksFound(blind=reason, notes=(reason,))


@dataclass(frozen=True, kw_only=True)
class FormLeaksSpec(DatasetSpec):
    """``properties``: prefixes of what was measured of the pictures; ``classes``: in the order of their codes."""

    properties: tuple[str, ...]
    classes: tuple[Label, ...] = setting()


@stage(version=2)
def form_leaks(folder: Folder, prefix: str, spec: FormLeaksSpec) -> LeaksFound:
    """Whether size, shape or file format of a picture fix its class, or tell single classes from all others."""
    from assay.insights.leaks import form_finding
    from assay.issues.leaks import classes_fixed, fixes

    names = ["row", "reason", "width", "height"]
    table = pa.concat_tables([folder.get_table(f"{part}.properties.parquet", names) for part in spec.properties])
    table = table.filter(table["reason"].is_null())
    rows = table["row"].to_numpy()
    codes = read_target(folder, spec.dataset).codes[rows]
    width, height = (table[name].to_numpy().astype(np.float64) for name in ("width", "height"))
    forms = _forms(width, height, column_of(folder, spec, "uri").take(pa.array(rows)).to_pylist())
    for form, (of, values) in forms.items():
        share = fixes(values, codes)
        if share is None:
            continue
        leak = Leak(of, int(values.max()) + 1, share)
        folder.put_json(f"{prefix}.json", [asdict(form_finding(form, leak))])
        reason = (
            f"the {form} of a picture gives its class away ({share:.1%} of the labelled pictures), and a model may see the "
            f"{form} and not the subject: label findings are withheld"
        )
        return LeaksFound(blind=reason, notes=(reason,))
    findings, blind = [], list[int]()
    for form, (of, values) in forms.items():
        fixed = [(code, share) for code, share in classes_fixed(values, codes) if code not in blind]
        if fixed:
            leak = Leak(of, int(values.max()) + 1, min(share for _, share in fixed))
            findings.append(form_finding(form, leak, [spec.classes[code] for code, _ in fixed]))
            blind += [code for code, _ in fixed]
    folder.put_json(f"{prefix}.json", [asdict(finding) for finding in findings])
    given = ", ".join(str(spec.classes[code]) for code in blind)
    notes = (f"labels {given} were not judged: the form of these pictures gives them away",) if blind else ()
    return LeaksFound(notes=notes, blind_classes=tuple(sorted(blind)))


def _forms(
    width: NDArray[np.float64], height: NDArray[np.float64], files: list[str | None]
) -> dict[str, tuple[tuple[str, ...], NDArray[np.int64]]]:
    """Form -> the properties it is made of and numbers of its values; areas and shapes in steps of an eighth of an octave."""
    endings = [(file or "").rpartition("/")[2].rpartition(".")[2].lower().replace("jpeg", "jpg") for file in files]
    steps = {
        "area": np.round(8 * np.log2(np.maximum(width * height, 1))),
        "shape": np.round(8 * np.log2(np.maximum(width, 1) / np.maximum(height, 1))),
    }
    numbers = {name: pd.factorize(values)[0].astype(np.int64) for name, values in steps.items()}
    return {
        "size": (("width", "height"), pd.factorize(width * 1_000_000 + height)[0].astype(np.int64)),
        "format": (("file format",), pd.factorize(np.array(endings, object))[0].astype(np.int64)),
        "shape": (("width", "height"), numbers["shape"]),
        "area": (("width", "height"), numbers["area"]),
    }
