"""All tables of the benchmark page, one target each: a quick look, or whatever has not been measured on this machine.

In: the scripts beside this one. Out: their results, and the page. Does not know: what they measure.
``python suite.py`` lists the targets and what is there; ``quick`` runs the small ones, and the others at a size that takes a
minute (those figures are printed, not kept); ``full`` runs what has no result of this machine, one after another, so that it
can be stopped and resumed; ``full --stale`` besides it what the code has changed under, ``full --again`` all; names run those
targets. What is kept must be of a commit: with changed files only ``quick`` runs.
``python suite.py [quick | full [--stale | --again] | TARGET ...]``
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from measure import commit, machine
from page import write_page
from targets import TARGETS

HERE = Path(__file__).resolve().parent


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
    parser.add_argument("--stale", action="store_true", help="with full: what the code has changed under, too")
    given = parser.parse_args()
    unknown = [name for name in given.what if name not in (*names, "quick", "full")]
    if unknown:
        parser.error(f"unknown target {unknown[0]!r}; choose from quick, full, {', '.join(names)}")
    here = machine()
    if not given.what:
        for target in TARGETS:
            print(
                f"{target.result:<22} {'missing on this machine' if target.missing(here) else target.stale() or 'there'}"
            )
        return
    jobs = [target.quick for target in TARGETS if target.quick and "quick" in given.what]
    jobs += [target.full for target in TARGETS if target.result in given.what]
    if "full" in given.what:
        jobs += [t.full for t in TARGETS if given.again or t.missing(here) or (given.stale and t.stale())]
    if jobs and given.what != ["quick"] and commit().endswith("+"):
        parser.error("files of the package or the benchmarks are in no commit: results would be of no commit either")
    failed = [" ".join(words) for words in jobs if not run(words)]
    print(write_page())
    if failed:
        raise SystemExit(f"no result of {'; '.join(failed)}")


if __name__ == "__main__":
    main()
