"""Near duplicates by other people's methods, in their own environment: ``python copies_peers.py JOB.json``.

In: a JSON job: pictures of one folder. Out: an ``.npz``: "hash NAME" (n, bits) packed, "cleanvision" (m, 2) index pairs.
Does not know: which are copies; Assay (it is not installed there).
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps


def imagededup_hashers() -> dict[str, Any]:
    """Its hashes without its networks: the packages' own ``__init__`` would import torch."""
    spec = importlib.util.find_spec("imagededup")
    for part in ("methods", "utils"):
        package = types.ModuleType(f"imagededup.{part}")
        package.__path__ = [str(Path(spec.origin).parent / part)]
        sys.modules[f"imagededup.{part}"] = package
    from imagededup.methods.hashing import DHash, PHash, WHash

    made = {"PHash": PHash(verbose=False), "DHash": DHash(verbose=False), "WHash": WHash(verbose=False)}
    return {f"imagededup {name}": hasher.encode_image for name, hasher in made.items()}


def bits_of(code: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(code), np.uint8)


def hashes(paths: list[str]) -> dict[str, np.ndarray]:
    import imagehash

    out: dict[str, list[np.ndarray]] = {}
    dedup = imagededup_hashers()
    for path in paths:
        for name, encode in dedup.items():
            out.setdefault(f"hash {name}", []).append(bits_of(encode(image_file=path)))
        grey = Image.open(path).convert("L")
        for name, picture in (("plain", grey), ("mirrored", ImageOps.mirror(grey))):
            code = imagehash.phash(picture, hash_size=16).hash
            out.setdefault(f"hash imagehash pHash 256 {name}", []).append(np.packbits(code))
    return {name: np.stack(values) for name, values in out.items()}


def cleanvision_pairs(paths: list[str]) -> np.ndarray:
    """Its defaults: sets of pictures with the same pHash, or the same bytes."""
    from cleanvision import Imagelab

    lab = Imagelab(filepaths=paths)
    lab.find_issues({"near_duplicates": {}, "exact_duplicates": {}}, n_jobs=1, verbose=False)
    row = {path: at for at, path in enumerate(paths)}
    pairs = {
        (min(row[a], row[b]), max(row[a], row[b]))
        for check in ("near_duplicates", "exact_duplicates")
        for members in lab.info[check]["sets"]
        for a in members
        for b in members
        if a != b
    }
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    found = hashes(job["hash"]) if job.get("hash") else {}
    for name, paths in job.get("cleanvision", {}).items():
        found[f"cleanvision {name}"] = cleanvision_pairs(paths)
    np.savez(job["output"], **found)
