"""A fitted blend as arrays and JSON, so that it can be loaded again and predict new rows.

In: fitted blends and their shares; or arrays and an index that were kept. Out: `FittedBlend`, and those arrays.
Does not know: files, how anything was learned.

Each fold has a head that was fitted on all rows of the other folds. A new row belongs to no fold: its scores are the mean over
all heads, and all its neighbours vote. To predict a row of the training data out of sample, name its fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.predict.blend import Blend
from assay.predict.linear import Head, log_softmax
from assay.predict.members import Floats, Given, Heads, Vote, given_scores, head_scores
from assay.predict.vote import vote

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FittedMember:
    """``arrays_``: of heads ``mean`` (d,), ``weights`` (F, d, K) and ``intercept`` (F, K); of the vote ``labels``, ``folds``
    and ``voters`` (N,) and ``prior`` (K,); of probabilities made elsewhere ``prior``."""

    name: str  # "lite0/lda", "neighbors", "lightgbm"
    kind: str  # heads, vote or given
    weight_: float
    temperature_: float
    arrays_: Arrays


@dataclass(frozen=True)
class FittedRound:
    """A weighted geometric mean of its members; ``share_`` of it in the arithmetic mean of the rounds."""

    share_: float
    temperature_: float
    members_: tuple[FittedMember, ...]


@dataclass(frozen=True)
class FittedBlend:
    """The fitted state of `assay.predict.predict`: one or two rounds of weighted models. Models of weight 0 are left out."""

    n_classes: int
    rounds_: tuple[FittedRound, ...]

    @property
    def asks_for_(self) -> dict[str, str]:
        """Member -> its kind: which embeddings, neighbours and probabilities `predict_proba` needs."""
        return {member.name: member.kind for part in self.rounds_ for member in part.members_}

    def predict_proba(
        self,
        embeddings: Mapping[str, NDArray[Any]],
        *,
        neighbors: NDArray[np.int32] | None = None,
        extra: Mapping[str, NDArray[np.float32]] | None = None,
        folds: NDArray[np.int8] | None = None,
    ) -> Floats:
        """Probabilities (n, K) of n rows, each row's sum 1.

        Parameters
        ----------
        embeddings : name -> (n, d) vectors, made as those that were learned from.
        neighbors : (n, k) which of the learned rows are nearest, nearest first, -1 = none.
        extra : name -> (n, K) probabilities made elsewhere.
        folds : (n,) of rows that were learned from, so that they are asked about out of sample; -1, the default, for others.

        Raises
        ------
        ValueError
            For an embedding, neighbours or probabilities that are asked for and not given (`asks_for_`).
        """
        n = len(next(iter(embeddings.values()))) if embeddings else len(next(iter((extra or {}).values())))
        own = np.full(n, -1, np.int8) if folds is None else folds
        given = {"neighbors": neighbors} | dict(extra or {})
        out = np.zeros((n, self.n_classes), np.float32)
        for part in self.rounds_:
            total = np.zeros((n, self.n_classes), np.float32)
            for member in part.members_:
                values = (
                    embeddings.get(member.name.rpartition("/")[0]) if member.kind == "heads" else given.get(member.name)
                )
                if values is None:
                    raise ValueError(f"{member.name!r} was learned from, and is not given")
                scores = _scores(member, values, own)
                total += np.float32(member.weight_) * log_softmax(scores / np.float32(member.temperature_))
            made = np.exp(log_softmax(total / np.float32(part.temperature_)))
            out += np.float32(part.share_) * made
        return out

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """(index, arrays): the index is JSON, and says which arrays are whose."""
        arrays: Arrays = {}
        rounds = []
        for at, part in enumerate(self.rounds_):
            members = []
            for number, member in enumerate(part.members_):
                arrays |= {f"{at}.{number}.{name}": array for name, array in member.arrays_.items()}
                members.append({
                    "name": member.name, "kind": member.kind, "weight": member.weight_, "temperature": member.temperature_,
                    "arrays": sorted(member.arrays_),
                })  # fmt: skip
            rounds.append({"share": part.share_, "temperature": part.temperature_, "members": members})
        return {"n_classes": self.n_classes, "rounds": rounds}, arrays

    @classmethod
    def from_arrays(cls, index: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedBlend:
        """The inverse of `to_arrays`."""
        rounds = []
        for at, part in enumerate(index["rounds"]):
            members = [
                FittedMember(
                    one["name"], one["kind"], one["weight"], one["temperature"],
                    {name: arrays[f"{at}.{number}.{name}"] for name in one["arrays"]},
                )
                for number, one in enumerate(part["members"])
            ]  # fmt: skip
            rounds.append(FittedRound(part["share"], part["temperature"], tuple(members)))
        return cls(index["n_classes"], tuple(rounds))


def fitted_blend(blends: Sequence[tuple[Blend, float]]) -> FittedBlend:
    """The fitted state of one blend or two.

    blends : (blend, its share in the arithmetic mean of the rounds); the shares sum to 1.
    """
    rounds = []
    for blend, share in blends:
        members = [
            FittedMember(name, _kind(member), blend.weights[name], temperature, _arrays(member))
            for name, (member, temperature) in blend.members.items()
            if blend.weights[name]
        ]
        rounds.append(FittedRound(share, blend.temperature, tuple(members)))
    return FittedBlend(blends[0][0].n_classes, tuple(rounds))


def _kind(member: Heads | Vote | Given) -> str:
    return {Heads: "heads", Vote: "vote", Given: "given"}[type(member)]


def _arrays(member: Heads | Vote | Given) -> Arrays:
    if isinstance(member, Heads):
        return {
            "mean": member.heads[0].mean,
            "weights": np.stack([head.weights for head in member.heads]),
            "intercept": np.stack([head.intercept for head in member.heads]),
        }
    if isinstance(member, Vote):
        return {"labels": member.labels, "folds": member.folds, "voters": member.voters, "prior": member.prior}
    return {"prior": member.prior}


def _scores(member: FittedMember, values: NDArray[Any], own: NDArray[np.int8]) -> Floats:
    kept = member.arrays_
    if member.kind == "heads":
        heads = [Head(kept["mean"], w, b) for w, b in zip(kept["weights"], kept["intercept"], strict=True)]
        return head_scores(heads, np.asarray(values, np.float32), own)
    if member.kind == "vote":
        return np.log(vote(values, own, kept["labels"], kept["folds"], kept["prior"], kept["voters"]))
    return given_scores(values, kept["prior"])
