"""Planted faults: what each check of images, texts and tables finds of them, and what it flags on the clean data.

    planted.py [images] [texts] [table]

In: photos_600, banking77, the clean beers table, with faults put in. Out: ``results/planted-*.json``.
Does not know: how a check works; everything goes through `assay.analyze` and the project it leaves.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter, ImageOps

import assay
from assay.checks import CHECK_BY_NAME
from measure import commit, machine
from page import RESULTS, write_page
from planted_text import FOREIGN, noise, personal, typo
from problems import ALSO_COPIES, SAME_DRAWING, data_dir
from scoring import of_flags

EACH = 15
TEXTS = 6_000
Row = dict[str, Any]


@dataclass
class Planted:
    """``faults``: check -> row ids that must be flagged. ``also``: check -> ids that may be. ``kinds``: id -> how it was made."""

    about: str
    clean: tuple[Any, dict[str, Any]]
    faulty: tuple[Any, dict[str, Any]]
    checks: tuple[str, ...]
    faults: dict[str, set[Any]] = field(default_factory=dict)
    also: dict[str, set[Any]] = field(default_factory=dict)
    kinds: dict[Any, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)  # title of the finding -> planted column

    def put(self, check: str, row: Any, kind: str = "") -> None:
        self.faults.setdefault(check, set()).add(row)
        if kind:
            self.kinds[row] = kind


# images ------------------------------------------------------------------------------------------------------


def dark(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return picture.point(lambda value: value * 0.08)


def light(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return picture.point(lambda value: 255 - (255 - value) * 0.08)


def blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Out of focus at the picture's own size: a radius of 2 to 4 % of the longer side."""
    return picture.filter(ImageFilter.GaussianBlur(max(picture.size) * float(rng.uniform(0.02, 0.04))))


