"""No pattern and no look at a text takes long for one long cell: runs of every kind, four times as long, four times the time."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import time

import pytest

import assay
from assay.encode.cells import split_number
from assay.issues.nonlanguage import _MARKUP, _closed, nonlanguage_scores
from assay.issues.personal import personal_items
from assay.issues.text import text_properties

UNITS = (
    "1", "a", "A", " ", "-", ".", "1 ", "1-", "1,", "1'", "a.", "a@", "@", "a1", "a ", "/", "<", "<a", "<!--", '"', '"a', "\n",
    "é", "图", "a-", "(", "a(", "http://", "+", "_", "&", "&a", ":", "a:", "{", "\\", "=", "www.", "AA ", "+1 555 ", "$", "0x",
)  # fmt: skip
MATCHED_WHOLE = {"assay.encode.cells._NUMBER", "assay.encode.cells._DECIMAL_COMMA"}  # of at most 400 characters
FROM_THE_START = {"assay.sources.image_paths.OTHER_SCHEME"}
SECONDS = 0.2  # of 8,000 characters; a quadratic one takes many


def patterns() -> dict[str, re.Pattern]:
    found = {}
    for module in pkgutil.walk_packages(assay.__path__, "assay."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            several = (
                value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
            )
            for at, one in enumerate(several):
                if isinstance(one, re.Pattern):
                    found.setdefault(one, f"{module.name}.{name}" + (f"[{at}]" if one is not value else ""))
    return {name: pattern for pattern, name in found.items()}


def spent(work, *arguments) -> float:
    """CPU seconds of this thread, the best of three where they are many: other threads and a busy machine do not count."""
    tries = []
    while len(tries) < 3 and (not tries or min(tries) > SECONDS):
        started = time.thread_time()
        work(*arguments)
        tries.append(time.thread_time() - started)
    return min(tries)


def test_every_pattern_is_fast_on_every_run():
    slow = []
    for name, pattern in patterns().items():
        if name in MATCHED_WHOLE:
            continue
        method = pattern.match if name in FROM_THE_START else pattern.findall
        for unit in UNITS:
            text = (unit * 8_000)[:8_000] + "!"
            text = _closed(text) if pattern is _MARKUP else text
            took = spent(method, text.encode() if isinstance(pattern.pattern, bytes) else text)
            if took > SECONDS:
                slow.append((name, unit, took))
                break
    assert not slow


@pytest.mark.parametrize(
    "look", [lambda t: text_properties([t]), lambda t: nonlanguage_scores([t]), personal_items, split_number]
)
def test_a_look_at_a_text_is_fast_on_every_run(look):
    look("something to load what is loaded once")
    for unit in UNITS:
        assert spent(look, (unit * 10_000)[:10_000]) < 2.0, unit


def test_what_counts_as_markup_is_as_it_was():
    """Against the pattern that was quadratic, on random texts of the characters that it looks for."""
    slow = re.compile(
        r"<[!/?]?[A-Za-z][^<>]*>|<!--.*?-->|&(?:#\d+|#x[0-9a-f]+|\w{2,8});|(?<![\w-])[A-Za-z-]+\s*:\s*[^;{}\n]{1,60};|[{}\[\]]"
        r"|\"[\w-]+\"\s*:|\$\(|=>|\b[A-Za-z_]\w*\([^()]*\);?",
        re.IGNORECASE | re.DOTALL,
    )
    rng = random.Random(0)
    parts = ["<", "!--", "-->", "a", "b-", ":", ";", "(", ")", "{", '"', " ", "&", "amp;", "x1", "\n", "-", "<b>", "$("]
    for _ in range(5_000):
        text = "".join(rng.choices(parts, k=rng.randrange(1, 30)))
        assert sum(len(m[0]) for m in _MARKUP.finditer(_closed(text))) == sum(len(m[0]) for m in slow.finditer(text)), (
            text
        )


def test_numbers_are_numbers_up_to_a_length():
    assert split_number("1,234.5 oz.") == ("1,234.5", "oz")
    assert split_number("9" * 400) == ("9" * 400, "") and split_number("9" * 401) is None
