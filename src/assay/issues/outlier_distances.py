"""Outliers of anything but tables: distances to the nearest rows, and to the nearest rows of the same class.

In: one or more embeddings, the neighbour graph, labels where there are any. Out: `Judged` with an `OutlierReference`.
Does not know: pictures, texts, class names, files.

Evidence is distance, never divided by the neighbours' own: to the nearest rows, and to the nearest rows of the same class.
A mislabelled row is far from its class only; a foreign row is far from both. Measured (development machine, 9,150 queries of
clinc150 with 150 out-of-scope ones under random labels and 10 % wrong labels): average precision of the sum .63 on two
embeddings, of either alone .41 and .13; Mahalanobis distances and the entropy of the vote added nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues import outlier_reference
from assay.issues.distances import class_distances
from assay.issues.outlier_evidence import NEAREST_REASON, P_VALUE, Judged, Neighborhood, Part, in_tail
from assay.issues.outlier_reference import OutlierReference
from assay.issues.tail import ENOUGH, fit_tail
from assay.issues.unusual_cells import UnusualCells

Floats = NDArray[np.float64]

NEAREST = {"text": (0, 10)}  # ranks of the neighbours that count; texts have few copies ...
# ... pictures come in series: the sixth to the fifteenth (photographs, foreign class of 6: AP .16 -> .60)
OTHERS = (5, 15)
WITHOUT_PRETRAINING = "patches"  # of that embedding cosines say nothing, lengths do
AGREE = 0.5  # share of neighbours with the row's label from which a row stands for a clean dataset
BLOCK = 8_192  # rows looked at together
MOST_AGREE = 0.5  # of the labelled rows; fewer, and those that agree are not what most rows are like
# So many times the usual flags, and so large a share of rows beyond the range of agreeing rows: many foreign rows. Clean
# sets (banking77, cifar10n_6k, fashion_mnist_5k, with 0 to 40 % wrong labels) give at most 1.5 %.
# The 2 % was set after a look at clinc150, too.
MANY, MANY_SHARE = 5, 0.02
CLASS_PART = 0.25  # of a class beyond it: a sparse class, not foreign rows


def judge_distances(
    near: Neighborhood, codes: NDArray[np.int32], analyzed: NDArray[np.bool_], *, modality: str
) -> Judged:
    """Which rows lie far from all others, and from their class.

    Parameters
    ----------
    All as `measure_distances` takes them; at least one row takes part.

    Notes
    -----
    Flags: a generalised Pareto tail fitted between the 80th and the 98th centile, p < .003 (`in_tail`), and where very many rows
    lie beyond the same tail of rows whose neighbours share their label, as many of the highest scores (`_many_foreign`).
    Evidence: the scales and weights of `OutlierReference`. Cost: that of `measure_distances`.
    """
    known = np.flatnonzero(analyzed)
    measured = measure_distances(near, codes, analyzed, modality=modality)
    learned_alone = all(name == WITHOUT_PRETRAINING for name in near.embeddings)
    parts, combined, reference = _evidence(measured, learned_alone, _mostly_labelled(codes, analyzed))
    evidence, cells = combined[known], UnusualCells(np.zeros(len(codes)))
    if len(known) < ENOUGH or np.ptp(evidence) <= 0:
        return Judged.none_flagged(parts, evidence, cells, [])
    beyond, notes = in_tail(evidence), []
    if many := _many_foreign(parts[0].z, _agreeing(near.ids, codes), codes, known):
        beyond[np.argsort(-evidence, kind="stable")[:many]] = True
        notes.append(
            f"this dataset seems to hold many foreign rows: {many:,} lie beyond the range of rows whose neighbours share their "
            "label; as many are flagged, the highest by outlier_score"
        )
    learned = reference.learned_from(evidence, beyond, P_VALUE)
    return Judged(parts, evidence, beyond, np.zeros(len(codes), bool), learned, cells, notes)


def measure_distances(
    near: Neighborhood, codes: NDArray[np.int32], analyzed: NDArray[np.bool_], *, modality: str
) -> dict[str, NDArray[np.float32]]:
    """How far rows lie from their nearest rows and from rows of their class, as `OutlierReference` asks for it.

    Parameters
    ----------
    near : rows of one's own group do not count. codes : (N,) class codes, -1 = unlabelled or not analysed.
    analyzed : (N,) rows that take part. modality : "text", or any other but "table".

    Returns
    -------
    "nearest", "class/NAME" where at least half of the rows have a label, "learned" where there are vectors without pretraining:
    (N,) each, NaN where there is none. Cost: O(N d min(class size, 2,000)).
    """
    ranks = NEAREST.get(modality, OTHERS)
    measured = {outlier_reference.NEAREST: near.distance(ranks, cosine=True)}
    labelled = _mostly_labelled(codes, analyzed)
    # an unlabelled row is compared with the majority class of its neighbours and does not count as a member of it
    classes = np.where(analyzed, _class_nearby(near.ids, codes) if labelled else 0, -1).astype(np.int32)
    options: dict[str, Any] = {
        "ranks": ranks,
        "exclude": near.groups,
        "members_of": codes >= 0 if labelled else analyzed,
        "seed": near.seed,
        "threads": near.threads,
    }
    if labelled:
        for name in (name for name in near.embeddings if name != WITHOUT_PRETRAINING):
            measured[f"{outlier_reference.CLASS}{name}"] = class_distances(near.embeddings[name], classes, **options)
    if WITHOUT_PRETRAINING in near.embeddings:
        measured[outlier_reference.LEARNED] = class_distances(
            near.embeddings[WITHOUT_PRETRAINING], classes, cosine=False, **options
        )
    return measured


def _evidence(
    measured: Mapping[str, NDArray[np.float32]], learned_alone: bool, labelled: bool
) -> tuple[list[Part], Floats, OutlierReference]:
    """Of anything but tables: the parts, nearest rows first, the one number a row that they give together, and their scales.

    measured : of `measure_distances`. learned_alone : there are no vectors but those without pretraining. labelled : most rows.
    """
    reference = OutlierReference.fit(measured, learned_alone=learned_alone)
    z = reference.z(measured)
    parts = [Part(z[outlier_reference.NEAREST], measured[outlier_reference.NEAREST], NEAREST_REASON)]
    if keys := [key for key in measured if key.startswith(outlier_reference.CLASS)]:
        value = np.mean([measured[key] for key in keys], axis=0)
        mean = np.mean([z[key] for key in keys], axis=0)
        parts.append(Part(mean, value, "it is {} as far from the nearest rows of its class as usual"))
    if outlier_reference.LEARNED in measured:
        whose = "those of its class" if labelled else "those of other pictures"
        reason = f"its colours and textures are {{}} as far from {whose} as usual"
        parts.append(Part(z[outlier_reference.LEARNED], measured[outlier_reference.LEARNED], reason))
    return parts, reference.combined(z), reference


def _mostly_labelled(codes: NDArray[np.int32], analyzed: NDArray[np.bool_]) -> bool:
    return bool(2 * (codes >= 0).sum() >= analyzed.sum())


def _class_nearby(ids: NDArray[np.int32], codes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The codes; of unlabelled rows the one most of their labelled neighbours carry, of equals the nearest one's."""
    out = codes.copy()
    loose = np.flatnonzero(codes < 0)
    for start in range(0, len(loose), BLOCK):
        rows = loose[start : start + BLOCK]
        near = np.where(ids[rows] >= 0, codes[np.maximum(ids[rows], 0)], -1)  # (n, k)
        votes = np.where(near >= 0, (near[:, :, None] == near[:, None]).sum(2), 0)
        out[rows] = np.take_along_axis(near, votes.argmax(1)[:, None], 1)[:, 0]  # the first of equals is the nearest
    return out