def plain(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", picture.size, tuple(int(value) for value in rng.integers(40, 216, 3)))


def tiny(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = float(rng.uniform(0.08, 0.12))
    return picture.resize((max(8, int(picture.width * share)), max(8, int(picture.height * share))))


def strip(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    height = max(8, picture.width // int(rng.integers(7, 11)))
    top = int(rng.integers(0, max(1, picture.height - height)))
    return picture.crop((0, top, picture.width, top + height))


def grey(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.grayscale(picture)


SPOILED: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "dark": dark,
    "light": light,
    "blurry": blurred,
    "low_information": plain,
    "odd_size": tiny,
    "odd_aspect_ratio": strip,
    "grayscale": grey,
}
COPIES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "same pixels": lambda picture, rng: picture,
    "half size": lambda picture, rng: picture.resize((picture.width // 2, picture.height // 2)),
    "mirror": lambda picture, rng: ImageOps.mirror(picture),
    "quarter turn": lambda picture, rng: picture.transpose(Image.Transpose.ROTATE_90),
    "crop 85 %": lambda picture, rng: picture.crop(
        (int(0.08 * picture.width), int(0.08 * picture.height), int(0.92 * picture.width), int(0.92 * picture.height))
    ),
    "brighter": lambda picture, rng: picture.point(lambda value: min(255, value * 1.25)),
    "JPEG quality 20": lambda picture, rng: picture,
}


def images(scratch: Path) -> Planted:
    source = data_dir() / "photos_600"
    files = sorted(path.relative_to(source).as_posix() for path in source.glob("*/*.jpg"))
    listed = pd.read_csv(source / "duplicates.csv")
    copied = {*listed["file_a"], *listed["file_b"], SAME_DRAWING}
    copied |= {f"{name}/image_{number:04d}.jpg" for name, *pair in ALSO_COPIES for number in pair}
    clean = scratch / "clean"
    faulty = scratch / "faulty"
    for file in files:
        for folder in (clean, faulty):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes((source / file).read_bytes())
    checks = (*SPOILED, "exact_duplicate", "near_duplicate", "duplicate_label_conflict", "not_analyzed")
    about = (
        f"586 photographs in 13 classes (photos_600); {EACH} of them spoiled in each way, {EACH} copied in each way (half of the "
        f"copies under another class), {EACH} files cut off."
    )
    out = Planted(about, (clean, {}), (faulty, {}), checks)
    rng = np.random.default_rng(0)
    free = [file for file in rng.permutation(files).tolist() if file not in copied]
    coloured = [file for file in free if _coloured(source / file)]
    classes = sorted({file.split("/")[0] for file in files})
    for check, spoil in SPOILED.items():
        for _ in range(EACH):
            file = coloured.pop()
            picture = spoil(Image.open(source / file).convert("RGB"), rng)
            picture.save(faulty / file, quality=92)
            out.put(check, file)
    for _ in range(EACH):
        file = coloured.pop()
        data = (source / file).read_bytes()
        (faulty / file).write_bytes(data[: len(data) // 8])
        out.put("not_analyzed", file)
    pool = list(coloured)
    for kind, change in COPIES.items():
        for number in range(EACH):
            file = pool.pop()
            own = file.split("/")[0]
            other = classes[(classes.index(own) + 1 + number) % len(classes)] if number % 2 else own
            ending = "jpg" if kind == "JPEG quality 20" else "png"
            copy = f"{other}/copy_{len(out.kinds):04d}.{ending}"
            change(Image.open(source / file).convert("RGB"), rng).save(faulty / copy, quality=20)
            out.put("near_duplicate", copy, kind)
            out.also.setdefault("near_duplicate", set()).add(file)
            if kind == "same pixels":
                out.put("exact_duplicate", copy)
                out.also.setdefault("exact_duplicate", set()).add(file)
            out.also.setdefault("duplicate_label_conflict", set()).add(file)
            if other != own:
                out.put("duplicate_label_conflict", copy)
    return out


def _coloured(file: Path) -> bool:
    pixels = np.asarray(Image.open(file).convert("RGB").resize((64, 64)), np.int16)
    return bool((pixels.max(2) - pixels.min(2)).mean() > 12)


# texts -------------------------------------------------------------------------------------------------------


def texts(scratch: Path) -> Planted:
    table = pd.read_csv(data_dir() / "banking77" / "train.csv").sample(TEXTS, random_state=0).reset_index(drop=True)
    table = table.rename(columns={"category": "label"})
    clean, faulty = scratch / "clean.csv", scratch / "faulty.csv"
    table.to_csv(clean, index=False)
    checks = (
        "empty_text",
        "too_short",
        "too_long",
        "wrong_language",
        "non_language",
        "pii",
        "exact_duplicate",
        "near_duplicate",
        "duplicate_label_conflict",
    )
    about = (
        f"{TEXTS:,} questions of banking77, English; planted: empty texts, single letters and words, texts of 15 questions, sentences in "
        f"{len(FOREIGN)} other languages, mark-up and random characters, e-mail addresses, numbers and the like, copies that differ in "
        "white space, case and punctuation, copies with a typo; half of the copies under another label."
    )
    out = Planted(
        about, (clean, {"text": "text", "label": "label"}), (faulty, {"text": "text", "label": "label"}), checks
    )
    rng = np.random.default_rng(0)
    long_enough = [row for row in rng.permutation(TEXTS).tolist() if len(table["text"][row]) > 40]
    rows = table.copy()
    for check, made in (
        ("empty_text", ["", " ", "  \t ", "   "] * 4),
        ("too_short", [*"akx?", "ok", "hm", "hi", "no", "ye", "pin", "top", "eur", "usd", "app", "tax"]),
    ):
        for text in made[:EACH]:
            row = long_enough.pop()
            rows.loc[row, "text"] = text
            out.put(check, row)
    for number in range(EACH):
        row = long_enough.pop()
        rows.loc[row, "text"] = " ".join(table["text"].sample(15, random_state=number))
        out.put("too_long", row)
    for language, sentences in FOREIGN.items():
        for sentence in sentences:
            row = long_enough.pop()
            rows.loc[row, "text"] = sentence
            out.put("wrong_language", row, f"language {language}")
    for number in range(2 * EACH):
        row = long_enough.pop()
        rows.loc[row, "text"] = noise(rng, number)
        out.put("non_language", row, f"noise: {('mark-up', 'hash', 'base64', 'random keys')[number % 4]}")
    for number in range(2 * EACH):
        row = long_enough.pop()
        kind, rows.loc[row, "text"] = personal(rng, table["text"][row], number)
        out.put("pii", row, f"personal data: {kind}")
    added = []
    labels = sorted(set(table["label"]))
    for kind in (
        "blanks",
        "case and punctuation",
        "typo",
    ):  # the first are the same characters but for white space: exact
        for number in range(EACH):
            row = long_enough.pop()
            text, label = table["text"][row], table["label"][row]
            if kind == "blanks":
                text = text.replace(" ", "  ")
            else:
                text = typo(rng, text) if kind == "typo" else f"{text.upper().rstrip('?.! ')} !!"
            other = labels[(labels.index(label) + 7) % len(labels)] if number % 2 else label
            copy = TEXTS + len(added)
            added.append({"text": text, "label": other})
            out.put("near_duplicate", copy, f"copy: {kind}")
            out.also.setdefault("near_duplicate", set()).add(row)
            out.also.setdefault("duplicate_label_conflict", set()).add(row)
            if kind == "blanks":
                out.put("exact_duplicate", copy)
                out.also.setdefault("exact_duplicate", set()).add(row)
            if other != label:
                out.put("duplicate_label_conflict", copy)
    pd.concat([rows, pd.DataFrame(added)]).to_csv(faulty, index=False)
    return out


# tables ------------------------------------------------------------------------------------------------------


def tables(scratch: Path) -> Planted:
    frame = pd.read_csv(data_dir() / "tabular_beers" / "clean.csv").drop(columns=["index", "id"])
    frame = frame.dropna(subset=["style"]).drop_duplicates().reset_index(drop=True)
    n = len(frame)
    rng = np.random.default_rng(0)
    clean, faulty = scratch / "clean.csv", scratch / "faulty.csv"
    frame.to_csv(clean, index=False)
    copied = np.sort(rng.choice(n, 2 * EACH, replace=False))
    columns = {
        "Blank column": pd.Series([None] * n, dtype=object),
        "Mostly blank column": np.where(rng.random(n) < 0.99, None, "x"),
        "Constant column": "beer",
        "Identifier among the features": [f"B-{value:06d}" for value in rng.permutation(n)],
        "Copied column": frame["city"],
        "Label given away": frame["style"].str.lower().str[::-1],
    }
    spoiled = frame.assign(**{f"planted {kind}": values for kind, values in columns.items()})
    spoiled = pd.concat([spoiled, spoiled.iloc[copied]], ignore_index=True)
    spoiled.to_csv(faulty, index=False)
    options = {"label": "style", "modality": "table"}
    about = (
        f"{n:,} beers (the clean table of Raha, label `style`); planted: a column without values, one that is 99 % blank, one of a "
        f"single value, one of ids, the copy of another column, the label in other words; {2 * EACH} rows that are there twice."
    )
    out = Planted(about, (clean, options), (faulty, options), ("identical_row", "exact_duplicate", "near_duplicate"))
    for number, row in enumerate(copied.tolist()):
        for check in out.checks:
            out.put(check, n + number)
            out.also.setdefault(check, set()).add(row)
    out.columns = {kind: f"planted {kind}" for kind in columns}
    return out


# measuring ---------------------------------------------------------------------------------------------------


def flags(data: Any, options: dict[str, Any], project_folder: Path, checks: tuple[str, ...]) -> tuple[Row, list[Row]]:
    project = assay.analyze(data, output=project_folder, progress="quiet", **options)
    failed = [f"{check['name']}: {check['why']}" for check in project.run["checks"] if check["status"] == "failed"]
    if failed:
        raise RuntimeError("; ".join(failed))
    found = project.results(columns=[CHECK_BY_NAME[check].flag for check in checks])
    ids = found["row_id"].to_pylist()
    out = {}
    for check in checks:
        flag = found[CHECK_BY_NAME[check].flag].to_pylist()
        out[check] = {row for row, is_flagged in zip(ids, flag, strict=True) if is_flagged}
    return out | {"": set(ids)}, project.insights()


def measure(name: str, scratch: Path) -> Row:
    plant = MAKERS[name](scratch)
    before, findings_before = flags(*plant.clean, scratch / "clean.assay", plant.checks)
    after, findings = flags(*plant.faulty, scratch / "faulty.assay", plant.checks)
    spoiled = {row for rows in plant.faults.values() for row in rows}
    rows = []
    for check in plant.checks:
        truth = plant.faults.get(check, set())
        # a row with another planted fault, or one that was flagged before anything was planted, is no false flag
        excused = (spoiled | plant.also.get(check, set()) | before[check]) - truth
        judged = after[check] - excused
        rows.append(_row(check, truth & judged, judged, truth, len(before[check]), len(before[""])))
    if plant.columns:
        rows.append(_columns(plant, findings_before, findings))
    kinds: dict[str, list[int]] = {}
    everything = set().union(*(after[check] for check in plant.checks))
    for row, kind in plant.kinds.items():
        checks = [
            check for check, members in plant.faults.items() if row in members and check != "duplicate_label_conflict"
        ]
        found = any(row in after[check] for check in checks) and row in everything
        counts = kinds.setdefault(kind, [0, 0])
        counts[0] += 1
        counts[1] += found
    return {
        "dataset": {"images": "Images", "texts": "Texts", "table": "Tables"}[name],
        "about": plant.about,
        "rows": rows,
        "kinds": kinds,
        "commit": commit(),
        "machine": machine(),
    }


def _row(check: str, hits: set[Any], judged: set[Any], truth: set[Any], clean_flags: int, clean_rows: int) -> Row:
    measures = of_flags(len(hits), len(judged), len(truth))
    return {
        "check": check,
        "planted": len(truth),
        "found": len(hits),
        "flagged": len(judged),
        "precision": measures["precision"],
        "recall": measures["recall"],
        "clean_flags": clean_flags,
        "clean_share": clean_flags / clean_rows,
    }


def _columns(plant: Planted, before: list[Row], after: list[Row]) -> Row:
    """Findings about columns: the right kind on the planted column is a hit, any other that was not there before is false."""

    def found(findings: list[Row]) -> set[tuple[str, str]]:
        return {(one["title"], one["subject"][-1]) for one in findings if one["check"] == "columns"}

    old, truth = found(before), set(plant.columns.items())
    judged = found(after) - old
    n_columns = len(pd.read_csv(plant.clean[0], nrows=1).columns) - 1
    return _row("columns", truth & judged, judged, truth, len(old), n_columns)


MAKERS: dict[str, Callable[[Path], Planted]] = {"images": images, "texts": texts, "table": tables}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="images, texts, table; default: all")
    for name in parser.parse_args().kinds or MAKERS:
        with tempfile.TemporaryDirectory(prefix="assay-planted-") as scratch:
            record = measure(name, Path(scratch))
        for row in record["rows"]:
            print(row)
        print(record["kinds"])
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"planted-{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        print(write_page())


if __name__ == "__main__":
    main()
