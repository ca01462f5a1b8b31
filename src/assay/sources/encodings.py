"""Bytes of a text file that are not UTF-8 -> UTF-8, where what they are can be told.

In: the bytes of a file. Out: UTF-8 bytes and the name of the encoding they were in. Does not know: what the text means.

A file that is UTF-8 but for some broken bytes is left as it is: its rows say so one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

SAMPLE = 1 << 20  # bytes looked at
MOSTLY = 0.95
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_RUN = re.compile(rb"[\x80-\xff]{3,}")
_INSIDE = re.compile(rb"(?<=[a-z])[\x80-\x9f](?=[a-z\s,.])")  # letters in Mac Roman, mostly quotes and dashes elsewhere
_FIRST_LEVEL = re.compile(r"[\u4e00-\u9fff]")


def wide(data: bytes) -> str | None:
    """The codec of a file that begins with a byte order mark of UTF-32 or UTF-16."""
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "utf-32"
    return "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None


def to_utf8(data: bytes) -> tuple[bytes, str | None]:
    """(UTF-8, the name of the encoding it was in), or (the same bytes, None).

    Western text has single bytes beyond ASCII among letters: Windows-1252, or Mac Roman. Runs of such bytes are Cyrillic,
    Japanese, Chinese or Korean text, taken only where the whole file decodes to what is common in that script.
    """
    try:
        data.decode()
        return data, None
    except UnicodeDecodeError:
        sample = data[:SAMPLE]
    high = len(_HIGH.findall(sample)) or len(_HIGH.findall(data))
    sample = sample if _HIGH.search(sample) else data
    if 2 * sum(map(len, _UTF8.findall(sample))) > high and not _common_in_asia(data):
        return data, None
    in_runs = sum(map(len, _RUN.findall(sample)))
    if in_runs > 0.3 * high:
        found = _common_in_asia(data) or _if_common(data, "cp1251", "Windows-1251", _is_cyrillic)
    else:
        mac = 2 * len(_INSIDE.findall(sample)) > high
        found = ("mac_roman", "Mac Roman") if mac else ("cp1252", "Windows-1252")
    if found is None:
        return data, None
    try:
        return data.decode(found[0]).encode(), found[1]
    except UnicodeDecodeError:
        return data, None


def _common_in_asia(data: bytes) -> tuple[str, str] | None:
    return (
        _if_common(data, "cp932", "Shift-JIS", _is_japanese)
        or _if_common(data, "cp949", "EUC-KR", _is_korean)
        or _if_common(data, "gb18030", "GBK", lambda text: _is_common_han(text, "gb2312"))
        or _if_common(data, "big5", "Big5", lambda text: _is_common_han(text, "big5"))
        or _if_common(data, "cp932", "Shift-JIS", _is_common_kanji)  # names and titles may have hardly any kana
    )


def _if_common(data: bytes, codec: str, name: str, common: Callable[[str], bool]) -> tuple[str, str] | None:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    return (codec, name) if common("".join(letter for letter in text[:SAMPLE] if not letter.isascii())) else None


def _share(text: str, pattern: str) -> float:
    return len(re.findall(pattern, text)) / max(len(text), 1)


def _is_japanese(text: str) -> bool:
    kana = _share(text, "[\u3041-\u3096\u30a1-\u30fa\u30fc]")
    return kana >= 0.2 and kana + _share(text, "[\u4e00-\u9fff\u3000-\u303f\uff01-\uff5e]") >= MOSTLY


def _is_common_kanji(text: str) -> bool:
    """Kanji of the first level of the national list, those in daily use, and kana."""
    kanji = [letter for letter in _FIRST_LEVEL.findall(text) if _encodes(letter, "cp932")]
    others = len(re.findall("[\u3041-\u3096\u30a1-\u30fa\u30fc\u3000-\u303f\uff01-\uff5e]", text))
    daily = sum(0x88 <= letter.encode("cp932")[0] <= 0x98 for letter in kanji)
    return bool(kanji) and len(kanji) + others >= MOSTLY * len(text) and daily >= 0.9 * len(kanji)


def _is_korean(text: str) -> bool:
    syllables = re.findall("[\uac00-\ud7a3]", text)
    if len(syllables) < MOSTLY * len(text):
        return False
    known = sum(1 for letter in syllables if _encodes(letter, "euc_kr"))  # the 2,350 syllables in use
    return known >= MOSTLY * len(syllables)


def _is_common_han(text: str, codec: str) -> bool:
    """Nearly all are characters, most of them of the first level of the national list: those in daily use."""
    han = _FIRST_LEVEL.findall(text)
    if len(han) + len(re.findall("[\u3000-\u303f\uff01-\uff5e]", text)) < MOSTLY * len(text) or not han:
        return False
    first, last = (0xB0, 0xD7) if codec == "gb2312" else (0xA4, 0xC6)
    daily = [letter for letter in han if _encodes(letter, codec) and first <= letter.encode(codec)[0] <= last]
    return len(daily) >= 0.9 * len(han)


def _is_cyrillic(text: str) -> bool:
    lower = _share(text, "[\u0430-\u044f\u0451]")
    return lower >= 0.5 and lower + _share(text, "[\u0410-\u042f\u0401\xa0«»–—№“”]") >= MOSTLY


def _encodes(letter: str, codec: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
