"""What a stage is: a function, the types of its spec and result, and its version, declared in one place.

In: a function ``(folder, prefix, spec) -> result`` under the decorator `stage`. Out: `StageFunction`, found again by its
dotted name in any process; specs and results as JSON. Does not know: which stages run, in which order, where.

A spec is a frozen dataclass: names of artefacts, never an absolute path, and settings. A field made by `setting` changes
the result and enters the stage's fingerprint; the others say where something lies or how many threads may be used.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import TypeAdapter

from assay.storage import Folder

S = TypeVar("S")
R = TypeVar("R")


def setting(**options: Any) -> Any:
    """A field of a spec that changes the result; ``options`` as those of `dataclasses.field`."""
    return dataclasses.field(metadata={"setting": True}, **options)


@dataclass(frozen=True)
class StageFunction(Generic[S, R]):
    """``run(folder, prefix, spec)`` writes files whose names begin with ``prefix`` and returns a small result.

    ``version`` is raised whenever the same spec gives other results than before; it stands in the fingerprint and in
    the marker, so that nothing an older version computed is taken for this one's.
    """

    run: Callable[[Folder, str, S], R]
    version: int

    @property
    def dotted(self) -> str:
        """The name under which a worker finds the function."""
        return f"{self.run.__module__}:{self.run.__name__}"

    @cached_property
    def _types(self) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
        hints = get_type_hints(self.run)
        return TypeAdapter(hints["spec"]), TypeAdapter(hints["return"])

    def spec_to_json(self, spec: S) -> Any:
        return self._types[0].dump_python(spec, mode="json")

    def result_from_json(self, value: Any) -> R:
        result: R = self._types[1].validate_python(value)
        return result

    def run_json(self, folder: Folder, prefix: str, spec: Any) -> Any:
        """Run on a spec in its wire form; the result in its wire form."""
        result = self.run(folder, prefix, self._types[0].validate_python(spec))
        return self._types[1].dump_python(result, mode="json")


def stage(version: int = 1) -> Callable[[Callable[[Folder, str, S], R]], StageFunction[S, R]]:
    """Declare a function as a stage; see `StageFunction`."""
    return lambda run: StageFunction(run, version)


def find_stage(dotted: str) -> StageFunction[Any, Any]:
    """The stage of a dotted name; `LookupError` for a name that is none."""
    module, _, name = dotted.partition(":")
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, StageFunction):
        raise LookupError(f"{dotted} is no stage")
    return found


def settings_of(spec: Any) -> dict[str, Any]:
    """The fields of a spec that change the result, as JSON values."""
    chosen = [field.name for field in dataclasses.fields(spec) if field.metadata.get("setting")]
    return {name: _plain(getattr(spec, name)) for name in chosen}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
