"""What a run may be told, and the user's own arrays checked at the door.

In: what came through the Python API or the command line. Out: `Settings`, `UserArrays` (files ready for workers).
Does not know: stages.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.dataset.target import Label
from assay.errors import ArrayError, UsageError
from assay.storage import Folder

TASKS = ("auto", "multi-class", "multi-label", "regression", "unsupervised")
EFFORTS = ("fast", "regular", "best")
RUNS = "ASSAY_RUNS_HERE"  # set by a server for its runs: how many there may be at once, which share the memory


@dataclass(frozen=True)
class Settings:
    """``memory`` in bytes bounds what all processes hold (`assay.analysis.memory`), ``bounded`` where the user said so;
    neither it nor ``workers`` changes any result."""

    task: str = "auto"
    seed: int = 0
    effort: str = "regular"
    encoders: tuple[str, ...] = ()
    workers: int = 1
    memory: int = 0
    bounded: bool = False
    debug: bool = False


def make_settings(
    *,
    task: str | None,
    seed: int,
    effort: str,
    encoders: Sequence[str],
    workers: int | None,
    memory: str | int | None,
    debug: bool = False,
) -> Settings:
    """Validate; `UsageError` says what is allowed. Without ``memory``: half the machine, or this run's part of that half."""
    task = {"classification": "multi-class", None: "auto"}.get(task, task) or "auto"
    if task not in TASKS:
        raise UsageError(f"unknown task {task!r}; choose one of {', '.join(TASKS)}")
    if task in ("multi-label", "regression"):
        raise UsageError(f"the task {task!r} is not there yet; this version knows multi-class and unsupervised")
    if effort not in EFFORTS:
        raise UsageError(f"unknown effort {effort!r}; choose one of {', '.join(EFFORTS)}")
    if seed < 0:
        raise UsageError(f"--seed must be 0 or more, not {seed}")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers must be 1 or more, not {workers}")
    budget = parse_bytes(memory) if memory is not None else machine_memory() // (2 * runs_here())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Settings(task, seed, effort, tuple(encoders), workers or cores, budget, memory is not None, debug)


def runs_here() -> int:
    """How many runs of the same server there may be at once; 1 for a run of its own."""
    told = os.environ.get(RUNS, "1")
    return max(1, int(told)) if told.isdecimal() else 1


def machine_memory() -> int:
    return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))


def parse_bytes(value: str | int) -> int:
    """``"3GB"``, ``"512 MiB"``, ``2000000000`` -> bytes (GB and GiB both mean 1024^3 here)."""
    text = str(value).strip().lower().replace(" ", "").removesuffix("ib").removesuffix("b")
    factors = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
    factor = factors.get(text[-1:], 1)
    try:
        number = float(text[:-1] if text[-1:] in factors else text)
    except ValueError:
        number = -1
    if number <= 0:
        raise UsageError(f"--memory takes a size such as 3GB or 800MB, not {value!r}")
    return int(number * factor)


@dataclass(frozen=True)
class UserArray:
    """An array of the user's: its name in the project, its shape, a hash of its content."""

    file: str
    shape: tuple[int, ...]
    digest: str


@dataclass(frozen=True)
class UserArrays:
    pred_probs: UserArray | None = None
    columns: tuple[int, ...] = ()  # column of pred_probs for each of our classes
    embeddings: Mapping[str, UserArray] = field(default_factory=dict)


def _load(value: Any, what: str) -> NDArray[Any]:
    if isinstance(value, str | Path):
        path = Path(value)
        if not path.is_file():
            raise UsageError(f"{what}: there is no file {path}")
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ArrayError(f"{what}: {path} is not a .npy file of numbers ({error})") from error
        if not isinstance(array, np.ndarray):
            raise ArrayError(f"{what}: {path} holds several arrays (.npz); save the one you mean with numpy.save")
    else:
        array = np.asarray(value)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.number):
        raise ArrayError(f"{what} must be a 2-D array of numbers, not {array.ndim}-D {array.dtype}")
    return array


