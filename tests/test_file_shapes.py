"""More files as people have them: exports, downloads and spreadsheets. Oracle: a person who looks at them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import UsageError
from assay.sources import Source, open_source
from test_first_guess import CHINESE, CLASS, LINES, PROSE, THAI, Shape, csv_of, png, refusal, table_of, text_of, tree

RNG = np.random.default_rng(1)
N = len(PROSE)
X = RNG.normal(0, 1, N).round(6)
PAIRS = list(zip(PROSE, CLASS, strict=True))
PLAIN_CSV = "text,label\n" + "\n".join(LINES)
BOX = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}
COCO = json.dumps(
    {"images": [{"id": 1, "file_name": "1.png"}], "annotations": [BOX], "categories": [{"id": 1, "name": "a"}]}
)


def lines_of(rows: Sequence[Mapping[str, Any]]) -> Any:
    return text_of("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "data.jsonl")


def rows_of(make: Any, name: str = "data.csv") -> Any:
    return text_of("".join(make(at, text, label) for at, (text, label) in enumerate(PAIRS)), name)


def numbered(folder: str, count: int = 12) -> list[str]:
    return [f"{folder}/{at:03d}.png" for at in range(count)]


def shards(folder: Path) -> Path:
    top = folder / "set"
    (top / "data").mkdir(parents=True)
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"text": PROSE, "label": [at % 2 for at in range(N)]}).replace_schema_metadata(about)
    for part, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001-0a1b2c")):
        pq.write_table(table.slice(20 * part, 20), top / "data" / f"{name}.parquet")
    return top


SHAPES = {
    # folders
    "Training and Testing": Shape(
        tree("Training/glioma", "Training/none", "Testing/glioma", "Testing/none"),
        "image",
        "splits Testing, Training with class folders: 2 classes",
        label="label",
        classes=["glioma", "none"],
        splits={"Training", "Testing"},
    ),
    "train and dev": Shape(
        tree("train/a", "train/b", "dev/a", "dev/b"),
        "image",
        "splits dev, train",
        label="label",
        splits={"train", "dev"},
    ),
    "a name before the split": Shape(
        tree("asl_train/asl_train/A", "asl_train/asl_train/B", "asl_test/asl_test/A_test.png"),
        "image",
        "splits asl_test, asl_train with class folders: 2 classes, 5 images",
        label="label",
        classes=["A", "B"],
        splits={"asl_train", "asl_test"},
    ),
    "classes in the names of files": Shape(
        tree(*(f"train/{kind}.{at}.png" for kind in ("cat", "dog") for at in range(5))),
        "image",
        "names of files begin with cat, dog: if these are the classes, put each into a folder",
        splits={"train"},
    ),
    "capital endings beside others": Shape(
        tree("a/1.PNG.png", "b/2.png", extra={"a/.DS_Store": "x", "a/notes.md": "x", "b/Thumbs.db": "x"}),
        "image",
        "left alone: 1 file that is no image (1 .md) and 2 hidden or system files",
        label="label",
        rows=2,
    ),
    "boxes of YOLO": Shape(
        tree("train/images", extra={"train/labels/1.txt": "0 .5 .5 .1 .1", "train/labels/2.txt": "1 .5 .5 .1 .1"}),
        "image",
        "2 .txt files are named like images: boxes (YOLO) or captions are not read",
        splits={"train"},
    ),
    "boxes of Pascal VOC": Shape(
        tree("JPEGImages", extra={"Annotations/1.xml": "<annotation/>", "Annotations/2.xml": "<annotation/>"}),
        "image",
        "2 .xml files are named like images: boxes (Pascal VOC) are not read",
    ),
    "CVAT": Shape(
        tree("images", extra={"annotations.xml": "<annotations/>"}),
        "image",
        "annotations.xml looks like a CVAT export: boxes and shapes are not read",
    ),
    "COCO beside the images": Shape(
        tree("1.png", "2.png", extra={"_annotations.coco.json": COCO}),
        "image",
        "is a COCO export with 1 boxes or shapes; boxes and shapes are not read",
    ),
    "COCO in a folder": Shape(
        tree("val2017", extra={"annotations/instances_val2017.json": COCO}),
        "image",
        "annotations/instances_val2017.json looks like a COCO export",
        splits={"val2017"},
    ),
    "classes as columns beside the images": Shape(
        tree(
            *numbered("train"),
            extra={
                "train/_classes.csv": "filename, cat, dog, owl\n"
                + "".join(f"{at:03d}.png, {at % 3 == 0:d}, {at % 3 == 1:d}, {at % 3 == 2:d}\n" for at in range(12))
            },
        ),
        "image",
        "cat, dog, owl hold one 1 a row: that is one label in 3 columns",
        image="filename",
    ),
    "names without endings": Shape(
        tree(
            *numbered("train"), extra={"labels.csv": "id,breed\n" + "".join(f"{at:03d},{at % 2}\n" for at in range(12))}
        ),
        "image",
        "table: labels.csv names the images",
        label="breed",
        image="id",
        rows=12,
    ),
    "images in parts": Shape(
        tree(
            *(f"part_{1 + at % 2}/ISIC_{at}.png" for at in range(12)),
            extra={
                "meta.csv": "image_id,age,label\n" + "".join(f"ISIC_{at},4{at},{'ab'[at % 2]}\n" for at in range(12))
            },
        ),
        "image",
        "table: meta.csv names the images",
        label="label",
        image="image_id",
        classes=["a", "b"],
    ),
    "a submission beside the labels": Shape(
        tree(
            *numbered("images"),
            extra={
                "sample_submission.csv": "image_id,label\n" + "".join(f"{at:03d}.png,x\n" for at in range(6)),
                "train.csv": "image_id,label\n" + "".join(f"{at:03d}.png,{'ab'[at % 2]}\n" for at in range(11)),
            },
        ),
        "image",
        "table: train.csv names the images; sample_submission.csv does, too, and is left alone",
        label="label",
        image="image_id",
        classes=["a", "b"],
        rows=11,
    ),
    "a table for each split beside the images": Shape(
        tree(
            *(f"{split}/{split}{at}.png" for split in ("train", "test") for at in range(6)),
            extra={
                f"{split}.csv": "filename,class\n" + "".join(f"{split}{at}.png,{'ab'[at % 2]}\n" for at in range(6))
                for split in ("train", "test")
            },
        ),
        "image",
        "tables: train.csv, test.csv name the images, a split each",
        label="class",
        image="filename",
        splits={"train", "test"},
        rows=12,
    ),
    "lists of images without a header": Shape(
        tree(
            *numbered("images", 16),
            extra={
                f"{split}.txt": "".join(f"images/{at:03d}.png {at % 2}\n" for at in range(8 * half, 8 * half + 8))
                for half, split in enumerate(("train", "val"))
            },
        ),
        "image",
        "the first line looks like data (images/000.png, 0",
        label="column 2",
        image="column 1",
        splits={"train", "val"},
        rows=16,
    ),
    "a third split that is called TEST_SIMPLE": Shape(
        tree(*(f"set/{split}/{kind}" for split in ("TRAIN", "TEST", "TEST_SIMPLE") for kind in ("EOS", "LYM"))),
        "image",
        "splits TEST, TEST_SIMPLE, TRAIN with class folders: 2 classes",
        label="label",
        classes=["EOS", "LYM"],
        splits={"TRAIN", "TEST", "TEST_SIMPLE"},
    ),
    "splits in German": Shape(
        tree("Training/Hund", "Training/Katze", "Validierung/Hund", "Validierung/Katze"),
        "image",
        "splits Training, Validierung",
        label="label",
        splits={"Training", "Validierung"},
    ),
    "splits in Korean": Shape(
        tree("훈련/개", "훈련/고양이", "테스트/개", "테스트/고양이"),
        "image",
        "splits 테스트, 훈련",
        label="label",
        splits={"훈련", "테스트"},
    ),
    "delimiters that hardly anything else has": Shape(
        rows_of(lambda at, text, label: ("text^label\n" if at == 0 else "") + f"{text}^{label}\n"),
        "text",
        "delimiter: ^",
        label="label",
        text="text",
    ),
    "Hive's own delimiter": Shape(
        rows_of(lambda at, text, label: f"{at * 7 % 31}\x01{text}\x01{label}\n", "part.txt"),
        "text",
        "delimiter: \\x01",
        text="column 2",
    ),
    "a ZIP of images and labels": Shape(
        tree(
            *numbered("d/img"),
            extra={"d/labels.csv": "id,breed\n" + "".join(f"{at:03d},{at % 2}\n" for at in range(12))},
            zipped="utf-8",
        ),
        "image",
        "table: labels.csv names the images",
        label="breed",
        image="id",
        rows=12,
    ),
    # what tools write
    "Label Studio as CSV": Shape(
        csv_of(annotation_id=range(N), annotator=[1] * N, choice=CLASS, id=range(N), lead_time=X, text=PROSE),
        "text",
        "labels: column 'choice' (by its name",
        label="choice",
        text="text",
    ),
    "doccano": Shape(
        lines_of([{"id": at, "text": text, "label": [label]} for at, (text, label) in enumerate(PAIRS)]),
        "text",
        "the label column 'label' holds lists of one value: the value counts",
        label="label",
        text="text",
        classes=["order", "question", "thanks"],
    ),
    "fastText": Shape(
        rows_of(lambda at, text, label: f"__label__{label} {text}\n", "train.txt"),
        "text",
        "a fastText file",
        label="label",
        text="text",
        classes=["order", "question", "thanks"],
        rows=N,
    ),
    "texts, one a line": Shape(
        rows_of(lambda at, text, label: f"{text}\n", "lines.txt"),
        "text",
        "the first line looks like data",
        text="column 1",
        rows=N,
    ),
    "objects in JSON lines": Shape(
        lines_of([{"data": {"text": text}, "label": label} for text, label in PAIRS]),
        "text",
        "column 'data' holds lists or objects: their JSON is the text",
        label="label",
        text="data",
    ),
    "shards of Hugging Face": Shape(
        shards,
        "text",
        "3 Parquet files are read as one dataset: test, train",
        label="label",
        text="text",
        classes=["no", "yes"],
        splits={"train", "test"},
        rows=N,
    ),
    "categories in Parquet": Shape(
        table_of(text=PROSE, label=pa.array(CLASS).dictionary_encode()),
        "text",
        "labels: column 'label'",
        label="label",
        text="text",
        classes=["order", "question", "thanks"],
    ),
    "pictures as bytes and path": Shape(
        table_of(image=[{"bytes": png(at), "path": f"{at}.png"} for at in range(N)], label=CLASS),
        "image",
        "column 'image' holds pictures",
        label="label",
        image="image",
    ),
    # text tables
    "no header, tweets": Shape(
        rows_of(lambda at, text, label: f'"{4 * (at % 2)}","{14678 + at}","NO_QUERY","user{at}","{text}"\n'),
        "text",
        "the first line looks like data (0, 14678, NO_QUERY...)",
        text="column 5",
        rows=N,
    ),
    "no header, news": Shape(
        rows_of(lambda at, text, label: f'"{1 + at % 4}","{text.title()}","{text} and more of it"\n'),
        "text",
        "the first line looks like data",
        text="column 3",
        rows=N,
    ),
    "comments above the header": Shape(
        text_of("# exported 2021\n# by hand\n" + PLAIN_CSV),
        "text",
        "2 lines above the header left aside (# exported 2021)",
        label="label",
        text="text",
        rows=N,
    ),
    "a title above the header": Shape(
        text_of("Feedback 2021,,\n,,\ntext,label,n\n" + "".join(f"{line},{at}\n" for at, line in enumerate(LINES))),
        "text",
        "2 lines above the header left aside (Feedback 2021)",
        label="label",
        text="text",
        rows=N,
    ),
    "a total and a footnote below": Shape(
        text_of(
            "kind,area,n\n"
            + "".join(f"{'ab'[at % 2]},{at / 8},{at}\n" for at in range(N))
            + "Total,,1770\n\nSource: made,,\n"
        ),
        "table",
        f"2 rows are no row of the table and not analysed (line {N + 2} is a total below the table; line {N + 4} is a footnote",
        rows=N + 2,
    ),
    "a class that is called total is one": Shape(
        text_of("kind,n\n" + "Total,1\nPart,2\n" * 20 + "Total,1\n"), "table", "modality: table", rows=41
    ),
    "a delimiter at the end of each row": Shape(
        text_of("text,label\n" + "".join(f"{line},\n" for line in LINES)),
        "text",
        "empty columns are left aside: Unnamed: 2",
        label="label",
        text="text",
        rows=N,
    ),
    "names of rows, from R": Shape(
        text_of("text,label\n" + "".join(f"{at},{line}\n" for at, line in enumerate(LINES))),
        "text",
        "the first column names the rows",
        label="label",
        text="text",
        rows=N,
    ),
    "a table that R wrote, without a name for the names of rows": Shape(
        text_of(
            '"kind" "n" "part of it"\n' + "".join(f'"{at + 1}" "{"ab"[at % 2]}" {at} "no {at}"\n' for at in range(N))
        ),
        "table",
        "the first column names the rows",
        rows=N,
    ),
    "blanks as the delimiter": Shape(
        rows_of(lambda at, text, label: f" {at / 8:.2f}   {at / 7:.3f}\t{1 + at % 2}\n", "seeds.txt"),
        "table",
        "delimiter: white space",
        rows=N,
    ),
    "a blank behind each comma": Shape(
        rows_of(lambda at, text, label: f"{label}, {at / 8}, {'ab'[at % 2]}\n", "adult.data"),
        "table",
        "a blank behind each delimiter is left out",
        rows=N,
    ),
    "the header again in a TSV": Shape(
        text_of("\n".join(["text\tlabel", *(f"{a}\t{b}" for a, b in PAIRS[:30]), "text\tlabel", *["x y\tthanks"] * 5])),
        "text",
        "1 row repeats the header and is not analysed (line 32 is the header again)",
        label="label",
        text="text",
        classes=["order", "question", "thanks"],
    ),
    "UTF-16 and tabs, from Excel": Shape(
        text_of(PLAIN_CSV.replace(",", "\t").encode("utf-16"), "d.txt"),
        "text",
        "delimiter: tab",
        label="label",
        text="text",
    ),
    "JSON lines, packed": Shape(
        text_of(gzip.compress("\n".join(json.dumps({"text": t, "label": c}) for t, c in PAIRS).encode()), "d.jsonl.gz"),
        "text",
        "labels: column 'label'",
        label="label",
        text="text",
    ),
    # columns
    "times and a sensor": Shape(
        csv_of(ts=[f"2021-01-01 10:{at:02d}:00" for at in range(N)], sensor=["s1", "s2", "s3"] * 20, v=X),
        "table",
        "'sensor' (3 values) could be",
    ),
    "German": Shape(
        csv_of(sep=";", Nr=range(N), Umsatz=[f"{at},5" for at in range(N)], Kategorie=["A", "B"] * 30),
        "table",
        "labels: column 'Kategorie'",
        label="Kategorie",
    ),
    "Thai names": Shape(
        csv_of(ข้อความ=THAI * 4, **{"ป้ายกำกับ": ["ดี", "แย่"] * 18}),
        "text",
        "labels: column 'ป้ายกำกับ' (by its name",
        label="ป้ายกำกับ",
        text="ข้อความ",
    ),
    "survivors": Shape(
        csv_of(PassengerId=range(1, N + 1), Survived=[0, 1] * 30, Sex=["male", "female"] * 30, Age=X, Fare=X),
        "table",
        "labels: column 'Survived'",
        label="Survived",
    ),
    "passengers whose class is no label": Shape(
        csv_of(
            Name=[f"Person {at}" for at in range(N)],
            **{"class": ["1st", "2nd", "3rd"] * 20},
            age=X,
            survived=[0, 1] * 30,
        ),
        "table",
        "labels: column 'survived' (by its name; 'class' could be, too: set with --label)",
        label="survived",
    ),
    "what could be a label, the likeliest first": Shape(
        csv_of(a=[0, 1] * 30, b=[1, 0] * 30, c=[0, 0, 1] * 20, d=[0, 1] * 30, risk=["low", "mid", "high"] * 20, v=X),
        "table",
        "(name the column with --label; 'risk' (3 values), 'a'",
    ),
    "answers to a form, with addresses": Shape(
        csv_of(
            Timestamp=[f"2021-01-01 10:{at:02d}:00" for at in range(N)],
            **{"Email Address": [f"person{at}@example.org" for at in range(N)]},
            Q1=[1, 2, 3, 4] * 15,
            Q2=[2, 3, 4, 5, 1] * 12,
            Q3=[2, 1, 2] * 20,
        ),
        "table",
        "modality: table",
        rows=N,
    ),
    "comments beside a number and a day": Shape(
        csv_of(Nr=range(1, N + 1), Kommentar=PROSE, Bewertung=[1, 5] * 30, Datum=["03.04.2021", "04.04.2021"] * 30),
        "text",
        "labels: column 'Bewertung' (the only other column",
        label="Bewertung",
        text="Kommentar",
    ),
    "a ZIP from Japan, with a letter that ends in a backslash": Shape(
        tree("top/表の写真", "top/能力", "top/十人", zipped="cp932"),
        "image",
        "names in the ZIP are in Shift-JIS",
        label="label",
        classes=["十人", "能力", "表の写真"],
    ),
    "splits in Portuguese": Shape(
        tree("treino/gato", "treino/cão", "teste/gato", "teste/cão"),
        "image",
        "splits teste, treino",
        label="label",
        classes=["cão", "gato"],
        splits={"treino", "teste"},
    ),
    "Train, Validate, Test": Shape(
        tree("Train/cat", "Train/dog", "Validate/cat", "Validate/dog", "Test/cat", "Test/dog"),
        "image",
        "splits Test, Train, Validate",
        label="label",
        classes=["cat", "dog"],
        splits={"Train", "Validate", "Test"},
    ),
    "digits as pixels, the label first": Shape(
        csv_of(label=list(range(10)) * 6, **{f"pixel{at}": RNG.integers(0, 255, N) for at in range(9)}),
        "table",
        "labels: column 'label'",
        label="label",
        classes=list(range(10)),
    ),
    "ratings": Shape(
        csv_of(review=PROSE, stars=[1, 2, 3, 4, 5] * 12), "text", "the only other column", label="stars", text="review"
    ),
    "a text a file, in class folders of splits": Shape(
        tree(
            extra={
                f"{split}/{name}/{at}_7.txt": f"{PROSE[at]} {name}"
                for split in ("train", "test")
                for name in ("pos", "neg")
                for at in range(6)
            }
            | {"README.txt": "about", "train/urls_pos.txt": "list"}
        ),
        "text",
        "texts in files of their own (class folders: 2 classes, 24 texts)",
        label="label",
        text="text",
        classes=["neg", "pos"],
        splits={"train", "test"},
        rows=24,
    ),
    "news groups: files without endings": Shape(
        tree(
            extra={
                f"{group}/{51_000 + at}": f"From: a@example.com\n\n{PROSE[at]}"
                for group in ("sci.space", "rec.autos")
                for at in range(8)
            },
            zipped="utf-8",
        ),
        "text",
        "texts in files of their own (class folders: 2 classes, 16 texts)",
        label="label",
        text="text",
        classes=["rec.autos", "sci.space"],
        rows=16,
    ),
    "loose texts": Shape(
        tree(extra={f"note{at}.txt": PROSE[at] for at in range(9)}), "text", "(9 texts)", text="text", rows=9
    ),
    "a table for each split, and a sample of an answer": Shape(
        tree(
            extra={
                "train.csv": PLAIN_CSV,
                "test.csv": "text\n" + "\n".join(PROSE[:20]),
                "sample_submission.csv": "id,label\n1,a\n2,b\n",
            }
        ),
        "text",
        "2 tables are read as one, a split each: train.csv, test.csv; left alone: sample_submission.csv",
        label="label",
        text="text",
        splits={"train", "test"},
    ),
    "a table for each split in a ZIP": Shape(
        tree(extra={"bbc_train.csv": PLAIN_CSV, "bbc_dev.csv": PLAIN_CSV}, zipped="utf-8"),
        "text",
        "2 tables are read as one, a split each: bbc_train.csv, bbc_dev.csv",
        label="label",
        text="text",
        splits={"bbc_train", "bbc_dev"},
    ),
    "a zipped folder of a table for each split": Shape(
        tree(extra={"bbc/train.csv": PLAIN_CSV, "bbc/test.csv": PLAIN_CSV, "bbc/readme.md": "about"}, zipped="utf-8"),
        "text",
        "2 tables are read as one, a split each: bbc/train.csv, bbc/test.csv",
        label="label",
        text="text",
        splits={"train", "test"},
    ),
    "splits in one JSON file": Shape(
        text_of(
            json.dumps({"train": [list(pair) for pair in PAIRS], "val": [list(pair) for pair in PAIRS[:9]]}), "d.json"
        ),
        "text",
        "rows: the arrays train, val of the file, a split each",
        label="column 2",
        text="column 1",
        splits={"train", "val"},
    ),
    "JSON by key": Shape(
        text_of(
            json.dumps({f"k{at}": {"text": text, "label": label} for at, (text, label) in enumerate(PAIRS)}), "d.json"
        ),
        "text",
        "labels: column 'label'",
        label="label",
        text="text",
    ),
    "one label in columns": Shape(
        csv_of(text=PROSE, cat=[1, 0, 0] * 20, dog=[0, 1, 0] * 20, owl=[0, 0, 1] * 20),
        "text",
        "cat, dog, owl hold one 1 a row: that is one label in 3 columns",
        text="text",
    ),
    "several labels in columns": Shape(
        csv_of(comment_text=PROSE, toxic=[0, 1] * 30, rude=[0, 0, 1] * 20, insult=[0, 1, 1] * 20),
        "text",
        "several labels a row are not read yet; for the checks of one of them: --label toxic",
        text="comment_text",
    ),
    "a title, a text and a category": Shape(
        csv_of(title=PROSE, description=[f"{text} and more words of it" for text in PROSE], category=CLASS),
        "text",
        "'description' reads like prose",
        label="category",
        text="description",
    ),
    "a language of no blanks beside dates": Shape(
        csv_of(day=[f"2021-01-{1 + at % 28:02d}" for at in range(36)], c1=CHINESE * 2, c2=["正", "负"] * 18),
        "text",
        "'c1' reads like prose",
        label="c2",
        text="c1",
    ),
}


def test_there_are_forty_more_shapes() -> None:
    assert len(SHAPES) >= 40


def opened(shape: Shape, folder: Path) -> Source:
    return open_source(shape.make(folder), **shape.words)


@pytest.mark.parametrize("name", SHAPES)
def test_the_guess_is_right_and_said(tmp_path: Path, name: str) -> None:
    shape = SHAPES[name]
    source = opened(shape, tmp_path)
    assert source.modality == shape.modality, source.notes
    assert (source.roles.label, source.roles.text) == (shape.label, shape.text), source.notes
    assert any(shape.said in note for note in source.notes), source.notes
    if shape.image:
        assert source.roles.image == shape.image
    if shape.classes is not None:
        assert source.given is not None and sorted(source.given.unique().drop_null().to_pylist()) == shape.classes
    found = None if source.split is None else {value for value in source.split.to_pylist() if value}
    assert found == shape.splits
    assert shape.rows in (None, len(source.ids))
    if source.modality == "image":
        assert not source.reasons


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (tree(extra={"cats.csv": PLAIN_CSV, "dogs.csv": PLAIN_CSV}, zipped="utf-8"), "give one of the tables"),
        (tree(extra={"cats.csv": PLAIN_CSV, "1.txt": "a", "2.txt": "b", "3.txt": "c"}), "holds no images but 4 tables"),
        (
            text_of("".join(f"__label__a __label__b {text}\n" for text in PROSE), "t.txt"),
            "a fastText file with several labels a line",
        ),
        (
            lines_of([{"text": text, "label": [label, "other"]} for text, label in PAIRS]),
            "holds lists or objects: multi-label data is not there yet",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path: Path, make: Any, said: str) -> None:
    assert said in refusal(make(tmp_path))


def test_numbers_behind_a_blank_are_numbers(tmp_path: Path) -> None:
    source = opened(SHAPES["a blank behind each comma"], tmp_path)
    assert [str(field.type) for field in source.cells.schema] == ["string", "double", "string"]


def test_a_text_file_that_cannot_be_read_costs_its_own_row(tmp_path: Path) -> None:
    """Empty is a text of its own kind; zero bytes are none; other encodings are told."""
    for name in ("pos", "neg"):
        (tmp_path / name).mkdir()
        for at in range(4):
            (tmp_path / name / f"{at}.txt").write_text(PROSE[at])
    (tmp_path / "pos" / "empty.txt").write_bytes(b"")
    (tmp_path / "pos" / "binary.txt").write_bytes(bytes(900) + bytes(range(256)) * 40)
    (tmp_path / "neg" / "latin.txt").write_bytes("schöne Grüße aus Köln, sehr geehrte Frau Müller".encode("cp1252"))
    source = open_source(tmp_path)
    ids = source.ids.to_pylist()
    assert ids == sorted(ids) and len(ids) == 11
    assert {ids[row]: reason for row, reason in source.reasons.items()} == {
        "pos/binary.txt": "no text: the file holds zero bytes"
    }
    texts = dict(zip(ids, source.cells["text"].to_pylist(), strict=True))
    assert texts["pos/empty.txt"] in ("", None) and texts["neg/latin.txt"].startswith("schöne Grüße")
    assert "encoding: 1 file is in Windows-1252 (not UTF-8)" in source.notes
    chosen = open_source(tmp_path, label="none")
    assert chosen.roles.label is None and chosen.given is None
    with pytest.raises(UsageError, match="they are analysed as texts"):
        open_source(tmp_path, modality="image")


def test_splits_whose_columns_differ_in_type_are_joined_as_text(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,code\n" + "".join(f"{text},{at}\n" for at, text in enumerate(PROSE)))
    (tmp_path / "test.csv").write_text("text,code\n" + "".join(f"{text},x{at}\n" for at, text in enumerate(PROSE)))
    source = open_source(tmp_path)
    assert (
        source.cells["code"].to_pylist()[:2] == ["0", "1"]
        and source.cells["code"].to_pylist()[-1] == f"x{len(PROSE) - 1}"
    )


def test_columns_that_one_split_has_not_are_named(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,category\n" + "".join(f"{text},{label}\n" for text, label in PAIRS))
    (tmp_path / "test.csv").write_text("text,intent\n" + "".join(f"{text},{label}\n" for text, label in PAIRS))
    notes = open_source(tmp_path).notes
    assert "train.csv has no column 'intent': blank in its rows" in notes
    assert "test.csv has no column 'category': blank in its rows" in notes
