"""A ZIP of images, read in place: nothing is unpacked.

In: the path of an archive. Out: a `Listing`, the members by name, a member's bytes. Does not know: labels, tables.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import SourceError
from assay.sources.encodings import to_utf8
from assay.sources.folder import Listing, is_hidden
from assay.sources.reading import zip_uri
from assay.sources.rows import is_image
from assay.sources.words import is_split_name

UTF8_FLAG = 0x800
ENCRYPTED_FLAG = 1


@dataclass(frozen=True)
class Archive:
    """``members``: name with forward slashes -> (uri, stamp); of two members with one name the later counts, as for unzip."""

    path: Path
    members: dict[str, tuple[str, str]]
    repeated: int
    encoding: str | None = None  # of the members' names, where it is none that ZIPs declare


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
    names, encoding = _decoded_names(infos)
    members = {
        plain_name(name): (zip_uri(absolute, info.filename), f"{info.CRC:08x}:{info.file_size}")
        for name, info in zip(names, infos, strict=True)
    }
    return Archive(path, members, len(infos) - len(members), encoding)


def plain_name(name: str) -> str:
    """Forward slashes, without a leading one, "." or empty parts; ".." stays (and counts as hidden)."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _decoded_names(infos: Sequence[zipfile.ZipInfo]) -> tuple[list[str], str | None]:
    """The members' names, and the encoding that was found out.

    Macs write UTF-8 without saying so, Windows in Japan and China Shift-JIS and GBK; `zipfile` reads all of them as a code
    page of 1981. One encoding holds for the archive.
    """
    unsaid = [info for info in infos if not info.flag_bits & UTF8_FLAG and not info.filename.isascii()]
    try:
        raw = [info.filename.encode("cp437") for info in unsaid]
    except UnicodeError:
        raw = []
    if not raw:
        return [info.filename for info in infos], None
    data, found = to_utf8(b"\n".join(raw))
    try:
        decoded = data.decode().split("\n")
    except UnicodeError:
        decoded = []
    if len(decoded) != len(unsaid) or found not in (None, "Shift-JIS", "GBK", "Big5", "EUC-KR", "Windows-1251"):
        return [info.filename for info in infos], None
    names = {id(info): name for info, name in zip(unsaid, decoded, strict=True)}
    return [names.get(id(info), info.filename) for info in infos], found


def list_archive(archive: Archive) -> Listing:
    """Its images, named as they would be below the unpacked folder."""
    found = Listing()
    seen: list[str] = []
    for name in archive.members:
        if any(is_hidden(part) for part in name.split("/")):
            found.hidden += 1
        else:
            seen.append(name)
    found.top = top = strip_top([name for name in seen if is_image(name)], archive.path.stem)
    for name in seen:
        if is_image(name):
            found.files.append((name.removeprefix(top), *archive.members[name]))
        else:
            found.pass_over(name.removeprefix(top))
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
    return f"{top}/" if top == stem or (deeper and not is_split_name(top)) else ""
