"""What data holds is shown by a terminal, not obeyed; and a server decodes only so many pixels at once."""

from __future__ import annotations

import io
import json
import threading

import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

import assay
from assay.cli.commands import main
from assay.encode.pixels import claimed_pixels
from assay.errors import BusyStorageError
from assay.printable import listed, printable
from assay.server import budget
from assay.server.budget import PixelBudget

CLEAR = "\x1b[2J\x1b]0;owned\x07"


def test_control_characters_are_spelled_out_and_words_stay():
    assert printable(f"é图\n\ta{CLEAR}\u202e\x9b") == "é图\n\ta\\x1b[2J\\x1b]0;owned\\x07\\u202e\\x9b"


@pytest.mark.parametrize(
    ("words", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_listed_as_in_a_sentence(words, said):
    assert listed(words) == said


def test_class_names_do_not_steer_the_terminal(tmp_path):
    table = pd.DataFrame({"a": range(60), "b": [x * 7 % 5 for x in range(60)], "label": [f"x{CLEAR}", "y", "y2"] * 20})
    table.to_csv(tmp_path / "t.csv", index=False)
    project = tmp_path / f"t{CLEAR}\u202e\x9b.assay"
    runner = CliRunner()
    done = runner.invoke(
        main,
        [
            "analyze",
            str(tmp_path / "t.csv"),
            "-o",
            str(project),
            "--label",
            "label",
            "--effort",
            "fast",
            "--workers",
            "1",
        ],
    )
    assert done.exit_code == 0, done.output
    opened = assay.open(project)
    opened.decide("label", rows=[1, 2], label=f"x{CLEAR}", person="ann")
    said = [done.output]
    for words in (
        ["summary"], ["undo", "--person", "ann"], ["log"], ["issues", "--type", "label"], ["insights"], ["verify"], ["trust"],
        ["report", "-o", f"{project}.html"], ["log", "--json"], ["insights", "--json"], ["summary", "--json"],
    ):  # fmt: skip
        said.append(runner.invoke(main, [words[0], str(project), *words[1:]]).output)
    assert not any(letter in text for text in said for letter in "\x1b\x07\x9b\u202e")
    labels = [json.loads(line)["label"] for line in said[-3].splitlines()]
    assert f"x{CLEAR}" in labels  # JSON reads the same text


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def test_pixels_are_decoded_in_turns(monkeypatch):
    data = png(4_000, 2_000)
    assert claimed_pixels(data) == 8_000_000 and claimed_pixels(b"no picture") == 0
    turns, most, lock = PixelBudget(20_000_000), [0, 0], threading.Lock()

    def decode() -> None:
        with turns.turn(data):
            with lock:
                most[0] += 1
                most[1] = max(most)
            threading.Event().wait(0.02)
            with lock:
                most[0] -= 1

    together = [threading.Thread(target=decode) for _ in range(12)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert most[1] <= 2
    monkeypatch.setattr(budget, "WAIT", 0.05)
    with turns.turn(png(20_000, 2_000)), pytest.raises(BusyStorageError), turns.turn(data):  # larger than all: alone
        pass
