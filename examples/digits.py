"""The demo: real images with planted faults, analysed as any folder of images would be.

In: the handwritten digits that scikit-learn ships (1,797 scans, UCI). Out: a folder of PNG files, an Assay project, a report;
printed: what was planted and what was found. Does not know: how Assay finds anything.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

import assay

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
REPEATED = (("seven", "one"), ("four", "nine"), ("eight", "three"))  # what hurried people take for what
FLIPS, OF_EACH, COPIES, CONFLICTS, FOREIGN = 90, 18, 30, 10, 12


@dataclass
class Planted:
    """Ids of pictures. wrong : under a label that is not theirs. copies : re-encoded. conflicts : of those, under a label that
    the picture they were made of does not have. foreign : pieces of photographs."""

    wrong: set[str] = field(default_factory=set)
    copies: set[str] = field(default_factory=set)
    conflicts: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)


def wrong_labels(labels: list[int], rng: random.Random) -> dict[int, int]:
    """Row -> the wrong label that it gets: mistakes that repeat, the others at random."""
    wrong = {}
    for true, given in REPEATED:
        rows = [row for row, label in enumerate(labels) if WORDS[label] == true]
        wrong |= dict.fromkeys(rng.sample(rows, OF_EACH), WORDS.index(given))
    others = [row for row in range(len(labels)) if row not in wrong]
    for row in rng.sample(others, FLIPS - len(wrong)):
        wrong[row] = rng.choice([label for label in range(10) if label != labels[row]])
    return wrong


def write_images(folder: Path, rng: random.Random) -> Planted:
    """Write class folders, and return what was planted."""
    digits, planted = load_digits(), Planted()
    labels = [int(target) for target in digits.target]
    wrong = wrong_labels(labels, rng)
    for row, true in enumerate(labels):
        name = f"{WORDS[wrong.get(row, true)]}/{row:04d}.png"
        picture = Image.fromarray((digits.images[row] * (255 / 16)).astype(np.uint8))
        save(picture.resize((32, 32), Image.Resampling.BICUBIC), folder / name)
        if row in wrong:
            planted.wrong.add(name)
    for number, row in enumerate(rng.sample([row for row in range(len(labels)) if row not in wrong], COPIES)):
        given = (
            labels[row] if number >= CONFLICTS else rng.choice([label for label in range(10) if label != labels[row]])
        )
        name = f"{WORDS[given]}/{row:04d}_copy.jpg"
        with Image.open(folder / WORDS[labels[row]] / f"{row:04d}.png") as picture:
            picture.save(folder / name, quality=85)
        planted.copies.add(name)
        if given != labels[row]:
            planted.conflicts.add(name)
    photos = [Image.fromarray(image) for image in load_sample_images().images]
    for number in range(FOREIGN):
        photo = photos[number % len(photos)]
        left, top = rng.randrange(photo.width - 200), rng.randrange(photo.height - 200)
        name = f"{WORDS[rng.randrange(10)]}/photo_{number:02d}.jpg"
        save(photo.crop((left, top, left + 200, top + 200)), folder / name)
        planted.foreign.add(name)
    return planted


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def main(place: Path) -> None:
    images, output = place / "digits", place / "digits.assay"
    shutil.rmtree(images, ignore_errors=True)
    planted = write_images(images, random.Random(0))
    print(
        f"planted in {images}: {len(planted.wrong)} wrong labels, {len(planted.copies)} re-encoded copies, "
        f"{len(planted.conflicts)} of them under another label, {len(planted.foreign)} pieces of photographs"
    )
    started = time.monotonic()
    project = assay.analyze(images, output=output)
    seconds = time.monotonic() - started
    print(f"\n{project.summary()}\n")
    for what, ids, check in (
        ("wrong labels", planted.wrong, "label"),
        ("copies", planted.copies, "near_duplicate"),
        ("copies under two labels", planted.conflicts, "duplicate_label_conflict"),
        ("photographs", planted.foreign, "outlier"),
    ):
        found = set(project.issues(check)["row_id"])
        print(f"{what}: {len(ids & found)} of {len(ids)} planted were found; {len(found)} rows flagged as {check}")
    label_issues = project.issues("label")
    suggested = dict(zip(label_issues["row_id"], label_issues["suggested_label"], strict=True))
    truth = load_digits().target
    right = [suggested[row] == WORDS[truth[int(Path(row).stem)]] for row in planted.wrong & suggested.keys()]
    print(f"suggested labels: {sum(right)} of {len(right)} are the true ones")
    print(f"\n{seconds:.0f} s. Open {project.report(place / 'report.html')} in a browser.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
