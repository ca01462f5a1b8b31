"""Running ONNX models the same way everywhere: one thread, fixed batches.

In: the bytes or path of a model. Out: float32 (n, d). Does not know: what the inputs mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

BATCH = 8  # what lies between the layers then stays nearer to the processor than with 16; with 4 it is no faster


def session(model: bytes | str) -> Any:
    """An onnxruntime session with one thread, so that results do not depend on the machine's cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_batches(
    model: Any, rows: list[Any], feed: Callable[[list[Any]], NDArray[Any]], output: str | None = None
) -> NDArray[np.float32]:
    """Run rows through the model in batches of 8, by its first input; 4-D outputs are averaged over their area, 3-D ones over tokens."""
    name = model.get_inputs()[0].name
    out = []
    for start in range(0, len(rows), BATCH):
        (y,) = model.run(
            [output] if output else [model.get_outputs()[0].name], {name: feed(rows[start : start + BATCH])}
        )
        y = np.asarray(y, np.float32)
        out.append(y.mean((2, 3)) if y.ndim == 4 else y.mean(1) if y.ndim == 3 else y.reshape(len(y), -1))
    return np.concatenate(out)
