"""Bytes of a text file that are not UTF-8 -> UTF-8, where what they are can be told.

In: the bytes of a file. Out: UTF-8 bytes and the name of the encoding they were in. Does not know: what the text means.

A file that is UTF-8 but for some broken bytes is left as it is: its rows say so one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

SAMPLE = 1 << 20  # bytes looked at
MOSTLY = 0.95
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_RUN = re.compile(rb"[\x80-\xff]{3,}")
_INSIDE = re.compile(rb"(?<=[a-z])[\x80-\x9f](?=[a-z\s,.])")  # letters in Mac Roman, mostly quotes and dashes elsewhere
_FIRST_LEVEL = re.compile(r"[\u4e00-\u9fff]")
_MARKS = "\xa0«»„“”‘’‚–—…№€§°´·"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


class _Script(NamedTuple):
    """How text of a script looks in an encoding of single bytes: letters beyond ASCII that its languages have, those of them
    that other readings of the same bytes hardly have, and the least share of these."""

    codec: str
    name: str
    letters: str
    telling: str
    least: float


_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґў"
# letters of running text: in bytes of another encoding they would be rare ones, capitals or signs
_SCRIPTS = [
    *(
        _Script(codec, name, _CYRILLIC, "оеаинтсрвл", 0.4)
        for codec, name in (
            ("cp1251", "Windows-1251"),
            ("koi8_r", "KOI8-R"),
            ("cp866", "CP866"),
            ("mac_cyrillic", "Mac Cyrillic"),
            ("iso8859_5", "ISO 8859-5"),
        )
    ),
    # Serbian, Macedonian; behind all of the above: of equals the first counts
    _Script("cp1251", "Windows-1251", _CYRILLIC + "ђјљњћџѓќѕ", "оеаинтсрвл", 0.4),
    _Script("cp1253", "Windows-1253", "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", "αοιετνσηρς", 0.4),
    _Script("cp1255", "Windows-1255", "אבגדהוזחטיךכלםמןנסעףפץצקרשת", "יולהאמתרבנ", 0.4),
    _Script("cp1256", "Windows-1256", "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ،؛؟", "الينموترب", 0.4),
    _Script(
        "cp874",
        "Windows-874",
        "".join(map(chr, [*range(0x0E01, 0x0E3B), *range(0x0E3F, 0x0E5C)])),
        "านรกอเงมยลวดท่้ั",
        0.4,
    ),
]
_LATIN = [
    _Script("cp1254", "Windows-1254", "çğıöşüâîûi\u0307", "ğışİ", 0.08),
    _Script("cp1250", "Windows-1250", "ąćęłńóśźż", "ąęłż", 0.3),
    _Script("cp1250", "Windows-1250", "áčďéěíňóřšťúůýžľô", "ěřčů", 0.15),
    _Script("cp1250", "Windows-1250", "áéíóöőúüű", "őű", 0.03),
]


def wide(data: bytes) -> str | None:
    """The codec of a file that begins with a byte order mark of UTF-32 or UTF-16, or is lines of UTF-16 without one."""
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "utf-32"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    sample = data[:SAMPLE]
    if b"\0" not in sample or len(data) % 2:
        return None
    for codec in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) // 2 * 2].decode(codec, "replace")
        if "\n" in text and "\ufffd" not in text[:-1] and not _CONTROL.search(text[:-1]):
            return codec
    return None


def to_utf8(data: bytes) -> tuple[bytes, str | None]:
    """(UTF-8, the name of the encoding it was in), or (the same bytes, None).

    Latin text has single bytes beyond ASCII among letters: Windows-1252, Mac Roman, or Windows-1250 or -1254 where nearly all
    of them are letters of Polish, Czech, Hungarian or Turkish. Runs of such bytes are text of another script, taken only where
    the whole file decodes to what is common in it.
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
        found = _common_in_asia(data) or _of_script(data, [*_SCRIPTS, *_LATIN])
    else:
        mac = 2 * len(_INSIDE.findall(sample)) > high
        western = ("mac_roman", "Mac Roman") if mac else ("cp1252", "Windows-1252")
        found = _of_script(data, _LATIN) or western
    if found is None:
        return data, None
    try:
        return data.decode(found[0]).encode(), found[1]
    except UnicodeDecodeError:
        return data, None


def _common_in_asia(data: bytes) -> tuple[str, str] | None:
    return (
        _if_common(data, "cp932", "Shift-JIS", _is_japanese)
        or _if_common(data, "euc_jp", "EUC-JP", _is_japanese)
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


def _of_script(data: bytes, scripts: Sequence[_Script]) -> tuple[str, str] | None:
    """The encoding in which nearly all is letters and marks of a script, and enough of it the telling ones; the best of several."""
    best: tuple[tuple[float, float], tuple[str, str]] | None = None
    for script in scripts:
        try:
            text = data.decode(script.codec)
        except UnicodeDecodeError:
            continue
        beyond = "".join(letter for letter in text[:SAMPLE] if not letter.isascii())
        lower = beyond.lower()
        inside = sum(map(lower.count, set(script.letters + _MARKS))) / max(len(lower), 1)
        # capitals of one reading are small letters of another: only small ones tell
        telling = sum(map(beyond.count, set(script.telling))) / max(len(beyond), 1)
        if inside >= MOSTLY and telling >= script.least and (best is None or (inside, telling) > best[0]):
            best = (inside, telling), (script.codec, script.name)
    return best[1] if best else None


def _encodes(letter: str, codec: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
