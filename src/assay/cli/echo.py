"""What commands say. Names and cells in it are data, which a terminal must not obey.

In: text, values. Out: lines on standard output or error. Does not know: what is said.
"""

from __future__ import annotations

import json
from typing import Any

import click

from assay.printable import CONTROL, printable


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """A line for people; characters that steer a terminal are spelled out."""
    click.echo(printable(text), err=err, nl=nl)


def say_json(value: Any, indent: int | None = None) -> None:
    """JSON on standard output, with the same characters as escapes, which JSON reads as the same text."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    click.echo(CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
