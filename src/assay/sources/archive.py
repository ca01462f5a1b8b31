"""A ZIP of images, read in place: nothing is unpacked.

In: the path of an archive. Out: a `Listing`, the members by name, a member's bytes. Does not know: labels, tables.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from assay.errors import SourceError
from assay.sources.folder import SPLITS, Listing, ending, is_hidden
from assay.sources.reading import zip_uri
from assay.sources.rows import is_image

METADATA = "metadata.csv"
UTF8_FLAG = 0x800
ENCRYPTED_FLAG = 1


@dataclass(frozen=True)
class Archive:
    """``members``: name with forward slashes -> (uri, stamp); of two members with one name the later counts, as for unzip."""

    path: Path
    members: dict[str, tuple[str, str]]
    repeated: int


def open_archive(path: Path) -> Archive:
    """List a ZIP. `SourceError` where it is damaged, encrypted or empty."""
    try:
        with zipfile.ZipFile(path) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SourceError(
            f"{path} is not a readable ZIP ({error}); make it again, or unpack it and give the folder"
        ) from error
    if any(info.flag_bits & ENCRYPTED_FLAG for info in infos):
        raise SourceError(f"{path} is encrypted; unpack it and give the folder")
    if not infos:
        raise SourceError(f"{path} is an empty ZIP; give one that holds images")
    absolute = path.absolute()
    members = {
        plain_name(_decoded_name(info)): (zip_uri(absolute, info.filename), f"{info.CRC:08x}:{info.file_size}")
        for info in infos
    }
    return Archive(path, members, len(infos) - len(members))


def plain_name(name: str) -> str:
    """Forward slashes, without a leading one, "." or empty parts; ".." stays (and counts as hidden)."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _decoded_name(info: zipfile.ZipInfo) -> str:
    """Macs write UTF-8 names without saying so, and `zipfile` then reads them as a code page of 1981."""
    if info.flag_bits & UTF8_FLAG or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def list_archive(archive: Archive) -> Listing:
    """Its images, named as they would be below the unpacked folder."""
    found = Listing()
    seen: list[str] = []
    for name in archive.members:
        if any(is_hidden(part) for part in name.split("/")):
            found.hidden += 1
        else:
            seen.append(name)
    top = strip_top([name for name in seen if is_image(name)], archive.path.stem)
    for name in seen:
        if is_image(name):
            found.files.append((name.removeprefix(top), *archive.members[name]))
        else:
            found.others[ending(name)] += 1
    found.files.sort(key=lambda file: file[0].encode())
    return found


def strip_top(names: list[str], stem: str) -> str:
    """The folder that was zipped, with its slash, where one top folder holds everything; else "".

    It counts as the zipped folder if it is named like the archive or holds folders; a split or a lone class is kept.
    """
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    if len(tops) != 1 or "" in tops:
        return ""
    top = tops.pop()
    deeper = any(name.count("/") > 1 for name in names)
    return f"{top}/" if top == stem or (deeper and top.lower() not in SPLITS) else ""


def metadata_member(archive: Archive) -> str | None:
    """The member ``metadata.csv`` that lies highest; its folder is what the paths in it are relative to."""
    found = [
        name
        for name in archive.members
        if name.rpartition("/")[2].lower() == METADATA and not any(is_hidden(part) for part in name.split("/"))
    ]
    return min(found, key=lambda name: (name.count("/"), name), default=None)
