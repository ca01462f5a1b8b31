"""A BERT-family folder becomes an ONNX model, without torch.

In: ``config.json`` and ``model.safetensors``. Out: the bytes of an ONNX model, int64 ids and mask (n, t) -> float32
(n, d), pooled over the mask. Does not know: texts, tokens, batches.

Architectures: BERT (Devlin et al., NAACL 2019), RoBERTa and XLM-RoBERTa (positions start after the padding id),
DistilBERT (the same blocks under other names, no token types). Pooling: Reimers and Gurevych, EMNLP 2019.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from assay.errors import UsageError

Weights = dict[str, NDArray[np.float32]]
OPSET = 20  # the first with Gelu
ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert")
DISTILBERT_NAMES = (
    ("transformer.layer.", "encoder.layer."),
    ("attention.q_lin", "attention.self.query"),
    ("attention.k_lin", "attention.self.key"),
    ("attention.v_lin", "attention.self.value"),
    ("attention.out_lin", "attention.output.dense"),
    ("sa_layer_norm", "attention.output.LayerNorm"),
    ("ffn.lin1", "intermediate.dense"),
    ("ffn.lin2", "output.dense"),
    ("output_layer_norm", "output.LayerNorm"),
)
DISTILBERT_CONFIG = {
    "dim": "hidden_size",
    "n_heads": "num_attention_heads",
    "n_layers": "num_hidden_layers",
    "activation": "hidden_act",
}


def read_safetensors(file: Path) -> Weights:
    """Every floating tensor of a safetensors file as float32: a JSON header, then raw little-endian numbers."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        raw = stream.read()
    weights: Weights = {}
    for name, entry in header.items():
        kind = entry.get("dtype")
        if kind not in ("F32", "F16", "BF16"):
            continue
        start, stop = entry["data_offsets"]
        if kind == "BF16":  # the upper half of a float32
            values = (np.frombuffer(raw[start:stop], "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw[start:stop], "<f4" if kind == "F32" else "<f2").astype(np.float32)
        weights[name] = values.reshape(entry["shape"])
    return weights


def _plain_names(weights: Weights, family: str) -> Weights:
    """The names a bare BertModel uses."""
    prefix = {"xlm-roberta": "roberta", "camembert": "roberta"}.get(family, family) + "."
    out: Weights = {}
    for name, values in weights.items():
        name = name.removeprefix(prefix)
        if family == "distilbert":
            for theirs, ours in DISTILBERT_NAMES:
                name = name.replace(theirs, ours)
        out[name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")] = values
    return out


class _Graph:
    """Collects nodes and constants; every method returns the name of its output."""

    def __init__(self, weights: Weights, epsilon: float) -> None:
        self.weights, self.epsilon = weights, epsilon
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def op(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def norm(self, x: str, name: str) -> str:
        gain = self.constant(f"{name}.gain", self.weights[f"{name}.weight"])
        shift = self.constant(f"{name}.shift", self.weights[f"{name}.bias"])
        return self.op("LayerNormalization", [x, gain, shift], f"{name}.out", epsilon=self.epsilon, axis=-1)

    def dense(self, x: str, name: str, scale: float = 1.0) -> str:
        weight = self.constant(f"{name}.matrix", self.weights[f"{name}.weight"].T * np.float32(scale))
        bias = self.constant(f"{name}.shift", self.weights[f"{name}.bias"] * np.float32(scale))
        return self.op("Add", [self.op("MatMul", [x, weight], f"{name}.product"), bias], f"{name}.out")


def onnx_model(config: Mapping[str, Any], weights: Weights, *, pooling: str) -> bytes:
    """The encoder as ONNX; ``pooling`` is "mean" (over the mask) or "cls" (the first token).

    Raises UsageError where the architecture is not one of `FAMILIES`.
    """
    family = config["model_type"]
    if family not in FAMILIES:
        raise UsageError(f"this encoder is a {family!r} model; without a model.onnx Assay reads {', '.join(FAMILIES)}")
    config = dict(config) | {ours: config[theirs] for theirs, ours in DISTILBERT_CONFIG.items() if theirs in config}
    activation = config["hidden_act"]
    if activation not in ACTIVATIONS or config.get("position_embedding_type", "absolute") != "absolute":
        raise UsageError(
            "this encoder uses an activation or positions that Assay does not know; export it as model.onnx"
        )
    graph = _Graph(_plain_names(weights, family), config.get("layer_norm_eps", 1e-12))
    mask = graph.op("Cast", ["mask"], "mask.float", to=TensorProto.FLOAT)
    try:
        x = _embeddings(graph, first_position(config))
        x = _layers(graph, x, mask, config)
    except KeyError as error:
        raise UsageError(f"this encoder's model.safetensors has no tensor {error}; export it as model.onnx") from error
    features = _pooled(graph, x, mask, pooling)
    tokens = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("ids", "mask")]
    out = helper.make_tensor_value_info(features, TensorProto.FLOAT, ["n", int(config["hidden_size"])])
    body = helper.make_graph(graph.nodes, family, tokens, [out], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def first_position(config: Mapping[str, Any]) -> int:
    """RoBERTa's positions begin after its padding id, the others' at 0."""
    if config["model_type"] in ("roberta", "xlm-roberta", "camembert"):
        return int(config.get("pad_token_id", 1)) + 1
    return 0


def _embeddings(graph: _Graph, first: int) -> str:
    weights = graph.weights
    table = graph.constant("words", weights["embeddings.word_embeddings.weight"])
    positions = weights["embeddings.position_embeddings.weight"][first:]
    if "embeddings.token_type_embeddings.weight" in weights:
        positions = positions + weights["embeddings.token_type_embeddings.weight"][0]
    at = {name: graph.constant(name, np.array([value])) for name, value in (("at0", 0), ("at1", 1), ("at2", 2))}
    length = graph.op("Slice", [graph.op("Shape", ["ids"], "shape"), at["at1"], at["at2"]], "length")
    position = graph.op("Slice", [graph.constant("places", positions), at["at0"], length, at["at0"]], "position")
    word = graph.op("Gather", [table, "ids"], "word")
    return graph.norm(graph.op("Add", [word, position], "embedded"), "embeddings.LayerNorm")


def _layers(graph: _Graph, x: str, mask: str, config: Mapping[str, Any]) -> str:
    d, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    kind, attributes = ACTIVATIONS[config["hidden_act"]]
    away = graph.op("Unsqueeze", [mask, graph.constant("axes12", np.array([1, 2]))], "mask.heads")
    away = graph.op("Sub", [away, graph.constant("one", np.float32(1))], "mask.away")
    bias = graph.op("Mul", [away, graph.constant("far", np.float32(1e9))], "mask.bias")
    split = graph.constant("split", np.array([0, 0, heads, d // heads]))
    join = graph.constant("join", np.array([0, 0, d]))

    def part(x: str, name: str, order: list[int], scale: float = 1.0) -> str:
        y = graph.op("Reshape", [graph.dense(x, name, scale), split], f"{name}.heads")
        return graph.op("Transpose", [y], f"{name}.turned", perm=order)

    for number in range(int(config["num_hidden_layers"])):
        layer = f"encoder.layer.{number}"
        own = f"{layer}.attention.self"
        query = part(x, f"{own}.query", [0, 2, 1, 3], 1 / math.sqrt(d // heads))
        key, value = part(x, f"{own}.key", [0, 2, 3, 1]), part(x, f"{own}.value", [0, 2, 1, 3])
        score = graph.op("Add", [graph.op("MatMul", [query, key], f"{own}.dot"), bias], f"{own}.score")
        weight = graph.op("Softmax", [score], f"{own}.weight", axis=-1)
        mixed = graph.op(
            "Transpose", [graph.op("MatMul", [weight, value], f"{own}.mix")], f"{own}.back", perm=[0, 2, 1, 3]
        )
        y = graph.dense(graph.op("Reshape", [mixed, join], f"{own}.joined"), f"{layer}.attention.output.dense")
        x = graph.norm(graph.op("Add", [y, x], f"{layer}.sum1"), f"{layer}.attention.output.LayerNorm")
        y = graph.op(kind, [graph.dense(x, f"{layer}.intermediate.dense")], f"{layer}.active", **attributes)
        y = graph.dense(y, f"{layer}.output.dense")
        x = graph.norm(graph.op("Add", [y, x], f"{layer}.sum2"), f"{layer}.output.LayerNorm")
    return x


def _pooled(graph: _Graph, x: str, mask: str, pooling: str) -> str:
    if pooling == "cls":
        return graph.op("Gather", [x, graph.constant("first", np.int64(0))], "features", axis=1)
    wide = graph.op("Unsqueeze", [mask, graph.constant("axis2", np.array([2]))], "mask.wide")
    total = graph.op("ReduceSum", [graph.op("Mul", [x, wide], "masked"), "at1"], "total", keepdims=0)
    return graph.op("Div", [total, graph.op("ReduceSum", [mask, "at1"], "count", keepdims=1)], "features")
