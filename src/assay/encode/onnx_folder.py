"""A user's own image encoder: an ONNX file, or a folder with model.onnx and preprocessor_config.json.

In: RGB pixels. Out: features, float32 (n, d). Does not know: how features are used.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.encode.models import content_hash, find
from assay.encode.onnx_session import run_batches, session
from assay.encode.pixels import Rgb, resized
from assay.errors import UsageError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class OnnxFolder:
    """A model and its preprocessing: size, mean and deviation from the folder, else 224 pixels and ImageNet's mean and deviation."""

    def __init__(self, model: Path, config: dict[str, Any], name: str) -> None:
        self.model, self.name = model, name
        size = config.get("crop_size") or config.get("size") or {}
        side = size if isinstance(size, int) else size.get("height") or size.get("shortest_edge") or 224
        self.side = int(side)
        self.mean = np.array(config.get("image_mean") or IMAGENET_MEAN, np.float32)
        self.std = np.array(config.get("image_std") or IMAGENET_STD, np.float32)
        self.fingerprint = f"{name}-{content_hash(model)}-{self.side}-{self.mean.tolist()}-{self.std.tolist()}"

    @classmethod
    def find(cls, name: str) -> OnnxFolder:
        """`UsageError` where there is no model, or it is no image encoder."""
        found = find(name)
        model = (
            found
            if found.is_file()
            else next((p for p in (found / "model.onnx", found / "onnx" / "model.onnx") if p.is_file()), None)
        )
        if model is None:
            raise UsageError(f"--encoder: {found} holds no model.onnx")
        file = model.parent / "preprocessor_config.json"
        try:
            config = json.loads(file.read_text()) if file.is_file() else {}
        except ValueError as error:
            raise UsageError(f"--encoder: {file} is not valid JSON ({error})") from error
        stem = found.stem if found.is_file() else found.name
        return cls(model, config, "".join(c if c.isalnum() else "_" for c in stem))

    @cached_property
    def _session(self) -> Any:
        try:
            made = session(str(self.model))
        except Exception as error:
            raise UsageError(f"--encoder: onnxruntime cannot load {self.model} ({str(error)[:200]})") from error
        shape = made.get_inputs()[0].shape
        if len(shape) != 4:
            raise UsageError(f"--encoder: {self.model} takes an input of shape {shape}, not pictures (n, 3, h, w)")
        return made

    def prepare(self, rgb: Rgb) -> NDArray[Any]:
        return resized(rgb, self.side, self.side)

    def features(self, prepared: list[NDArray[Any]]) -> NDArray[np.float32]:
        """float32 (n, d): the first output; token outputs are averaged."""

        def feed(batch: list[NDArray[Any]]) -> NDArray[np.float32]:
            pixels = np.stack(batch).astype(np.float32) / 255
            return np.ascontiguousarray(((pixels - self.mean) / self.std).transpose(0, 3, 1, 2))

        return run_batches(self._session, prepared, feed)
