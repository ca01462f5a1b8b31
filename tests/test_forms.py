"""Every way of handing over one dataset gives the same result table."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import assay
from conftest import write_digits

pytestmark = pytest.mark.xdist_group("forms")
OURS = ["row_id", "path", "image", "label"]  # what the forms name differently


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("forms") / "digits"
    write_digits(place, 80, flips=6)
    return place


@pytest.fixture(scope="module")
def rows(folder) -> pd.DataFrame:
    """The images in the order of the folder, with absolute paths."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    return pd.DataFrame(
        {"path": [str(folder / path) for path in paths], "label": [path.split("/")[0] for path in paths]}
    )


def results(project: assay.Project) -> pd.DataFrame:
    frame = pd.DataFrame(project.issues())
    return frame.drop(columns=[name for name in OURS if name in frame]).reset_index(drop=True)


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory) -> pd.DataFrame:
    return results(assay.analyze(folder, output=tmp_path_factory.mktemp("out") / "p.assay", progress="quiet"))


def zipped(folder: Path, target: Path, rows: pd.DataFrame) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder.parent).as_posix())
    return target


def zipped_with_metadata(folder: Path, target: Path, rows: pd.DataFrame) -> Path:
    """Pictures in one flat folder, labels in metadata.csv, the paths relative to it."""
    names = [f"{number:03d}.png" for number in range(len(rows))]
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in zip(names, rows["path"], strict=True):
            archive.write(path, f"top/pictures/{name}")
        table = pd.DataFrame({"image": [f"pictures/{name}" for name in names], "label": rows["label"]})
        archive.writestr("top/metadata.csv", table.to_csv(index=False))
    return target


def relative_csv(folder: Path, target: Path, rows: pd.DataFrame) -> Path:
    table = folder.parent / "labels.csv"
    rows.assign(path=[str(Path(path).relative_to(folder.parent)) for path in rows["path"]]).to_csv(table, index=False)
    return table


def parquet(folder: Path, target: Path, rows: pd.DataFrame) -> Path:
    rows.to_parquet(target)
    return target


def jsonl(folder: Path, target: Path, rows: pd.DataFrame) -> Path:
    rows.assign(path="file://" + rows["path"]).to_json(target, orient="records", lines=True)
    return target


def excel(folder: Path, target: Path, rows: pd.DataFrame) -> Path:
    rows.to_excel(target, index=False)
    return target


def polars(folder: Path, target: Path, rows: pd.DataFrame) -> pl.DataFrame:
    return pl.from_pandas(rows)


def hugging_face(folder: Path, target: Path, rows: pd.DataFrame):
    import datasets

    data = datasets.Dataset.from_dict({"image": rows["path"].tolist(), "label": rows["label"].tolist()})
    return data.cast_column("image", datasets.Image())


@pytest.mark.usefixtures("here")  # the folder itself was analysed by worker processes
@pytest.mark.parametrize(
    ("make", "ending"),
    [
        (zipped, "zip"), (zipped_with_metadata, "zip"), (relative_csv, "csv"), (parquet, "parquet"), (jsonl, "jsonl"),
        (excel, "xlsx"), (polars, ""), (hugging_face, ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_each_form_gives_the_result_table_of_the_folder(make, ending, folder, rows, expected, tmp_path):
    data = make(folder, tmp_path / f"data.{ending}", rows)
    found = results(assay.analyze(data, output=tmp_path / "p.assay", progress="quiet"))
    pd.testing.assert_frame_equal(found, expected)
