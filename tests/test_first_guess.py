"""The first command on files as people have them: what is guessed, and the sentence that says so. Oracle: a person who looks at them."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from assay.errors import AssayError
from assay.sources import open_source
from assay.sources.encodings import to_utf8, wide

RNG = np.random.default_rng(0)
N = 60
PROSE = [
    f"{a} {b} {c}"
    for a, b, c in itertools.product(
        ("please send", "where is", "i never got", "thanks for", "cancel"),
        ("my parcel", "the refund", "your invoice"),
        ("today", "again", "for march", "soon"),
    )
]
CLASS = ["question" if "where" in text else "thanks" if "thanks" in text else "order" for text in PROSE]
LINES = [f"{text},{label}" for text, label in zip(PROSE, CLASS, strict=True)]
CHINESE = [
    a + b
    for a in ("这个手机", "这家餐厅", "这本书", "这件衣服", "这双鞋", "这台电脑")
    for b in ("很好用", "质量不错", "太差了")
]
JAPANESE = [
    a + b for a in ("この店は", "この本は", "この靴は", "この宿は") for b in ("とても良い", "少し高い", "もう買わない")
]
THAI = [a + b for a in ("ร้านอาหารนี้", "โรงแรมนี้", "หนังเรื่องนี้") for b in ("ดีมาก", "แย่มากผิดหวัง", "ชอบมาก")]


def png(value: int = 0) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (4, 4), value % 256).save(sink, "PNG")
    return sink.getvalue()


def csv_of(name: str = "data.csv", encoding: str = "utf-8", header: bool = True, sep: str = ",", **columns: Any) -> Any:
    def make(folder: Path) -> Path:
        frame = pd.DataFrame({key.replace("__", " "): value for key, value in columns.items()})
        (folder / name).write_bytes(frame.to_csv(index=False, header=header, sep=sep).encode(encoding))
        return folder / name

    return make


def text_of(content: str | bytes, name: str = "data.csv") -> Any:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / name

    return make


def tree(*paths: str, extra: dict[str, str] | None = None, zipped: str = "") -> Any:
    """Two images at each path, or one if the path names it."""

    def make(folder: Path) -> Path:
        top = folder / "set"
        files = {
            name: png(at)
            for at, name in enumerate(
                one
                for path in paths
                for one in ([path] if path.endswith(".png") else [f"{path}/1.png", f"{path}/2.png"])
            )
        } | {name: content.encode() for name, content in (extra or {}).items()}
        if zipped:
            with zipfile.ZipFile(folder / "set.zip", "w") as archive:
                for name, content in files.items():
                    archive.writestr(_member(name, zipped), content)
            return folder / "set.zip"
        for name, content in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_bytes(content)
        return top

    return make


def _member(name: str, encoding: str) -> zipfile.ZipInfo:
    """A member as Windows of that country writes it: its own bytes, and no word of it."""
    info = zipfile.ZipInfo("x")
    info.filename = name.encode(encoding).decode("cp437") if encoding != "utf-8" else name

    class Raw(zipfile.ZipInfo):
        __slots__ = ()

        def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
            return name.encode(encoding), 0

    raw = Raw(info.filename)
    return raw if encoding != "utf-8" else info


def table_of(**columns: Any) -> Any:
    def make(folder: Path) -> Path:
        pq.write_table(pa.table(columns), folder / "data.parquet")
        return folder / "data.parquet"

    return make


@dataclass
class Shape:
    make: Callable[[Path], Path]
    modality: str
    said: str
    label: str | None = None
    text: str | None = None
    image: str | None = None
    classes: list[Any] | None = None
    splits: set[str] | None = None
    rows: int | None = None
    words: dict[str, Any] = field(default_factory=dict)


NUMBERS = {"x": RNG.normal(0, 1, N).round(6), "y2": RNG.integers(0, 9, N)}
FILES = [f"{at}.png" for at in range(N)]
META = "file_name,label\n1.png,ring\n2.png,blob\n"
COORDINATES = {"X": RNG.normal(0, 1, N).round(6), "Y": RNG.normal(0, 1, N).round(6)}

SHAPES = {
    # columns
    "coordinates": Shape(
        csv_of(**COORDINATES, shift=["AM", "PM"] * 30, age=["Adult", "Juvenile", "?"] * 20),
        "table",
        "'Y' is named like a label but holds 60 different numbers",
    ),
    "y as a label": Shape(csv_of(a=NUMBERS["x"], y=[0, 1] * 30), "table", "labels: column 'y'", label="y"),
    "what could be": Shape(csv_of(**NUMBERS, shift=["AM", "PM"] * 30), "table", "--label; 'shift' (2 values), 'y2' ("),
    "blank columns": Shape(
        text_of("v1,v2,,,\n" + "".join(f"{c},{t},,,\n" for c, t in zip(CLASS, PROSE, strict=True))),
        "text",
        "empty columns are left aside: Unnamed: 2",
        label="v1",
        text="v2",
    ),
    "tweet": Shape(
        csv_of(id=range(N), count=[3] * N, **{"class": CLASS}, tweet=PROSE),
        "text",
        "'tweet'",
        label="class",
        text="tweet",
    ),
    "intent, semicolons, BOM": Shape(
        csv_of(encoding="utf-8-sig", sep=";", frage=PROSE, intent=CLASS),
        "text",
        "labels: column 'intent' (by its name",
        label="intent",
        text="frage",
    ),
    "reviewText, wide": Shape(
        csv_of(
            reviewerID=range(N),
            asin=[f"B{at % 7}" for at in range(N)],
            helpful=[0, 1] * 30,
            reviewText=PROSE,
            overall=[1, 2, 3] * 20,
            summary=PROSE,
            unixTime=range(9, N + 9),
        ),
        "text",
        "'reviewText' reads like prose",
        text="reviewText",
    ),
    "products": Shape(
        csv_of(
            title=[f"Summer dress model {at}" for at in range(N)],
            price=NUMBERS["x"],
            units=[1, 5] * 30,
            size=["S", "M"] * 30,
            seller_picture=[f"http://p.invalid/{at}.jpg" if at % 7 == 0 else "" for at in range(N)],
            product_picture=[f"http://p.invalid/p{at}.jpg" for at in range(N)],
        ),
        "table",
        "nothing is fetched; to analyse the pictures instead: --image seller_picture",
    ),
    "picture of a few": Shape(
        csv_of(
            title=[f"n{at}" for at in range(N)],
            photo=[f"{at}.png" if at % 9 == 0 else "" for at in range(N)],
            **NUMBERS,
        ),
        "table",
        "modality: table (4 feature columns",
    ),
    "Chinese": Shape(
        csv_of(text=CHINESE * 2, label=["正面", "负面"] * 18), "text", "'text'", label="label", text="text"
    ),
    "Chinese names": Shape(
        csv_of(评论=CHINESE * 2, 类别=["正", "负"] * 18), "text", "'评论'", label="类别", text="评论"
    ),
    "Chinese, plain names": Shape(csv_of(c1=CHINESE * 2, c2=["正", "负"] * 18), "text", "'c1'", label="c2", text="c1"),
    "Japanese": Shape(
        csv_of(レビュー=JAPANESE * 3, label=[0, 1] * 18), "text", "'レビュー'", label="label", text="レビュー"
    ),
    "Thai": Shape(csv_of(text=THAI * 4, label=["ดี", "แย่"] * 18), "text", "'text'", label="label", text="text"),
    "emoji": Shape(
        csv_of(text=["👍" * (1 + at % 12) + "👎" * (at % 2) for at in range(N)], label=["p", "n"] * 30),
        "text",
        "'text'",
        label="label",
        text="text",
    ),
    "a bytes column of vectors": Shape(
        table_of(text=PROSE, label=CLASS, embedding=[np.float32([at, 1]).tobytes() + b"\xff" for at in range(N)]),
        "text",
        "'text' reads like prose",
        label="label",
        text="text",
    ),
    "a bytes column of pictures": Shape(
        table_of(picture=[png(at) for at in range(N)], label=CLASS),
        "image",
        "'picture'",
        label="label",
        image="picture",
    ),
    "numbers that name classes": Shape(
        csv_of(text=PROSE, rating=["01", "02", "03"] * 20),
        "text",
        "labels: column 'rating' (the only other column, 3 values",
        label="rating",
        text="text",
        classes=["01", "02", "03"],
    ),
    "several could be the label": Shape(
        csv_of(message=PROSE, channel=["web", "app"] * 30, team=["a", "b", "c"] * 20),
        "text",
        "'channel' (2 values), 'team' (3 values) could be",
        text="message",
    ),
    "question marks": Shape(
        csv_of(a=NUMBERS["x"], b=["?", "3"] * 30, label=(["yes", "no"] * 5 + ["?"] * 2) * 5),
        "table",
        "'?' in the label column means unlabelled (10 rows)",
        label="label",
        classes=["no", "yes"],
    ),
    "dashes": Shape(
        csv_of(a=NUMBERS["x"], label=["yes", "no", "-"] * 20),
        "table",
        "'-' in the label",
        label="label",
        classes=["no", "yes"],
    ),
    "NA as a common class": Shape(
        csv_of(text=PROSE, label=["NA" if c == "order" else c for c in CLASS]),
        "text",
        "'NA' counts as a class",
        label="label",
        text="text",
        classes=["NA", "question", "thanks"],
    ),
    "NA as a continent": Shape(
        csv_of(gdp=NUMBERS["x"], label=(["EU", "AS", "AF", "SA", "OC"] * 11 + ["NA"] * 5)),
        "table",
        "'NA' counts as a class (5 rows)",
        label="label",
        classes=["AF", "AS", "EU", "NA", "OC", "SA"],
    ),
    "a sign among signs": Shape(
        csv_of(gdp=NUMBERS["x"], label=["+", "*", "-", "/"] * 15),
        "table",
        "'-' counts as a class (15 rows)",
        label="label",
        classes=["*", "+", "-", "/"],
    ),
    "splits in a column": Shape(
        csv_of(text=PROSE, label=CLASS, subset=["Training", "Testing", "PublicTest".lower()[6:]] * 20),
        "text",
        "splits: column 'subset'",
        label="label",
        text="text",
        splits={"Training", "Testing", "test"},
    ),
    # lines and bytes
    "no header, numbers": Shape(
        csv_of(header=False, **{f"c{at}": RNG.integers(1, 4, N) for at in range(5)}),
        "table",
        "the first line looks like data",
    ),
    "no header, iris": Shape(
        csv_of(header=False, a=NUMBERS["x"], b=NUMBERS["x"] + 1, c=["Iris-a", "Iris-b", "Iris-c"] * 20),
        "table",
        "read without a header, the columns are called column 1",
        rows=N,
    ),
    "no header, counts with marks of thousands": Shape(
        text_of(
            "".join(
                f'CN{at * 7:03},01,{at:03},"Land {at}, AL",2009,"{at + 3},{at * 37 % 1000:03}  ",'
                f'"{at + 1},{at * 53 % 1000:03}  ",{at / 7:.1f}\n'
                for at in range(1, N + 1)
            )
        ),
        "table",
        "read without a header, the columns are called column 1",
        rows=N,
    ),
    "no header, ham and spam": Shape(
        csv_of("data.tsv", header=False, sep="\t", a=CLASS, b=PROSE),
        "text",
        "the first line looks like data",
        label="column 1",
        text="column 2",
        rows=N,
    ),
    "years as a header": Shape(
        text_of("country,2001,2002\n" + "".join(f"land {at},{at},{at + 1}\n" for at in range(N))),
        "table",
        "modality: table",
    ),
    "the header again": Shape(
        text_of("text,label\n" + "".join(f"{line}\n" for line in [*LINES[:9], "text,label", *LINES[9:], "text,label"])),
        "text",
        "2 rows repeat the header and are not analysed",
        label="label",
        text="text",
        classes=["order", "question", "thanks"],
        rows=N + 2,
    ),
    "Windows-1252": Shape(
        text_of(("text,label\r\n" + "".join(f"£5 café {line}\r\n" for line in LINES)).encode("cp1252")),
        "text",
        "encoding: Windows-1252",
        label="label",
        text="text",
        rows=N,
    ),
    "Shift-JIS": Shape(
        csv_of(encoding="cp932", text=JAPANESE * 3, label=[0, 1] * 18),
        "text",
        "encoding: Shift-JIS",
        label="label",
        text="text",
    ),
    "GBK": Shape(
        csv_of(encoding="gbk", text=CHINESE * 2, label=[0, 1] * 18), "text", "encoding: GBK", label="label", text="text"
    ),
    "UTF-16": Shape(csv_of(encoding="utf-16", text=PROSE, label=CLASS), "text", "'text'", label="label", text="text"),
    # folders
    "class folders": Shape(
        tree("cat", "dog"), "image", "class folders: 2 classes", label="label", classes=["cat", "dog"]
    ),
    "one folder": Shape(tree("img"), "image", "one folder (img) is not a class"),
    "nested classes": Shape(
        tree("Fruit/Apple/Red", "Fruit/Apple/Green", "Fruit/Pear"),
        "image",
        "classes: folder level 2 (Apple, Pear); deeper folders (Green, Red) count with them; for another level: --class-level",
        label="label",
        classes=["Apple", "Pear"],
    ),
    "nested classes, told": Shape(
        tree("Fruit/Apple/Red", "Fruit/Apple/Green"),
        "image",
        "class folders: 2 classes",
        label="label",
        classes=["Green", "Red"],
        words={"class_level": 3},
    ),
    **{
        f"splits {one} and {two}": Shape(
            tree(f"{one}/a", f"{one}/b", f"{two}/a", f"{two}/b"),
            "image",
            "with class folders: 2 classes",
            label="label",
            classes=["a", "b"],
            splits={one, two},
        )
        for one, two in (
            ("Training", "Testing"),
            ("train", "dev"),
            ("train", "eval"),
            ("train_set", "test-set"),
            ("fold1", "fold2"),
        )
    },
    "seg_train/seg_train": Shape(
        tree(*(f"seg_{s}/seg_{s}/{c}" for s in ("train", "test") for c in "ab")),
        "image",
        "splits seg_test, seg_train with class folders",
        label="label",
        classes=["a", "b"],
        splits={"seg_train", "seg_test"},
    ),
    "splits below the classes": Shape(
        tree("a/train", "a/test", "b/train", "b/test"),
        "image",
        "splits test, train",
        label="label",
        classes=["a", "b"],
        splits={"train", "test"},
    ),
    "splits without classes": Shape(
        tree("train", "test"), "image", "if they are classes: --class-level 1", splits={"train", "test"}
    ),
    "yolo": Shape(
        tree("train/images", "valid/images", extra={"train/labels/1.txt": "0 .5 .5 1 1"}),
        "image",
        "read as splits of unlabelled images",
        splits={"train", "valid"},
    ),
    "metadata in each split": Shape(
        tree("train", "test", extra={"train/metadata.csv": META, "test/metadata.csv": META}),
        "image",
        "2 metadata tables are read as one",
        label="label",
        image="file_name",
        classes=["blob", "ring"],
        splits={"train", "test"},
        rows=4,
    ),
    "metadata in each split of a ZIP": Shape(
        tree("d/train", "d/test", extra={"d/train/metadata.csv": META, "d/test/metadata.csv": META}, zipped="utf-8"),
        "image",
        "2 metadata tables are read as one",
        label="label",
        image="file_name",
        splits={"train", "test"},
        rows=4,
    ),
    "metadata as JSON lines": Shape(
        tree(
            "1.png",
            "2.png",
            extra={"metadata.jsonl": '{"file_name": "1.png", "label": "a"}\n{"file_name": "2.png", "label": "b"}\n'},
        ),
        "image",
        "'file_name' names pictures",
        label="label",
        image="file_name",
    ),
    "images that metadata does not name": Shape(
        tree("1.png", "2.png", "3.png", "4.png", extra={"metadata.csv": META}),
        "image",
        "2 of 4 images are not named by metadata.csv and are left out (the first: 3.png)",
        label="label",
        image="file_name",
        rows=2,
    ),
    "a table beside a folder of images": Shape(
        tree("images", extra={"train.csv": "image,label\n1.png,a\n2.png,b\n"}),
        "image",
        "table: train.csv names the images",
        label="label",
        image="image",
    ),
    "names composed here and decomposed there": Shape(
        tree("cafe\u0301.png", "b.png", extra={"metadata.csv": "file_name,label\ncaf\u00e9.png,a\nb.png,b\n"}),
        "image",
        "'file_name' names pictures",
        label="label",
        image="file_name",
    ),
    "a ZIP of one table": Shape(
        tree(
            extra={"train.csv": "text,label\n" + "".join(f"{t},{c}\n" for t, c in zip(PROSE, CLASS, strict=True))},
            zipped="utf-8",
        ),
        "text",
        "'text'",
        label="label",
        text="text",
    ),
    "a ZIP from Windows in Japan": Shape(
        tree("ねこ", "いぬの写真", zipped="cp932"),
        "image",
        "names in the ZIP are in Shift-JIS",
        label="label",
        classes=["いぬの写真", "ねこ"],
    ),
    "a ZIP from Windows in China": Shape(
        tree("小猫图片", "小狗图片", zipped="gbk"),
        "image",
        "names in the ZIP are in GBK",
        label="label",
        classes=["小狗图片", "小猫图片"],
    ),
    # as public tables come
    "categories without a header, a value twice in the first line": Shape(
        text_of(
            "".join(
                f"{a},{a if i % 3 else 'low'},{2 + i % 4 if i % 5 else '5more'},{c}\n"
                for i, (a, c) in enumerate(
                    (("vhigh", "high", "low")[at % 3], ("unacc", "acc")[at % 2]) for at in range(80)
                )
            )
        ),
        "table",
        "the first line looks like data",
    ),
    "class, title and text without a header": Shape(
        text_of("".join(f"{i % 4 + 1},Note {i},{text} and so on till {i}.\n" for i, text in enumerate(PROSE * 2))),
        "text",
        "the first line looks like data",
        text="column 3",
    ),
    "codes behind blanks": Shape(
        text_of(
            "".join(f"A1{i % 3} {6 + i % 40} A3{i % 2} {900 + 7 * i} {1 + i % 2}\n" for i in range(60)),
            "german.data.csv",
        ),
        "table",
        "delimiter: white space",
    ),
    "Class Index": Shape(
        csv_of(
            Class__Index=[1 + i % 4 for i in range(N)], Title=[f"Note {i}" for i in range(N)], Description=PROSE[:N]
        ),
        "text",
        "labels: column 'Class Index' (by its name",
        label="Class Index",
        text="Description",
    ),
    "a code amid a table that ends in class": Shape(
        csv_of(
            Id=range(1, N + 1),
            MSSubClass=[20 + 10 * (i % 9) for i in range(N)],
            LotArea=[4000 + 37 * i for i in range(N)],
            SalePrice=[90_000 + 1_371 * i for i in range(N)],
        ),
        "table",
        "labels: none",
    ),
    "classes as 0.0 and 1.0": Shape(
        csv_of(comment=PROSE[:N], toxic=[float(i % 2) for i in range(N)]),
        "text",
        "labels: column 'toxic' (the only other column, 2 values",
        label="toxic",
        text="comment",
    ),
    "pictures written out": Shape(
        csv_of(
            emotion=[i % 7 for i in range(N)],
            pixels=[" ".join(map(str, RNG.integers(0, 256, 64))) for _ in range(N)],
            Usage=["Training", "PublicTest"] * (N // 2),
        ),
        "table",
        "column 'pixels' holds many numbers in each cell",
        label="emotion",
    ),
    "prose in a wide table": Shape(
        csv_of(
            Ticket__ID=range(N),
            Email=[f"p{i}@example.com" for i in range(N)],
            Kind=["bill", "bug", "other"] * (N // 3),
            State=["open", "closed"] * (N // 2),
            Product__Bought=[f"tv {i % 7}" for i in range(N)],
            Age=[20 + i % 50 for i in range(N)],
            Ticket__Description=[
                f"{text} because it has been so for weeks now, case {i}" for i, text in enumerate(PROSE[:N])
            ],
        ),
        "table",
        "to analyse these texts instead: --text 'Ticket Description'",
    ),
    # labelling tools
    "Label Studio": Shape(
        text_of(
            json.dumps(
                [
                    {"data": {"text": t}, "annotations": [{"result": [{"type": "choices", "value": {"choices": [c]}}]}]}
                    for t, c in zip(PROSE, CLASS, strict=True)
                ]
            ),
            "export.json",
        ),
        "text",
        "Label Studio export: one choice a task",
        label="label",
        text="text",
    ),
    "COCO of whole images": Shape(
        tree(
            "1.png",
            "2.png",
            extra={
                "labels.json": json.dumps(
                    {
                        "images": [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}],
                        "annotations": [{"image_id": 1, "category_id": 7}, {"image_id": 2, "category_id": 8}],
                        "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}],
                    }
                )
            },
        ),
        "image",
        "COCO export: one label an image",
        label="label",
        image="file_name",
        classes=["cat", "dog"],
    ),
}


def test_there_are_forty_shapes() -> None:
    assert len(SHAPES) >= 40


@pytest.mark.parametrize("name", SHAPES)
def test_the_guess_is_right_and_said(tmp_path: Path, name: str) -> None:
    shape = SHAPES[name]
    source = open_source(shape.make(tmp_path), **shape.words)
    assert source.modality == shape.modality, source.notes
    assert (source.roles.label, source.roles.text) == (shape.label, shape.text), source.notes
    if shape.image:
        assert source.roles.image == shape.image
    assert any(shape.said in note for note in source.notes), source.notes
    if shape.classes is not None:
        assert source.given is not None and sorted(source.given.unique().drop_null().to_pylist()) == shape.classes
    found = None if source.split is None else set(source.split.to_pylist())
    assert found == shape.splits
    assert shape.rows in (None, len(source.ids))
    if source.modality == "image":
        assert not source.reasons


def refusal(path: Path) -> str:
    with pytest.raises(AssayError) as caught:
        open_source(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"assets": {}, "tags": []}, "is a VoTT export; boxes and shapes are not read"),
        (
            {"images": [], "categories": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}]},
            "COCO export with 1 boxes",
        ),
        ({"shapes": [], "imagePath": "a.png"}, "is a LabelMe file"),
        (
            [
                {
                    "data": {"image": "a.png"},
                    "annotations": [{"result": [{"type": "rectanglelabels", "value": {"x": 1}}]}],
                }
            ],
            "Label Studio export of rectanglelabels",
        ),
    ],
)
def test_exports_of_boxes_are_refused_by_their_name(tmp_path: Path, content: Any, said: str) -> None:
    (tmp_path / "export.json").write_text(json.dumps(content))
    assert said in refusal(tmp_path / "export.json")


@pytest.mark.parametrize("words", [{}, {"sheet": "Codes"}])
def test_titles_merged_cells_and_sheets_of_excel(tmp_path: Path, words: dict[str, str]) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "About"
    book.active.append(["made by hand"])
    sheet = book.create_sheet("Data")
    sheet.append(["Sales of 2020"])
    sheet.append([])
    for row in [["region", "city", "label"], ["north", "Oslo", "a"], [None, "Bergen", "b"], ["south", "Rome", "a"]]:
        sheet.append(row)
    sheet.merge_cells("A4:A5")
    codes = book.create_sheet("Codes")
    for row in [["code", "meaning"], [1, "one"], [2, "two"]]:
        codes.append(row)
    book.save(tmp_path / "b.xlsx")
    source = open_source(tmp_path / "b.xlsx", modality="table", **words)
    said = " | ".join(source.notes)
    if words:
        assert source.cells.to_pydict() == {"code": [1, 2], "meaning": ["one", "two"]}
        return
    assert source.cells.to_pydict()["region"] == ["north", "north", "south"]
    for part in (
        "sheet: Data (of 3; another: --sheet NAME)",
        "2 rows above the header are titles",
        "1 cells that are merged",
    ):
        assert part in said
    with pytest.raises(AssayError, match="its sheets are: About, Data, Codes"):
        open_source(tmp_path / "b.xlsx", sheet="data")


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        ("le café est très cher, dit-elle à la fenêtre\n", "mac_roman", "Mac Roman"),
        ("the café costs £5 – “yes”\n", "cp1252", "Windows-1252"),
        ("naïve Ærø señor, 50°\n", "latin-1", "Windows-1252"),
        ("これは日本語のテキストです\n", "cp932", "Shift-JIS"),
        ("這個手機很好用，質量不錯，非常滿意\n", "big5", "Big5"),
        ("이 영화는 정말 재미있어요\n", "cp949", "EUC-KR"),
        ("Привет, как дела? Очень хорошо\n", "cp1251", "Windows-1251"),
        ("Это очень хороший товар, Яна довольна\n", "koi8_r", "KOI8-R"),
        ("Это очень хороший товар, Яна довольна\n", "cp866", "CP866"),
        ("Это очень хороший товар, Яна довольна\n", "mac_cyrillic", "Mac Cyrillic"),
        ("Это очень хороший товар, Яна довольна\n", "iso8859_5", "ISO 8859-5"),
        ("Дуже гарна річ, їжа смачна, є ґудзики\n", "cp1251", "Windows-1251"),
        ("Καλημέρα κόσμε, δεν μου άρεσε\n", "cp1253", "Windows-1253"),
        ("שלום עולם, לא אהבתי בכלל\n", "cp1255", "Windows-1255"),
        ("هذا المنتج رائع جدا، لم يعجبني\n", "cp1256", "Windows-1256"),
        ("ร้านอาหารนี้ดีมาก โรงแรมนี้แย่มาก\n", "cp874", "Windows-874"),
        ("この店はとても良いです、少し高い\n", "euc_jp", "EUC-JP"),
        ("Çok güzel bir ürün, İade ettim, teşekkürler, beğendim, ısındı\n", "cp1254", "Windows-1254"),
        ("Zażółć gęślą jaźń, Łódź jest piękna\n", "cp1250", "Windows-1250"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy\n", "cp1250", "Windows-1250"),
        ("Árvíztűrő tükörfúrógép, jó üzlet, erős szél\n", "cp1250", "Windows-1250"),
        ("Perché no, è già così più bello, ciò\n", "cp1252", "Windows-1252"),
        ("Blåbærsyltetøy og rødgrød, kæreste på øen\n", "cp1252", "Windows-1252"),
        ("Þetta er gott, ég á heima á Íslandi, ýmislegt, öðruvísi, það\n", "cp1252", "Windows-1252"),
        ("¿Qué tal, señor? El niño comió jamón, ¡está aquí!\n", "cp1252", "Windows-1252"),
        ("Não é só o coração, também a mãe e a avó estão à mesa\n", "cp1252", "Windows-1252"),
        ("Müßiggang führt zu Übel, größer, schön, Äpfel\n", "cp1252", "Windows-1252"),
        ("Õhtusöök oli väga hea, tüdruk sõi õuna\n", "cp1252", "Windows-1252"),
    ],
)
def test_an_encoding_is_told_from_what_is_common_in_its_script(text: str, codec: str, name: str) -> None:
    data = (text * 20).encode(codec)
    assert to_utf8(data) == ((text * 20).encode(), name)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["name,label\ncafé,1\n", "отзыв,оценка\nхорошо,да\n", "文本,标签\n很好用,好\n"])
def test_utf16_without_a_mark_is_told_from_its_lines(tmp_path: Path, text: str, codec: str) -> None:
    (tmp_path / "data.csv").write_bytes((text + text.split("\n")[1] + "\n").encode(codec))
    assert open_source(tmp_path / "data.csv", modality="table").cells.column_names == text.split("\n", maxsplit=1)[
        0
    ].split(",")
    assert wide(b"PK\x03\x04\0\n\0\0" * 9) is None


def test_days_among_times_of_a_sheet_are_midnights(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=30, freq="8h")
    pd.DataFrame({"when": times, "price": RNG.normal(5, 1, 30)}).to_excel(tmp_path / "a.xlsx", index=False)
    source = open_source(tmp_path / "a.xlsx")
    assert (
        pa.types.is_timestamp(source.cells["when"].type)
        and source.cells["when"].to_pylist() == times.to_pydatetime().tolist()
    )
    assert not any("only text can hold" in note for note in source.notes)


def test_a_file_that_is_utf8_but_for_a_byte_is_left_as_it_is() -> None:
    data = "café\n".encode() * 20 + b"bad \xff byte\n"
    assert to_utf8(data) == (data, None)


def test_remarks_on_some_rows_of_a_wide_table_do_not_make_it_a_set_of_texts() -> None:
    """As in a table of field notes: a column of comments, filled in one row in six, or from a list of a dozen."""
    n = 240
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 5)), columns=[f"bill_{at}" for at in range(5)])
    some = [f"Nest {at} was never seen with a full clutch." if at % 6 == 0 else None for at in range(n)]
    listed = [f"adult number {at % 12} not sampled" for at in range(n)]
    for comments in (some, listed):
        source = open_source(frame.assign(Comments=comments))
        assert source.modality == "table"
        assert "Comments" in source.roles.features
    assert open_source(frame[["bill_0"]].assign(Comments=some)).modality == "text"
    every = [f"Nest {at} was never seen with a full clutch." for at in range(n)]
    assert open_source(frame.assign(Comments=every)).modality == "text"


def test_a_column_that_only_numbers_the_rows_is_no_feature(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"id": range(1, 61), "height": rng.normal(170, 9, 60), "weight": rng.normal(70, 8, 60)})
    frame.to_csv(tmp_path / "people.csv", index=False)
    source = open_source(tmp_path / "people.csv")
    assert source.roles.features == ("height", "weight")
    assert "column 'id' only numbers the rows: left out of the features (set with --features)" in source.notes
    assert any(note.startswith("modality: table (2 feature columns") for note in source.notes)
    chosen = open_source(tmp_path / "people.csv", features=["id", "height"])
    assert chosen.roles.features == ("id", "height") and not any("numbers the rows" in note for note in chosen.notes)
    # house numbers that happen to be whole and unique are no numbering
    frame.assign(id=rng.permutation(600)[:60]).to_csv(tmp_path / "houses.csv", index=False)
    assert "id" in open_source(tmp_path / "houses.csv").roles.features
