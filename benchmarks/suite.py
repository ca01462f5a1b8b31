"""All tables of the benchmark page, one target each: a quick look, or whatever has not been measured on this machine.

In: the scripts beside this one. Out: their results, and the page. Does not know: what they measure.
``python suite.py`` lists the targets and what is there; ``quick`` runs the small ones, and the others at a size that takes a
minute (those figures are printed, not kept); ``full`` runs what has no result of this machine, one after another, so that it
can be stopped and resumed; ``full --again`` all of them; names run those targets.
``python suite.py [quick | full [--again] | TARGET ...]``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import machine
from page import RESULTS, write_page

HERE = Path(__file__).resolve().parent
SAME = ("cpu", "cores", "memory_gib")  # two results with these in common are of one machine


@dataclass(frozen=True)
class Target:
    """``full`` writes ``result``; ``quick``: the words of a small run, None where `make bench` leaves the target out."""

    result: str
    full: tuple[str, ...]
    quick: tuple[str, ...] | None = None

    def missing(self, here: dict[str, object]) -> bool:
        file = RESULTS / f"{self.result}.json"
        if not file.exists():
            return True
        there = json.loads(file.read_text())["machine"]
        return any(there[key] != here[key] for key in SAME)


def quality(name: str, *, quick: bool) -> Target:
    words = ("quality.py", name)
    return Target(f"quality-{name}", words, words if quick else None)


TARGETS = (
    quality("hospital", quick=True),
    quality("odds_outliers", quick=True),
    quality("photos_600", quick=True),
    quality("cifar10n_6k", quick=True),
    quality("banking77", quick=True),
    quality("beers", quick=False),
    quality("clinc150", quick=False),
    Target("noise", ("noise.py",), ("noise.py", "digits")),
    Target("overlap", ("overlap.py",), ("overlap.py", "1")),
    Target("copies", ("copies.py",), ("copies.py", "mirror")),
    Target("foreign", ("foreign.py",)),
    Target("planted-images", ("planted.py", "images")),
    Target("planted-texts", ("planted.py", "texts")),
    Target("planted-table", ("planted.py", "table")),
    Target("small", ("small.py",), ("small.py", "table")),
    Target("big-labels", ("big_labels.py", "--datalab"), ("big_labels.py", "--rows", "50000")),
    Target("big-neighbors", ("big_neighbors.py",), ("big_neighbors.py", "--rows", "20000")),
    Target("integers", ("integers.py",)),
    Target("photographs", ("photographs.py",), ("photographs.py", "--rows", "2000")),
    Target("scale-images", ("scale.py", "images")),
    Target("scale-texts", ("scale.py", "texts")),
    Target("scale-table", ("scale.py", "table")),
    Target("big-run", ("big_run.py",), ("big_run.py", "--rows", "20480")),
    Target("big-run-bounded", ("big_run.py", "--memory", "3GB")),
    Target("imagenet", ("imagenet.py",)),
    Target("kills", ("kills.py",)),
    Target("kills-large", ("kills.py", "--large")),
    Target("log_kills", ("log_kills.py",)),
    Target("views", ("views.py",)),
    Target("review", ("review.py",)),
)


def run(words: Sequence[str]) -> bool:
    print(f"\n== {' '.join(words)}", flush=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, str(HERE / words[0]), *words[1:]], cwd=HERE, check=False)
    said = "done" if done.returncode == 0 else f"failed with exit code {done.returncode}"
    print(f"== {' '.join(words)}: {said}, {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0


def main() -> None:
    names = [target.result for target in TARGETS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="quick | full | TARGET", help=", ".join(names))
    parser.add_argument("--again", action="store_true", help="with full: what has a result of this machine, too")
    given = parser.parse_args()
    unknown = [name for name in given.what if name not in (*names, "quick", "full")]
    if unknown:
        parser.error(f"unknown target {unknown[0]!r}; choose from quick, full, {', '.join(names)}")
    here = machine()
    if not given.what:
        for target in TARGETS:
            print(f"{target.result:<22} {'missing on this machine' if target.missing(here) else 'there'}")
        return
    jobs = [target.quick for target in TARGETS if target.quick and "quick" in given.what]
    jobs += [target.full for target in TARGETS if target.result in given.what]
    if "full" in given.what:
        jobs += [target.full for target in TARGETS if given.again or target.missing(here)]
    failed = [" ".join(words) for words in jobs if not run(words)]
    print(write_page())
    if failed:
        raise SystemExit(f"no result of {'; '.join(failed)}")


if __name__ == "__main__":
    main()
