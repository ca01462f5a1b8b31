"""The demo: real images with planted faults, analysed as any folder of images would be.

In: the handwritten digits that scikit-learn ships (1,797 scans, UCI). Out: a folder of PNG files, an Assay project, a report;
printed: what was planted and what was found. Does not know: how Assay finds anything.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

import assay

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FLIPS, COPIES, FOREIGN = 90, 30, 12


def write_images(folder: Path, rng: random.Random) -> tuple[set[str], set[str], set[str]]:
    """Write class folders; return the ids with a flipped label, the ids of copies, the ids of foreign images."""
    digits = load_digits()
    labels = [int(target) for target in digits.target]
    rows = list(range(len(labels)))
    flipped = set(rng.sample(rows, FLIPS))
    flips, copies, foreign = set(), set(), set()
    for row in rows:
        label = labels[row] if row not in flipped else rng.choice([k for k in range(10) if k != labels[row]])
        name = f"{WORDS[label]}/{row:04d}.png"
        picture = Image.fromarray((digits.images[row] * (255 / 16)).astype(np.uint8)).resize(
            (32, 32), Image.Resampling.BICUBIC
        )
        save(picture, folder / name)
        if row in flipped:
            flips.add(name)
    for row in rng.sample([row for row in rows if row not in flipped], COPIES):
        picture = Image.open(folder / WORDS[labels[row]] / f"{row:04d}.png")
        name = f"{WORDS[labels[row]]}/{row:04d}_copy.jpg"
        picture.save(folder / name, quality=85)
        copies.add(name)
    photos = [Image.fromarray(image) for image in load_sample_images().images]
    for number in range(FOREIGN):
        photo = photos[number % len(photos)]
        left, top = rng.randrange(photo.width - 200), rng.randrange(photo.height - 200)
        name = f"{WORDS[rng.randrange(10)]}/photo_{number:02d}.png"
        save(photo.crop((left, top, left + 200, top + 200)).resize((32, 32), Image.Resampling.LANCZOS), folder / name)
        foreign.add(name)
    return flips, copies, foreign


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def main(place: Path) -> None:
    images, output = place / "digits", place / "digits.assay"
    shutil.rmtree(images, ignore_errors=True)
    flips, copies, foreign = write_images(images, random.Random(0))
    print(
        f"planted in {images}: {len(flips)} wrong labels, {len(copies)} re-encoded copies, {len(foreign)} pieces of photographs"
    )
    started = time.monotonic()
    project = assay.analyze(images, output=output)
    seconds = time.monotonic() - started
    print(f"\n{project.summary()}\n")
    for what, planted, check in (
        ("wrong labels", flips, "label"),
        ("copies", copies, "near_duplicate"),
        ("photographs", foreign, "outlier"),
    ):
        found = set(project.issues(check)["row_id"])
        print(
            f"{what}: {len(planted & found)} of {len(planted)} planted were found; {len(found)} rows flagged as {check}"
        )
    label_issues = project.issues("label")
    fixed = {
        row: label
        for row, label in zip(label_issues["row_id"], label_issues["suggested_label"], strict=True)
        if row in flips
    }
    truth = load_digits().target
    right = sum(label == WORDS[truth[int(Path(row).stem)]] for row, label in fixed.items())
    print(f"suggested labels: {right} of {len(fixed)} are the true ones")
    print(f"\n{seconds:.0f} s. Open {project.report(place / 'report.html')} in a browser.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
