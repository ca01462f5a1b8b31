"""Kinds of copies that a folder of photographs and one copy of each does not show; other people's hashes beside them.

    copy_sets.py [SET ...]

In: photos_600 and bccd; pages, tickets and shirts are drawn here. Out: ``results/copy-sets.json`` with a table for the page. Does
not know: how a copy is proved. One analysis a set. True pairs are those that were made, copies of copies included; of the
photographs' own copies (`photos_600_pairs.csv`, and what Assay finds in the set without its crops) none counts on any side.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

import assay
from copies import PRECISION, cut_at_precision
from measure import commit, machine
from page import RESULTS
from peer_env import peer_python, peer_versions
from problems import data_dir
from vectors import HERE, SCRATCH, analyse

Row = dict[str, Any]
Made = Iterator[tuple[str, Image.Image, int]]  # name, picture, what it shows; copies show the same
PLACE = SCRATCH / "copy-sets"
SHARES = (0.25, 0.35, 0.5, 0.6)
GOALS = {0.25: 0.80, 0.35: 0.88, 0.5: 0.97, 0.6: 0.99}
SHOPS = ("HARBOUR MART", "GREEN GROCER", "CITY BOOKS", "NIGHT OWL CAFE")
FIELDS = ("Name", "Street", "City", "Account", "Amount", "Date", "Signature")
LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789")


def photographs(every: int = 1) -> list[Path]:
    return sorted((data_dir() / "photos_600").glob("*/*.jpg"))[::every]


def window(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """A part of ``share`` of the area, anywhere."""
    width, height = (int(side * share**0.5) for side in image.size)
    x, y = int(rng.integers(0, image.width - width + 1)), int(rng.integers(0, image.height - height + 1))
    return image.crop((x, y, x + width, y + height))


def cropped(files: Sequence[Path], every: int) -> Made:
    """Pictures, and of one in ``every`` a part, half of them under another class."""
    rng, classes = np.random.default_rng(6), sorted({file.parent.name for file in files})
    for row, file in enumerate(files):
        image = Image.open(file).convert("RGB")
        yield f"{file.parent.name}/{row:04d}.jpg", image, row
        if row % every == 0:
            turn = row // every
            share = SHARES[turn % len(SHARES)]
            other = classes[int(rng.integers(len(classes)))] if turn // len(SHARES) % 2 else file.parent.name
            yield f"{other}/{row:04d}_part{share:.0%}.jpg", window(image, share, rng), row


def crops() -> Made:
    return cropped(photographs(), 2)


def crops_of_lookalikes() -> Made:
    """364 micrographs of blood, one class: all look alike."""
    return cropped(sorted((data_dir() / "bccd" / "images").glob("*.jpg")), 3)


def receipt(rng: np.random.Generator, shop: str, lines: int) -> Image.Image:
    image = Image.new("L", (420, 640), 250)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.text((110, 20), shop, 10, font)
    draw.text((120, 70), "TAX INVOICE", 10, font)
    draw.text(
        (30, 110),
        f"Date {rng.integers(1, 28):02d}/0{rng.integers(1, 9)}/2018   No {rng.integers(1000, 9999)}",
        20,
        font,
    )
    total = 0.0
    for line in range(lines):
        price = float(rng.integers(100, 9_000)) / 100
        total += price
        draw.text((30, 150 + 28 * line), ("RICE 5KG", "COOKING OIL", "SOAP BAR", "TEA BOX")[line % 4], 20, font)
        draw.text((320, 150 + 28 * line), f"{price:8.2f}", 20, font)
    draw.text((30, 395), f"TOTAL {total:22.2f}", 0, font)
    draw.text((90, 560), "THANK YOU, COME AGAIN", 40, font)
    return image


def form(rng: np.random.Generator, kind: str) -> Image.Image:
    image = Image.new("RGB", (500, 360), (246, 244, 236))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    draw.rectangle((10, 10, 490, 350), outline=(60, 60, 90), width=2)
    draw.text((150, 20), kind, (30, 30, 90), font)
    for line, field in enumerate(FIELDS):
        y = 60 + line * 38
        draw.text((25, y), field, (80, 80, 80), font)
        draw.rectangle((130, y - 6, 470, y + 24), outline=(150, 150, 150))
        draw.text((140, y), "".join(rng.choice(LETTERS, int(rng.integers(5, 16)))), (10, 10, 60), font)
    return image


def scanned(image: Image.Image, rng: np.random.Generator, light: float = 1.0, move: int = 0) -> Image.Image:
    """The page with the noise of a scanner, lighter or darker, and moved."""
    values = np.roll(np.asarray(image, np.float32), (move, -move), (0, 1)) * light
    return Image.fromarray(np.clip(values + rng.normal(0, 4, values.shape), 0, 255).astype(np.uint8))


def pages(again: Callable[[Image.Image, np.random.Generator], Image.Image]) -> Made:
    """120 receipts of four shops and 80 forms on two templates, one in five once more."""
    rng = np.random.default_rng(4)
    for row in range(200):
        page = receipt(rng, SHOPS[row % 4], 4 + row % 4) if row < 120 else form(rng, ("TRANSFER", "CHANGE")[row % 2])
        yield f"scans/{row:03d}.jpg", scanned(page, rng), row
        if row % 5 == 0:
            yield f"scans/{row:03d}_again.jpg", again(page, rng), row


def pages_again() -> Made:
    return pages(lambda page, rng: scanned(page, rng, 0.93, 3))


def pages_grey() -> Made:
    return pages(lambda page, rng: scanned(ImageOps.grayscale(page).convert(page.mode), rng, 0.97))


def pages_turned() -> Made:
    return pages(lambda page, rng: scanned(page.rotate(5, Image.Resampling.BICUBIC, fillcolor="white"), rng))


def pages_stamped() -> Made:
    """Not copies alone: a page that was stamped is the same page, and yet something is written on it that was not."""

    def stamped(page: Image.Image, rng: np.random.Generator) -> Image.Image:
        page = page.copy()
        ImageDraw.Draw(page).text((page.width // 3, page.height // 2), "PAID", "black", ImageFont.load_default(48))
        return scanned(page, rng)

    return pages(stamped)


def augmented() -> Made:
    """40 photographs, 12 times each: turned by any angle, moved, mirrored, brighter or darker."""
    rng = np.random.default_rng(5)
    for row, file in enumerate(photographs(14)[:40]):
        image = Image.open(file).convert("RGB").resize((256, 256))
        for time in range(12):
            moved = image.rotate(
                float(rng.uniform(0, 360)), Image.Resampling.BICUBIC, translate=tuple(rng.integers(-20, 21, 2).tolist())
            )
            moved = ImageOps.mirror(moved) if rng.random() < 0.5 else moved
            light = float(rng.uniform(0.8, 1.2))
            moved = Image.fromarray(np.clip(np.asarray(moved, np.float32) * light, 0, 255).astype(np.uint8))
            yield f"{file.parent.name}/{row:02d}_{time:02d}.jpg", moved.crop((32, 32, 224, 224)), row


def coloured_twins() -> Made:
    """16 cuts of shirts in 4 colours each, which are no copies, and one of each cut once more as a coarser JPEG."""
    rng = np.random.default_rng(7)
    for cut in range(16):
        body = [
            (60, 50),
            (100, 30),
            (140, 30),
            (180, 50),
            *((int(x), int(y)) for x, y in rng.integers(90, 200, (5, 2))),
        ]
        for place, colour in enumerate(("#b03030", "#3060b0", "#309050", "#c0a020")):
            image = Image.new("RGB", (240, 240), "white")
            draw = ImageDraw.Draw(image)
            draw.polygon(body, fill=colour, outline="black")
            draw.ellipse((100 + cut, 60, 120 + 2 * cut, 90 + cut), fill=colour, outline="black")
            yield f"shirts/{cut:02d}_{place}.png", image, cut * 4 + place
            if place == cut % 4:
                yield f"shirts/{cut:02d}_{place}_again.jpg", image.resize((180, 180)), cut * 4 + place


SETS: dict[str, Callable[[], Made]] = {
    "crops": crops,
    "crops of look-alikes": crops_of_lookalikes,
    "pages scanned again": pages_again,
    "pages, grey": pages_grey,
    "pages, turned by 5 degrees": pages_turned,
    "pages, stamped": pages_stamped,
    "augmented": augmented,
    "coloured twins": coloured_twins,
}


def make(name: str) -> tuple[Path, NDArray[np.int64], list[str]]:
    """The folder of a set, and of its pictures in byte order of their paths what each shows."""
    folder = PLACE / name.replace(" ", "_").replace(",", "") / "pictures"
    truth = folder.with_name("shows.json")
    if not truth.exists():
        shutil.rmtree(folder, ignore_errors=True)
        shows = {}
        for path, image, row in SETS[name]():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            image.save(folder / path, **({"quality": 88} if path.endswith("jpg") else {}))
            shows[path] = row
        truth.write_text(json.dumps(shows))
    shows = json.loads(truth.read_text())
    paths = sorted(shows, key=str.encode)
    return folder, np.array([shows[path] for path in paths]), paths


def found_clusters(folder: Path, paths: list[str]) -> NDArray[np.int64]:
    where = folder.parent / "found.assay"
    analyse(folder, {}, where)
    table = assay.open(where).results(columns=["near_duplicate_cluster_id"])
    place = {path: at for at, path in enumerate(paths)}
    out = np.full(len(paths), -1, np.int64)
    out[[place[one] for one in table["row_id"].to_pylist()]] = (
        table["near_duplicate_cluster_id"].fill_null(-1).to_numpy()
    )
    return out


def judged(name: str) -> Row:
    """Recall and precision of the pairs of one set; by share of the area where it has crops."""
    folder, shows, paths = make(name)
    clusters = found_clusters(folder, paths)
    a, b = np.triu_indices(len(paths), 1)
    true = shows[a] == shows[b]
    together = (clusters[a] == clusters[b]) & (clusters[a] >= 0)
    part = np.array([path.rpartition("_part")[2] if "_part" in path else "" for path in paths])
    cropped = np.where(part[a] != "", part[a], part[b])
    # two whole photographs that show the same are no matter of this set; neither is a part of one beside the other
    whole = together & (part[a] == "") & (part[b] == "") & ~true if (part != "").any() else np.zeros(len(a), bool)
    same = {int(row): int(row) for row in shows}
    for one, two in zip(shows[a[whole]].tolist(), shows[b[whole]].tolist(), strict=True):
        low, high = sorted((same[one], same[two]))
        same = {row: low if group == high else group for row, group in same.items()}
    group = np.array([same[int(row)] for row in shows])
    counts = true | (group[a] != group[b])
    row: Row = {
        "pictures": len(paths),
        "true": int(true.sum()),
        "recall": float(together[true].mean()),
        "false": int((together & ~true & counts).sum()),
        "precision": float(true[together & counts].mean()) if (together & counts).any() else None,
    }
    if (part != "").any():
        row["by share"] = {
            f"{share:.0%}": float(together[true & (cropped == f"{share:.0%}.jpg")].mean()) for share in SHARES
        }
    return row | peers(folder, paths, a, b, true, counts)


def peers(folder: Path, paths: list[str], a: Any, b: Any, true: NDArray[np.bool_], counts: NDArray[np.bool_]) -> Row:
    """pHash 256 at the cut that is best for it on these very pairs, and cleanvision as it comes."""
    output = folder.with_name("peers.npz")
    if not output.exists():
        files = [str(folder / path) for path in paths]
        job = folder.with_name("peers.json")
        job.write_text(json.dumps({"hash": files, "cleanvision": {"all": files}, "output": str(output)}))
        subprocess.run([str(peer_python()), str(HERE / "copies_peers.py"), str(job)], check=True)
    kept = np.load(output)
    plain, mirrored = (kept[f"hash imagehash pHash 256 {kind}"] for kind in ("plain", "mirrored"))
    distance = np.minimum(*(np.bitwise_count(plain[a] ^ other[b]).sum(1) for other in (plain, mirrored)))
    values = -distance.astype(np.float64)
    cut = cut_at_precision(values[counts], true[counts])
    flagged = {(int(one), int(two)) for one, two in kept["cleanvision all"]}
    said = np.array([pair in flagged for pair in zip(a.tolist(), b.tolist(), strict=True)])
    return {
        "pHash 256": float((values >= cut)[true].mean()),
        "cleanvision": float(said[true].mean()),
        "cleanvision precision": float(true[said & counts].mean()) if (said & counts).any() else None,
    }


def table(rows: dict[str, Row]) -> Row:
    def told(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    body = []
    for name, row in rows.items():
        cells = [told(row[key]) for key in ("pHash 256", "cleanvision", "cleanvision precision")]
        body.append(
            [name, row["pictures"], row["true"], told(row["recall"]), told(row["precision"]), row["false"], *cells]
        )
        for share, recall in row.get("by share", {}).items():
            body.append([f"... to {share} of the area", "", "", told(recall), "", "", "", "", ""])
    goals = ", ".join(f"{recall:.2f} at {share:.0%}" for share, recall in GOALS.items())
    text = (
        "Assay's flags as they come. pHash 256 (imagehash, the smaller distance of the picture and its mirror image): recall at "
        f"precision {PRECISION} with the cut that is best on these very pairs. cleanvision: its defaults. Half of the crops lie under "
        f"another class; goals for crops: {goals}, at precision {PRECISION}. Pages are receipts of four shops and forms on two "
        "templates, all different; of coloured twins, 16 cuts in 4 colours, only the coarser JPEG of one is a copy."
    )
    heads = [
        "set",
        "pictures",
        "true pairs",
        "recall",
        "precision",
        "false pairs",
        "pHash 256",
        "cleanvision",
        "its precision",
    ]
    return {"title": "Crops, pages, augmented sets, coloured twins", "text": text, "heads": heads, "rows": body}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: all of {', '.join(SETS)}")
    names = parser.parse_args().sets or list(SETS)
    rows = {}
    for name in names:
        rows[name] = judged(name)
        print(name, rows[name], flush=True)
    if names == list(SETS):
        record = {
            "commit": commit(),
            "machine": machine() | {"peers": peer_versions()},
            "rows": rows,
            "tables": [table(rows)],
        }
        (RESULTS / "copy-sets.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
