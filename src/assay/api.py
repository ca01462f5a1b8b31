"""The Python door: `analyze` and `open`.

In: what a person has, in their words. Out: a `Project`. Does not know: how stages work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from assay.project import Project
from assay.storage import Folder


def analyze(
    data: Any,
    *,
    label: str | None = None,
    text: str | None = None,
    image: str | None = None,
    id: str | None = None,
    split: str | None = None,
    class_level: int | None = None,
    sheet: str | None = None,
    task: str | None = None,
    modality: str = "auto",
    features: Sequence[str] | None = None,
    pred_probs: Any = None,
    classes: Sequence[Any] | None = None,
    embeddings: Any = None,
    encoder: str | Sequence[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    replace: bool = False,
    seed: int = 0,
    effort: str = "regular",
    workers: int | None = None,
    memory: str | int | None = None,
    progress: str = "auto",
    debug: bool = False,
) -> Project:
    """Find what is wrong in a dataset. Resumes where an interrupted run of the same project stopped.

    Parameters
    ----------
    data : a path (folder, ZIP, CSV, TSV, JSON, JSONL, Parquet, Arrow, Excel), a pandas or polars DataFrame, or a
        Hugging Face Dataset.
    label, text, image, id, split : column names. Without ``label`` a column of a conventional name is taken, and said.
        ``split="none"`` ignores splits.
    task : "auto", "multi-class" (or "classification") or "unsupervised".
    modality : "auto", "image", "text" or "table".
    features : the columns a table is judged by; default all but label, id and split.
    class_level : which level of the folders is the class, from 1; default the first that has several and is no split.
    sheet : of an Excel file; default the first with a table.
    pred_probs : (N, K) out-of-sample probabilities, rows in the data's order: array, DataFrame or ``.npy`` file.
        Columns follow ``classes``, a DataFrame's columns, or the sorted classes. Skips the models.
    embeddings : (N, d) array or ``.npy`` file, or a dict of them. Replaces the built-in encoders.
    encoder : one more encoder, or several: a name of ``assay models list``, an ONNX file or folder, a BERT-family folder.
    output : the project folder; default the data's name with ``.assay`` in the working directory.
    replace : begin the project anew where it holds the results of other data, which is refused otherwise.
    seed : the same data, seed and machine kind give the same result tables, whatever ``workers`` and ``memory``.
    effort : "fast", "regular" or "best".
    workers, memory : worker processes (default: the cores) and a bound such as "3GB" (default: half the machine).
    progress : "auto", "bars", "lines", "json" or "quiet".

    Returns
    -------
    Project

    Raises
    ------
    assay.AssayError
        with one message that says what was wrong and what to do; see `assay.errors` for the tree.
    """
    from assay.actions.standing import standing
    from assay.analysis.progress import Progress
    from assay.analysis.run import analyze_source
    from assay.analysis.settings import make_settings
    from assay.sources import open_source

    encoders = [encoder] if isinstance(encoder, str) else list(encoder or ())
    settings = make_settings(
        task=task, seed=seed, effort=effort, encoders=encoders, workers=workers, memory=memory, debug=debug
    )
    source = open_source(
        data,
        modality=modality,
        label=label,
        text=text,
        image=image,
        id=id,
        split=split,
        features=features,
        class_level=class_level,
        sheet=sheet,
    )
    folder = Folder(output if output is not None else f"{source.name}.assay")
    analyze_source(
        source,
        folder,
        settings,
        Progress(progress),
        pred_probs=pred_probs,
        pred_classes=classes,
        embeddings=embeddings,
        decided=lambda: standing(folder.root),
        replace=replace,
    )
    return Project(folder.root)


def open(path: str | os.PathLike[str]) -> Project:
    """The project at ``path``. `assay.errors.ProjectError` says what is wrong with a folder that is none."""
    return Project(Path(path))


def named_arrays(values: Sequence[str]) -> Mapping[str, str] | None:
    """``["a.npy"]`` or ``["NAME=a.npy", ...]`` of the command line -> what `analyze` takes as ``embeddings``."""
    if not values:
        return None
    named = {}
    for number, value in enumerate(values):
        name, sign, file = value.partition("=")
        if not sign or not name.isidentifier():
            name, file = "embeddings" if len(values) == 1 else f"embeddings_{number}", value
        named[name] = file
    return cast(Mapping[str, str], named)