def _agreeing(ids: NDArray[np.int32], codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Labelled rows at least half of whose neighbours carry the same label."""
    share = np.zeros(len(codes))
    for start in range(0, len(codes), 65_536):
        near = np.asarray(ids[start : start + 65_536])
        same = (near >= 0) & (codes[np.maximum(near, 0)] == codes[start : start + len(near), None])
        share[start : start + len(near)] = same.sum(1) / max(near.shape[1], 1)
    return (codes >= 0) & (share >= AGREE)


def _many_foreign(z: Floats, agree: NDArray[np.bool_], codes: NDArray[np.int32], known: NDArray[np.int64]) -> int:
    """How many rows lie beyond the range of rows whose neighbours agree with their label, where that is very many; else 0.

    A tail fitted to all rows takes foreign ones for its own where they are over some 2 % of the rows. Rows that agree with
    their neighbours are no foreign ones, so their tail stays. ``z`` is of distances that do not look at labels: wrong labels
    must not count. Not counted: rows that agree, and classes a good part of which lies out there.
    """
    if agree.sum() < MOST_AGREE * (codes[known] >= 0).sum():
        return 0
    own, clean = fit_tail(z[known]), fit_tail(z[agree])
    if own is None or clean is None:
        return 0
    beyond = np.zeros(len(z), bool)
    beyond[known] = clean.p_values(z[known]) < P_VALUE
    beyond &= ~agree
    labelled = np.flatnonzero(codes >= 0)
    if len(labelled):
        part = np.bincount(codes[labelled], beyond[labelled]) / np.maximum(np.bincount(codes[labelled]), 1)
        beyond[labelled] &= part[codes[labelled]] <= CLASS_PART
    many = int(beyond.sum())
    usual = int((own.p_values(z[known]) < P_VALUE).sum())
    return many if many >= max(MANY * usual, MANY_SHARE * len(known)) else 0
