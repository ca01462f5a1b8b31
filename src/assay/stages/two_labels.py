"""Two labels in one row: the most plausible rows, taken apart; a second class that parts of them show.

In: probabilities, folds, vectors of the parts of pictures (`assay.stages.images.windows`) or the texts themselves. Out: the
table ``issues/multi_label``, pairs of classes that appear together, a finding. Does not know: how rows are read, how parts
become evidence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.stages.issues import Checked, CheckSpec, write_issues
from assay.stages.stage import setting, stage
from assay.stages.vectors import embeddings_of, labels_of
from assay.storage import Folder

if TYPE_CHECKING:
    from assay.insights.two_labels import TwoLabels
    from assay.issues.scan import Scan

TAKEN_APART = 3_000  # rows at most: some 10 parts of a text, 2 ms a part and core; 10 ms and a decode a picture
SMALLEST = 96  # pixels of the shorter side: a window of a smaller picture shows strokes, not things
FEW_PICTURES, FEW_TEXTS = (600, 4), (300, 8)  # so many are taken apart in any case; of more, one in so many
HELD_OUT = 4_000  # rows that the scale of a head's scores is read off
OWN, ROUNDS = (
    4,
    2,
)  # windows of a picture that the second head learns from, and how often these are chosen; on coco_photos
Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class PlausibleSpec(CheckSpec):
    """``pred_probs``: prefix; ``text``: the text column, "" for pictures, and ``encoder``: whose vectors texts are judged by;
    ``properties``: prefixes of what was measured of pictures."""

    pred_probs: str
    text: str
    encoder: str = setting()
    properties: tuple[str, ...]


@dataclass(frozen=True)
class PlausibleFound:
    """``small``: rows whose pictures are too small to be taken apart."""

    rows: int
    small: int


@stage(version=6)
def plausible(folder: Folder, prefix: str, spec: PlausibleSpec) -> PlausibleFound:
    """Positions among the vector rows of those worth taking apart, ascending; of texts what tells it in ``.rest.npz``, too."""
    from assay.insights.two_labels import OneAgainstRest, length_ranks, plausible_rows
    from assay.issues.scan import scan

    labels = labels_of(folder, spec)
    top = scan(labels, folder.get_array(f"{spec.pred_probs}.npy", mmap=True))
    others = [np.nan_to_num(top.other(labels)[1])]
    rank = np.full(len(labels), 0.5, np.float32)
    small = np.zeros(len(labels), bool)
    if spec.text:
        rank = length_ranks(labels, _lengths(texts_of(folder, spec)))
        x = embeddings_of(folder, spec)[spec.encoder]
        rest = OneAgainstRest.fit(x, labels, len(spec.classes))
        others.append(rest.second(x, labels))
        folder.put_arrays(f"{prefix}.rest.npz", vars(rest))
    else:
        small = _shorter_sides(folder, spec) < SMALLEST
    candidates = np.where(small, np.int32(-1), labels)
    few, part = FEW_TEXTS if spec.text else FEW_PICTURES
    most = min(TAKEN_APART, max(few, len(labels) // part))
    rows = plausible_rows(candidates, others, rank, most)
    folder.put_array(f"{prefix}.npy", rows)
    return PlausibleFound(len(rows), int(small.sum()))


def _shorter_sides(folder: Folder, spec: PlausibleSpec) -> NDArray[np.int64]:
    """Of the pictures of the vector rows, in pixels; 0 where nothing was measured."""
    names = ["row", "width", "height"]
    measured = pa.concat_tables([folder.get_table(f"{part}.properties.parquet", names) for part in spec.properties])
    sides = np.zeros(spec.n_rows, np.int64)
    width, height = (measured[name].fill_null(0).to_numpy() for name in ("width", "height"))
    sides[measured["row"].to_numpy()] = np.minimum(width, height)
    return sides[folder.get_array(f"{spec.vectors}.rows.npy")]


def texts_of(folder: Folder, spec: PlausibleSpec | TwoLabelsSpec) -> list[str]:
    """The texts of the vector rows."""
    from assay.dataset.dataset import read_cells

    rows = folder.get_array(f"{spec.vectors}.rows.npy")
    cells = read_cells(folder, spec.dataset, 0, spec.n_rows, [spec.text])[spec.text]
    return [str(text or "") for text in cells.take(pa.array(rows)).to_pylist()]


def _lengths(texts: list[str]) -> NDArray[np.int64]:
    return np.array([len(text.split()) for text in texts], np.int64)


@dataclass(frozen=True, kw_only=True)
class TwoLabelsSpec(CheckSpec):
    """``pred_probs``, ``folds``, ``plausible``: prefixes; ``windows``: of pictures taken apart; ``encoder``: whose vectors
    the parts have; ``load``: what sentence encoders were asked for; ``text``: the text column, "" for pictures; ``unsure``: label
    findings were withheld."""

    pred_probs: str
    folds: str
    plausible: str
    windows: tuple[str, ...]
    encoder: str = setting()
    load: tuple[str, ...] = setting()
    text: str = setting()
    unsure: bool = setting(default=False)


@stage(version=16)
def two_labels(folder: Folder, prefix: str, spec: TwoLabelsSpec) -> Checked:
    """Rows that hold a second class. Beside the table: ``.joint.npz``, the rows behind each pair of classes, and
    ``.json``, the finding, both by position among the vector rows."""
    from assay.insights.proposals import two_label_finding
    from assay.issues.scan import scan

    labels = labels_of(folder, spec)
    probabilities = folder.get_array(f"{spec.pred_probs}.npy", mmap=True)
    top = scan(labels, probabilities)
    rows = folder.get_array(f"{spec.plausible}.npy")
    close = _close(labels, spec, _first(folder, spec, top))
    judged = _texts if spec.text else _pictures
    found, parts, joint = judged(folder, spec, labels, rows, close)
    # what all rows of two classes show together needs no trace in each of them: a candidate and its rows say the same
    keys = np.array(sorted(joint), np.int64).reshape(-1, 2)
    behind = np.concatenate([np.zeros(0, np.int64), *(joint[a, b] for a, b in keys.tolist())])
    found = replace(found, plain=found.plain | np.isin(found.rows, behind))
    second, _ = top.other(labels)
    second = np.where(labels >= 0, second, -1).astype(np.int32)
    named = found.second >= 0
    second[found.rows[named]] = found.second[named]
    flag, score = np.zeros(len(labels), bool), np.full(len(labels), np.nan, np.float32)
    flag[found.rows] = found.plain
    score[found.rows] = found.score
    told = np.full(len(labels), None, object)
    for at in np.flatnonzero(found.plain).tolist():
        told[found.rows[at]] = parts[at][int(found.part[at])]
    values = {"is_multi_label": flag, "multi_label_score": score, "second_label": second, "second_label_part": told}
    counts = np.array([len(joint[a, b]) for a, b in keys.tolist()], np.int64)
    folder.put_arrays(f"{prefix}.joint.npz", {"pairs": keys, "counts": counts, "rows": behind})
    findings = two_label_finding(list(spec.classes), labels, found, parts, len(labels), unsure=spec.unsure)
    folder.put_json(f"{prefix}.json", [asdict(finding) for finding in findings])
    return write_issues(folder, prefix, "multi_label", values, folder.get_array(f"{spec.vectors}.rows.npy"), spec)


def read_joint(folder: Folder, prefix: str) -> dict[tuple[int, int], NDArray[np.int64]]:
    """(holder, held) class codes -> positions of the rows that show both."""
    kept = folder.get_arrays(f"{prefix}.joint.npz")
    bounds = np.concatenate([[0], np.cumsum(kept["counts"])]).tolist()
    pairs = kept["pairs"].tolist()
    return {
        (int(a), int(b)): kept["rows"][start:stop]
        for (a, b), start, stop in zip(pairs, bounds, bounds[1:], strict=False)
    }


def _first(folder: Folder, spec: TwoLabelsSpec, top: Scan) -> Scan:
    """Before the models forgot doubted labels: of two classes that mean the same one would be gone."""
    from assay.issues.scan import Scan

    name = f"{spec.pred_probs}.first.npz"
    return Scan(len(spec.classes), **folder.get_arrays(name)) if folder.exists(name) else top


def _close(labels: NDArray[np.int32], spec: TwoLabelsSpec, first: Scan) -> NDArray[np.bool_]:
    """(K, K) classes that nothing tells apart, and specific classes of one general class; each is close to itself."""
    from assay.insights.relations import relations

    close = np.eye(len(spec.classes), dtype=np.float32)
    for r in relations(spec.classes, labels, first):
        if r.type in ("same_thing", "is_a"):
            close[r.first, r.second] = close[r.second, r.first] = 1
    return np.asarray((close @ close) > 0)


Judged = tuple["TwoLabels", list[list[str]], dict[tuple[int, int], NDArray[np.int64]]]


def _texts(
    folder: Folder, spec: TwoLabelsSpec, labels: NDArray[np.int32], rows: NDArray[np.int64], close: NDArray[np.bool_]
) -> Judged:
    """Clauses, encoded by themselves and scored by the head that did not learn from their text."""
    from assay.encode.bert import sentence_encoders
    from assay.insights.two_labels import (
        IN_TEXT,
        OneAgainstRest,
        clauses,
        held_classes,
        length_ranks,
        plausible_pairs,
        second_labels,
        traced,
        with_rows_of_holders,
    )

    encoder = next(e for e in sentence_encoders(list(spec.load)) if e.name == spec.encoder)
    x = embeddings_of(folder, spec)[spec.encoder]
    texts = texts_of(folder, spec)
    score = _scorer(folder, spec, x, labels, np.arange(len(labels)))

    def apart(some: NDArray[np.int64]) -> tuple[list[list[str]], list[Vectors]]:
        parts = [clauses(texts[row]) for row in some.tolist()]
        vectors = encoder.encode([part for of_row in parts for part in of_row], threads=spec.threads)
        bounds = np.cumsum([0, *(len(of_row) for of_row in parts)]).tolist()
        return parts, [score(row, vectors[a:b]) for row, a, b in zip(some.tolist(), bounds, bounds[1:], strict=False)]

    rest = OneAgainstRest(**folder.get_arrays(f"{spec.plausible}.rest.npz"))
    rank = length_ranks(labels, _lengths(texts))
    pairs = plausible_pairs(labels, rest, x, close, rank)
    rows = with_rows_of_holders(labels, rows, pairs, len(rows))
    taken, scored = apart(rows)
    whole = rest.scores(x[rows], labels[rows])
    found = second_labels(labels, rows, scored, whole, close, rank)
    found = traced(found, _probabilities(folder, spec, rows), IN_TEXT)
    return found, taken, held_classes(labels, found, scored, whole, rank, pairs)


def _probabilities(folder: Folder, spec: TwoLabelsSpec, rows: NDArray[np.int64]) -> Vectors:
    """(m, K) out of sample, of the whole rows."""
    return np.asarray(folder.get_array(f"{spec.pred_probs}.npy", mmap=True)[rows], np.float32)


def _pictures(
    folder: Folder, spec: TwoLabelsSpec, labels: NDArray[np.int32], rows: NDArray[np.int64], close: NDArray[np.bool_]
) -> Judged:
    """Windows of the last feature map, scored by two heads that did not learn from the picture, mean: that of the pictures as
    they were encoded, and one of the windows that show most of what the pictures are labelled as."""
    from assay.encode.image_encoders import window_bounds
    from assay.insights.two_labels import held_in_windows, second_in_windows, traced

    read = np.concatenate([folder.get_array(f"{part}.npy") for part in spec.windows])
    readable = np.isfinite(read[:, 0]).all(1)
    rows, windows = rows[readable], np.asarray(read[readable, 1:], np.float32)
    score = _scorer(
        folder, spec, embeddings_of(folder, spec)[spec.encoder], labels, np.arange(len(labels)), (rows, windows)
    )
    encoded = [score(row, parts) for row, parts in zip(rows.tolist(), windows, strict=True)]
    telling = encoded
    for _ in range(ROUNDS):
        own = _own_windows(windows, labels[rows], telling)
        score = _scorer(folder, spec, own, labels, np.repeat(rows, own.shape[0] // max(len(rows), 1)), (rows, windows))
        telling = [score(row, parts) for row, parts in zip(rows.tolist(), windows, strict=True)]
    scored = [(one + two) / 2 for one, two in zip(encoded, telling, strict=True)]
    probs = _probabilities(folder, spec, rows)
    windowed = second_in_windows(labels, rows, scored, probs, close)
    found = traced(windowed, probs)
    where = [" ".join(f"{share:.2f}" for share in bounds) for bounds in window_bounds()]
    return found, [where] * len(rows), held_in_windows(labels, windowed, len(spec.classes))


def _own_windows(windows: Vectors, labels: NDArray[np.int32], scored: list[Vectors]) -> Vectors:
    """(m * `OWN`, d) the windows of each picture that are surest to show its own class: a whole picture also shows its
    surroundings, and a head that learned those sees a class wherever they are."""
    m, _, d = windows.shape
    given = np.array([p[:, code] for p, code in zip(scored, labels.tolist(), strict=True)]).reshape(m, -1)
    chosen = np.argsort(-given, axis=1, kind="stable")[:, :OWN]
    return windows[np.arange(m)[:, None], chosen].reshape(-1, d)


def _scorer(
    folder: Folder,
    spec: TwoLabelsSpec,
    x: NDArray[Any],
    labels: NDArray[np.int32],
    rows: NDArray[np.int64],
    windows: tuple[NDArray[np.int64], NDArray[Any]] | None = None,
) -> Any:
    """``score(row, parts)``: (parts, K) probabilities by the head that was learned without the row's fold.

    ``x`` (n, d) vectors of the rows ``rows``. ``windows``: positions (m,) of rows and their parts (m, w, d), off which the scale of
    the scores is read; without them, off whole rows. A window of sky is like no whole picture: a head that is right of all
    of those says anything of it, and says it surely.
    """
    from assay.predict.linear import calibrated_loss, discriminants, log_softmax

    folds = folder.get_array(f"{spec.folds}.npy")
    here = folds[rows]
    heads = discriminants(x, labels[rows], here, np.ones(len(rows), bool), len(spec.classes), threads=spec.threads)
    of, asked = rows, x
    if windows is not None and (folds[windows[0]] == 0).any():
        of, asked = windows
    held_out = np.flatnonzero(folds[of] == 0)[:HELD_OUT]
    parts = np.asarray(asked[held_out], np.float32).reshape(-1, x.shape[1])
    given = np.repeat(labels[of[held_out]], len(parts) // max(len(held_out), 1))
    heat = calibrated_loss(heads[0].scores(parts), given)[0] if len(held_out) else 1.0

    def score(row: int, parts: Vectors) -> Vectors:
        head = heads[min(int(folds[row]), len(heads) - 1)]
        return np.exp(log_softmax(head.scores(parts) / np.float32(heat)))

    return score
