"""Vectors of a text or a picture that is no row, by the encoders that the run used.

In: a project, a text or the bytes of a picture. Out: embedding -> vector. Does not know: rows, likeness.

The encoders that come with the installation and those that the run's settings name are looked for here and now: an embedding whose
encoder is gone is left out. TF-IDF keeps nothing by which a new text could be encoded, and vectors of the user's own have no
encoder here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runs import FinishedRun

Vectors = dict[str, NDArray[np.float32]]
NO_TEXT = (
    "to compare with a text, this run would have needed a sentence encoder; "
    "get one with `assay models pull minilm` and analyse again"
)
NO_PICTURE = "none of the encoders of this run is here, so a picture cannot be compared"


def why_not_comparable(project: FinishedRun) -> str:
    """Why nothing of one's own (a text for rows of text, a picture for rows of pictures) can be compared with the rows of this
    run; "" = it can. Loads no encoder.
    """
    from assay.encode.bert import sentence_encoders
    from assay.encode.image_encoders import image_encoders

    if project.run["modality"] == "text":
        return "" if _encoders(project, sentence_encoders) else NO_TEXT
    if project.run["modality"] == "image":
        known = (encoder.name for encoder in _encoders(project, image_encoders))
        return "" if any(project.artefacts.encoder_state(name) is not None for name in known) else NO_PICTURE
    return "rows of a table can be compared with each other only"


def text_vectors(project: FinishedRun, text: str) -> Vectors:
    """The text by the run's sentence encoders. `UsageError` where there is none. Cost: one encoding."""
    from assay.encode.bert import sentence_encoders

    if project.run["modality"] != "text":
        raise UsageError("similar: only rows of text can be compared with a text")
    out: Vectors = {}
    for encoder in _encoders(project, sentence_encoders):
        out[encoder.name] = encoder.encode([text])[0]
    if not out:
        raise UsageError(f"similar: {NO_TEXT}")
    return out


def picture_vectors(project: FinishedRun, data: bytes) -> Vectors:
    """The picture by the run's image encoders, each in the state that it learned. `UsageError` for bytes that are no picture,
    and where no encoder of the run is here. Cost: one decode and encoding.
    """
    from assay.encode.image_encoders import image_encoders
    from assay.encode.pixels import UndecodableError, decode

    if project.run["modality"] != "image":
        raise UsageError("similar: only rows of pictures can be compared with a picture")
    try:
        picture = decode(data, project.levels)
    except UndecodableError as error:
        raise UsageError(f"similar: the picture cannot be compared with: {error}") from error
    out: Vectors = {}
    for encoder in _encoders(project, image_encoders):
        state = project.artefacts.encoder_state(encoder.name)
        if state is not None:
            out[encoder.name] = encoder.encode([encoder.prepare(picture)], state)[0]
    if not out:
        raise UsageError(f"similar: {NO_PICTURE}")
    return out


def _encoders(project: FinishedRun, find: Callable[[list[str]], list[Any]]) -> list[Any]:
    """Encoders of the run's embeddings that are here, built-in ones first."""
    found = {encoder.name: encoder for encoder in reversed(find([]))}
    for name in project.run["settings"].get("encoders", ()):
        try:
            found |= {encoder.name: encoder for encoder in find([name])}
        except UsageError:  # its folder has gone
            continue
    return [found[name] for name in project.run["embeddings"] if name in found]
