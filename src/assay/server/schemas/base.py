"""What all bodies share: labels, limits, strictness.

In: nothing. Out: types. Does not know: any route.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Label = bool | int | float | str
PAGE = 500  # rows of one page at most


class Body(BaseModel):
    """A request: unknown keys are errors, so that a misspelt one is not silently nothing."""

    model_config = ConfigDict(extra="forbid")
