"""What all bodies share: labels, limits, strictness.

In: nothing. Out: types. Does not know: any route.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Label = bool | int | float | str
Short = Annotated[str, StringConstraints(max_length=200)]
Note = Annotated[str, StringConstraints(max_length=10_000)]
RowNumber = Annotated[int, Field(ge=0, lt=2**31)]
PAGE = 500  # rows of one page at most
MOST = 100_000  # rows that a request may name one by one; more are chosen by a filter


class Body(BaseModel):
    """A request: unknown keys are errors, so that a misspelt one is not silently nothing."""

    model_config = ConfigDict(extra="forbid")