def _keep(folder: Folder, name: str, array: NDArray[Any]) -> UserArray:
    """Write an array into the project once, by content, so that a run never depends on a file outside."""
    state = hashlib.blake2b(f"{array.shape} {array.dtype}".encode(), digest_size=8)
    for start in range(0, len(array), 65_536):
        state.update(np.ascontiguousarray(array[start : start + 65_536]).data)
    digest = state.hexdigest()
    file = f"stages/user/{digest}/{name}.npy"
    if not folder.is_whole(f"stages/user/{digest}/{name}.done"):
        with folder.array_writer(file, array.shape, array.dtype) as out:
            for start in range(0, len(array), 65_536):
                out[start : start + 65_536] = array[start : start + 65_536]
        folder.guard(file)
    return UserArray(file, array.shape, digest)


def adopt_embeddings(folder: Folder, embeddings: Any, n_rows: int) -> dict[str, UserArray]:
    """``embeddings``: one (N, d) array or file, or a dict name -> array or file; rows in the order of the data."""
    if embeddings is None:
        return {}
    named = embeddings if isinstance(embeddings, Mapping) else {"embeddings": embeddings}
    kept = {}
    for name, value in named.items():
        array = _load(value, f"embeddings {name!r}")
        if not str(name).isidentifier():
            raise UsageError(f"the name of an embedding must be a plain word, not {name!r}")
        if len(array) != n_rows:
            raise ArrayError(
                f"embeddings {name!r} have {len(array):,} rows but the data has {n_rows:,}; give one row each, in the data's order"
            )
        if array.shape[1] == 0:
            raise ArrayError(f"embeddings {name!r} have no columns")
        kept[str(name)] = _keep(folder, str(name), array)
    return kept


def adopt_pred_probs(
    folder: Folder, pred_probs: Any, names: Sequence[Any] | None, classes: Sequence[Label], n_rows: int
) -> tuple[UserArray | None, tuple[int, ...]]:
    """Check N, K and the order of the columns (by ``names`` or a DataFrame's columns, else by number), and that they are probabilities."""
    if pred_probs is None:
        return None, ()
    if hasattr(pred_probs, "columns"):
        names = list(pred_probs.columns) if names is None else names
        pred_probs = pred_probs.to_numpy()
    array = _load(pred_probs, "pred_probs")
    if not classes:
        raise UsageError("pred_probs were given but the data has no labels; name the label column with --label")
    if len(array) != n_rows:
        raise ArrayError(
            f"pred_probs have {len(array):,} rows but the data has {n_rows:,}; give one row each, in the data's order"
        )
    if names is None and array.shape[1] != len(classes):
        raise ArrayError(
            f"pred_probs have {array.shape[1]} columns but the labels have {len(classes)} classes "
            f"({', '.join(map(str, classes[:5]))}{', ...' if len(classes) > 5 else ''}); "
            "give the class of each column with --classes or classes="
        )
    columns = tuple(range(len(classes))) if names is None else _order(names, classes, array.shape[1])
    _check_probabilities(array)
    return _keep(folder, "pred_probs", array), columns


def _order(names: Sequence[Any], classes: Sequence[Label], width: int) -> tuple[int, ...]:
    if len(names) != width:
        raise ArrayError(f"{len(names)} class names were given for {width} columns of pred_probs")
    column_of = {str(name): column for column, name in enumerate(names)}
    absent = [str(name) for name in classes if str(name) not in column_of]
    if absent:
        raise ArrayError(
            f"pred_probs have no column for the class{'es' if len(absent) > 1 else ''} {', '.join(map(repr, absent[:3]))}"
        )
    if len(column_of) != len(names):
        raise ArrayError("two columns of pred_probs carry the same class name")
    return tuple(column_of[str(name)] for name in classes)


def _check_probabilities(array: NDArray[Any]) -> None:
    for start in range(0, len(array), 65_536):
        block = np.asarray(array[start : start + 65_536], np.float64)
        good = np.isfinite(block).all(1)  # rows with NaN become rows without label checks
        wrong = good & ((block < -1e-6).any(1) | (block > 1 + 1e-6).any(1) | (np.abs(block.sum(1) - 1) > 0.01))
        if wrong.any():
            row = start + int(np.argmax(wrong))
            raise ArrayError(
                f"pred_probs are not probabilities: row {row} sums to {block[row - start].sum():.3g} "
                "(every row must hold values in 0..1 that sum to 1; apply softmax to logits)"
            )
