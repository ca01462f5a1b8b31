"""Folders and ZIPs of pictures: the three layouts, what is left alone, how rows are named and ordered."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from assay.errors import SourceError, UsageError
from assay.sources import Source, open_source
from assay.sources.reading import read_bytes


def png(number: int = 0) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 3), (number % 256, 0, 0)).save(sink, "PNG")
    return sink.getvalue()


def fill(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return root


def zip_of(path: Path, *names: str, extra: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, png(number))
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def ids(source: Source) -> list[str]:
    return list(source.ids.to_pylist())


def labels(source: Source) -> list[str | None] | None:
    return None if source.given is None else list(source.given.to_pylist())


def splits(source: Source) -> list[str | None] | None:
    return None if source.split is None else list(source.split.to_pylist())


# the three layouts -----------------------------------------------------------------------------------------------


def test_class_folders_are_labels_and_paths_are_ids(tmp_path):
    source = open_source(fill(tmp_path / "pets", "dog/b.png", "cat/1.png", "cat/10.png", "cat/2.png"))
    assert ids(source) == ["cat/1.png", "cat/10.png", "cat/2.png", "dog/b.png"]
    assert labels(source) == ["cat", "cat", "cat", "dog"]
    assert splits(source) is None and source.modality == "image" and source.name == "pets"
    assert source.cells.column_names == ["path", "label"]
    assert source.notes[0] == "modality: image (class folders: 2 classes, 4 images)"
    assert [read_bytes(uri) for uri in source.uris] == [(tmp_path / "pets" / name).read_bytes() for name in ids(source)]


def test_top_folders_that_are_all_splits_are_splits(tmp_path):
    source = open_source(fill(tmp_path, "train/cat/1.png", "val/dog/2.png", "test/cat/3.png"))
    assert labels(source) == ["cat", "cat", "dog"]
    assert splits(source) == ["test", "train", "val"]
    assert "splits test, train, val with class folders" in source.notes[0]


@pytest.mark.parametrize("name", ["train", "val", "valid", "validation", "test", "Train", "TEST"])
def test_every_name_of_a_split_counts_whatever_its_case(tmp_path, name):
    assert splits(open_source(fill(tmp_path, f"{name}/cat/1.png", f"{name}/dog/2.png"))) == [name, name]


def test_a_flat_folder_is_unlabelled(tmp_path):
    source = open_source(fill(tmp_path, "b.png", "a.png"))
    assert ids(source) == ["a.png", "b.png"]
    assert labels(source) is None and source.roles.label is None
    assert source.notes == ["modality: image (a flat folder: 2 unlabelled images)"]


def test_one_top_folder_that_is_no_split_makes_all_of_them_classes_and_that_is_said(tmp_path):
    source = open_source(fill(tmp_path, "train/cat/1.png", "test/cat/2.png", "extra/cat/3.png"))
    assert set(labels(source) or []) == {"train", "test", "extra"}
    assert "read as classes, not as splits: extra is none" in " ".join(source.notes)


def test_split_folders_without_class_folders_hold_unlabelled_images_and_that_is_said(tmp_path):
    folder = fill(tmp_path, "train/1.png", "test/2.png")
    source = open_source(folder)
    assert labels(source) is None and splits(source) == ["test", "train"]
    assert "are read as splits of unlabelled images; if they are classes: --class-level 1" in " ".join(source.notes)
    told = open_source(folder, class_level=1)
    assert labels(told) == ["test", "train"] and splits(told) is None
    with pytest.raises(UsageError, match=r"--class-level 2: .* has levels 1 to 1"):
        open_source(folder, class_level=2)


@pytest.mark.parametrize("above", [("cam1", "cam2"), ("48x48", "128x128"), ("subject 01", "subject 02")])
def test_the_same_folders_in_folders_that_differ_in_a_number_are_the_classes_and_that_is_said(tmp_path, above):
    folder = fill(tmp_path, *(f"{top}/{name}/1.png" for top in above for name in ("cat", "dog")))
    source = open_source(folder)
    assert labels(source) == ["cat", "dog", "cat", "dog"]
    assert "the same in each folder of level 1" in " ".join(source.notes)
    assert labels(open_source(folder, class_level=1)) == [top for top in sorted(above) for _ in "ab"]


def test_the_same_folders_in_each_class_are_no_classes_of_their_own_but_are_named(tmp_path):
    source = open_source(
        fill(tmp_path, *(f"{top}/{at}/1.png" for top in ("cat", "dog") for at in ("indoor", "outdoor")))
    )
    assert labels(source) == ["cat", "cat", "dog", "dog"]
    assert "each holds the same folders (indoor, outdoor)" in " ".join(source.notes)
    assert "if these are the classes: --class-level 2" in " ".join(source.notes)


def test_splits_can_be_refused(tmp_path):
    source = open_source(fill(tmp_path, "train/cat/1.png", "test/dog/2.png"), split="none")
    assert splits(source) is None and labels(source) == ["dog", "cat"]
    assert "splits: not used (--split none)" in source.notes


def test_labels_can_be_refused(tmp_path):
    assert labels(open_source(fill(tmp_path, "cat/1.png", "dog/2.png"), label="none")) is None


def test_deeper_folders_belong_to_their_class(tmp_path):
    source = open_source(fill(tmp_path, "cat/indoor/1.png", "cat/2.png", "dog/a/b/3.png"))
    assert labels(source) == ["cat", "cat", "dog"]


def test_pictures_outside_class_folders_are_unlabelled_and_that_is_said(tmp_path):
    source = open_source(fill(tmp_path, "cat/1.png", "dog/2.png", "stray.png"))
    assert labels(source) == ["cat", "dog", None]
    assert any("1 images lie outside any class folder" in note for note in source.notes)


def test_a_level_of_one_folder_is_passed_over_and_that_is_said(tmp_path):
    source = open_source(fill(tmp_path, "images/cat/1.png", "images/dog/2.png"))
    assert labels(source) == ["cat", "dog"]
    assert any("classes: folder level 2 (cat, dog)" in note for note in source.notes)


# names, order, what is left alone --------------------------------------------------------------------------------


def test_class_names_keep_unicode_and_spaces(tmp_path):
    source = open_source(fill(tmp_path, "Österreich (neu)/1.png", "猫 cat/ä b.png", "0/x.png", "007/y.png"))
    assert labels(source) == ["0", "007", "Österreich (neu)", "猫 cat"]


def test_order_is_by_the_bytes_of_the_path_not_by_locale_or_scan(tmp_path):
    names = ["Z.png", "a.png", "é.png", "a/b.png", "a-b.png", "a b.png", "10.png", "9.png", "🐱.png", "ﬀ.png"]
    source = open_source(fill(tmp_path, *names))
    assert ids(source) == sorted(names, key=str.encode)


def test_capital_endings_count(tmp_path):
    names = ["a.JPG", "b.Jpeg", "c.PNG", "d.TIFF", "e.webp", "f.HEIC"]
    assert ids(open_source(fill(tmp_path, *names))) == names


def test_hidden_and_system_files_and_other_kinds_are_left_alone_and_counted(tmp_path):
    fill(tmp_path, "cat/1.png", ".hidden.png", ".git/2.png", "__MACOSX/cat/._1.png", "cat/._1.png")
    for name in (".DS_Store", "cat/Thumbs.db", "cat/notes.txt", "README"):
        (tmp_path / name).write_bytes(b"x")
    source = open_source(tmp_path)
    assert ids(source) == ["cat/1.png"]
    said = "left alone: 2 files that are no images (1 .txt, 1 without ending) and 6 hidden or system files"
    assert sorted(source.notes[-1]) == sorted(said)  # the two kinds are equally frequent: either may come first


def test_an_assay_project_inside_the_folder_is_left_alone(tmp_path):
    fill(tmp_path, "cat/1.png", "dog/2.png", "pets.assay/stages/thumb.png")
    (tmp_path / "pets.assay" / "project.json").write_text("{}")
    assert ids(open_source(tmp_path)) == ["cat/1.png", "dog/2.png"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path / "data", "cat/1.png")
    fill(tmp_path / "elsewhere", "2.png")
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "cat" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self").symlink_to("self")
    assert ids(open_source(tmp_path / "data")) == ["cat/1.png", "dog/2.png"]


def test_a_broken_link_is_a_row_that_says_so_when_read(tmp_path):
    from assay.sources.reading import UnreadableError

    fill(tmp_path, "cat/1.png")
    (tmp_path / "cat" / "2.png").symlink_to(tmp_path / "gone.png")
    source = open_source(tmp_path)
    assert ids(source) == ["cat/1.png", "cat/2.png"]
    with pytest.raises(UnreadableError, match="there is no such file"):
        read_bytes(source.uris[1])


def test_a_name_that_is_no_utf8_is_shown_escaped_and_still_read(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (folder / "a.png").write_bytes(png())
    source = open_source(tmp_path)
    assert ids(source) == ["caf\\xe9/a.png"]
    assert read_bytes(source.uris[0]) == png()


def test_a_stamp_changes_exactly_when_the_file_does(tmp_path):
    fill(tmp_path, "a.png", "b.png")
    before = open_source(tmp_path).stamps
    assert open_source(tmp_path).stamps == before
    (tmp_path / "b.png").write_bytes(png(200) + b"more")
    after = open_source(tmp_path).stamps
    assert after[0] == before[0] and after[1] != before[1]


def test_nothing_is_written_into_the_folder(tmp_path):
    fill(tmp_path, "cat/1.png", "dog/2.png")
    tmp_path.chmod(0o555)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    open_source(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    tmp_path.chmod(0o755)


# refused -----------------------------------------------------------------------------------------------------------


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(SourceError, match="is empty; give a folder with images, or a table file"):
        open_source(tmp_path)


def test_a_folder_of_hidden_files_says_so(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"is empty \(1 hidden or system files aside\)"):
        open_source(tmp_path)


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    for name in ("a.pdf", "b.pdf", "c.txt1"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SourceError, match=r"holds no images but 2 \.pdf, 1 \.txt1; Assay reads \.avif"):
        open_source(tmp_path)


def test_a_folder_with_one_table_is_that_table(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,label\na b c,x\nd e f,y\n")
    assert open_source(tmp_path).name == "reviews"


def test_a_folder_named_like_a_table_with_several_inside_asks_which(tmp_path):
    folder = tmp_path / "spark.csv"
    folder.mkdir()
    for part in range(3):
        (folder / f"part-{part}.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"no images but 3 tables \(part-0.csv, part-1.csv, part-2.csv\); give one"):
        open_source(folder)


def test_a_project_given_as_data_says_how_to_look_at_it(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "project.json").write_text("{}")
    with pytest.raises(SourceError, match="is an Assay project, not data; to see it: assay summary"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "words", [{"text": "a"}, {"label": "kind"}, {"id": "uid"}, {"split": "fold"}, {"features": ["a"]}]
)
def test_columns_of_a_folder_cannot_be_named(tmp_path, words):
    with pytest.raises(UsageError, match="has no columns to name"):
        open_source(fill(tmp_path, "cat/1.png"), **words)


# ZIP -------------------------------------------------------------------------------------------------------------


LAYOUTS = [
    ["cat/1.png", "dog/2.png"],
    ["train/cat/1.png", "test/dog/2.png"],
    ["1.png", "2.png"],
    ["Ö/ä.png", "猫/b.png"],
]


@pytest.mark.parametrize("names", LAYOUTS, ids=["classes", "splits", "flat", "unicode"])
@pytest.mark.parametrize("top", ["", "pets/"], ids=["bare", "with its folder"])
def test_a_zip_reads_like_the_folder_it_was_made_of(tmp_path, names, top):
    folder = open_source(fill(tmp_path / "pets", *names))
    packed = open_source(zip_of(tmp_path / "pets.zip", *(top + name for name in names)))
    assert ids(packed) == ids(folder) and labels(packed) == labels(folder) and splits(packed) == splits(folder)
    assert packed.cells == folder.cells and packed.name == folder.name == "pets"
    assert [read_bytes(uri) for uri in packed.uris] == [read_bytes(uri) for uri in folder.uris]


def test_a_zip_made_on_a_mac_reads_without_its_extras_and_with_its_names(tmp_path):
    path = zip_of(tmp_path / "x.zip", "x/café/1.png", "x/tea/2.png", "__MACOSX/x/café/._1.png", "x/.DS_Store")
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # Macs do not set the UTF-8 flag
        start = -1
        while (start := data.find(signature, start + 1)) >= 0:
            data[start + at + 1] &= ~0x08
    path.write_bytes(bytes(data))
    source = open_source(path)
    assert labels(source) == ["café", "tea"]
    assert all(read_bytes(uri).startswith(b"\x89PNG") for uri in source.uris)


def test_members_that_point_outside_are_never_unpacked_and_left_alone(tmp_path):
    path = zip_of(tmp_path / "evil.zip", "cat/1.png", "../../evil.png", "/etc/2.png", "dog\\3.png", "./bird/4.png")
    before = sorted(tmp_path.parent.iterdir())
    source = open_source(path)
    assert ids(source) == ["bird/4.png", "cat/1.png", "dog/3.png", "etc/2.png"]
    assert "1 hidden or system file" in source.notes[-1]
    assert all(read_bytes(uri) for uri in source.uris)
    assert sorted(tmp_path.parent.iterdir()) == before and not Path("/etc/2.png").exists()


def test_of_two_members_with_one_name_the_later_counts_and_that_is_said(tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.png", png(1))
        archive.writestr("a.png", png(2))
    source = open_source(path)
    assert read_bytes(source.uris[0]) == png(2)
    assert any("have the name of another" in note for note in source.notes)


@pytest.mark.parametrize("top", ["", "set/"])
def test_a_zip_with_metadata_csv_is_a_table_with_pictures(tmp_path, top):
    table = "file_name,label\nimg/1.png,cat\nimg\\2.png,dog\nimg/gone.png,dog\n"
    path = zip_of(
        tmp_path / "s.zip", f"{top}img/1.png", f"{top}img/2.png", extra={f"{top}metadata.csv": table.encode()}
    )
    source = open_source(path)
    assert labels(source) == ["cat", "dog", "dog"] and ids(source) == [0, 1, 2]
    assert source.reasons == {2: f"the ZIP has no member {top}img/gone.png"}
    assert [read_bytes(uri) for uri in source.uris[:2]] == [png(0), png(1)]


def test_a_metadata_csv_that_names_no_pictures_does_not_hide_them(tmp_path):
    fill(tmp_path / "d", "cat/1.png", "dog/2.png")
    (tmp_path / "d" / "metadata.csv").write_text("author,year\nA. Person,2020\n")
    source = open_source(tmp_path / "d")
    assert labels(source) == ["cat", "dog"]
    assert "metadata.csv names no pictures: it is left alone" in source.notes
    extra = {"metadata.csv": b"author,year\nA. Person,2020\n"}
    assert labels(open_source(zip_of(tmp_path / "d.zip", "cat/1.png", "dog/2.png", extra=extra))) == ["cat", "dog"]


def test_a_folder_with_metadata_csv_is_a_table_with_pictures(tmp_path):
    fill(tmp_path, "img/1.png", "img/2.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\nimg/2.png,cat\nimg/1.png,dog\n")
    source = open_source(tmp_path)
    assert labels(source) == ["cat", "dog"]
    assert [read_bytes(uri) for uri in source.uris] == [png(1), png(0)]


def test_a_split_or_a_lone_class_in_a_zip_is_not_taken_for_the_zipped_folder(tmp_path):
    assert splits(open_source(zip_of(tmp_path / "a.zip", "train/cat/1.png", "train/dog/2.png"))) == ["train", "train"]
    assert ids(open_source(zip_of(tmp_path / "b.zip", "cat/1.png", "cat/2.png"))) == ["cat/1.png", "cat/2.png"]


def test_a_truncated_member_is_a_row_not_an_end(tmp_path):
    from assay.sources.reading import UnreadableError

    path = zip_of(tmp_path / "x.zip", "cat/1.png", "dog/2.png")
    data = bytearray(path.read_bytes())
    at = data.index(b"IHDR")
    data[at : at + 4] = b"XXXX"
    path.write_bytes(bytes(data))
    source = open_source(path)
    with pytest.raises(UnreadableError, match="the ZIP member is damaged: Bad CRC-32"):
        read_bytes(source.uris[0])
    assert read_bytes(source.uris[1]) == png(1)


def test_an_archive_whose_path_holds_odd_letters_is_read(tmp_path):
    path = zip_of(tmp_path / "50% off! now.zip", "cat/a!b%20.png")
    assert read_bytes(open_source(path).uris[0]) == png(0)


def test_real_photographs_in_class_folders(data_dir):
    source = open_source(data_dir / "photos_600")
    assert len(source.ids) == 586 and len(set(labels(source) or [])) == 13
    assert ids(source) == sorted(ids(source), key=str.encode)
