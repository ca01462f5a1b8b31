"""Signs that a text was damaged on its way: HTML tags and entities, bytes read in the wrong encoding, characters that were lost.

In: a text. Out: which damage it shows. Does not know: rows, columns, languages.
"""

from __future__ import annotations

import re

TAG = re.compile(
    r"</?(?:p|br|div|span|b|i|u|a|em|strong|ul|ol|li|table|tr|td|th|h[1-6]|img|font|hr|pre|blockquote|script|style)"
    r"(?:\s[^<>]{0,300})?\s?/?>",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
LOST = "\N{REPLACEMENT CHARACTER}"
# A character of UTF-8 read as Latin-1 or Windows-1252 begins with one of these and goes on with others that no text has next to it.
_LEAD = "ÂÃÄÅÆÐÑÎÏÌÍØÙàáâãäåæçèéêëìíîïð"
_NEXT = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_BROKEN = re.compile(f"[{_LEAD}][{_NEXT}]+")


def has_entities(text: str) -> bool:
    """Whether an HTML entity stands in the text, one that `html.unescape` reads: "&amp;", "&#39;", not "AT&T;"."""
    from html import unescape

    return "&" in text and any(unescape(found[0]) != found[0] for found in ENTITY.finditer(text))


def has_broken_encoding(text: str) -> bool:
    """Whether the text holds lost characters, or UTF-8 bytes read as Latin-1 or Windows-1252 ("cafÃ©" for "café").

    Such a sequence is believed where its bytes are valid UTF-8; in words of any language they almost never are.
    """
    if LOST in text:
        return True
    return any(repaired(found[0]) is not None for found in _BROKEN.finditer(text)) if not text.isascii() else False


def repaired(text: str) -> str | None:
    """The text with its bytes read as UTF-8, or None where they are none, or where nothing changes."""
    try:
        fixed = bytes(_byte(one) for one in text).decode()
    except (UnicodeError, ValueError):
        return None
    return fixed if fixed != text and len(fixed) < len(text) else None


def _byte(one: str) -> int:
    """The byte that Windows-1252, or Latin-1 where that has none, reads as this character."""
    if ord(one) < 256:
        return ord(one)
    return one.encode("cp1252")[0]
