"""Personal data in a text: addresses, numbers and credentials that a checksum, a registry or a strict form confirms.

In: a text. Out: `Item`s. Does not know: names of people, other rows, labels.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stdnum import iban, luhn

SENSITIVITY = {
    "credit card": 1.0,
    "IBAN": 1.0,
    "URL with password": 1.0,
    "social security number": 1.0,
    "email": 0.5,
    "phone number": 0.5,
    "IP address": 0.3,
}


class Item(NamedTuple):
    kind: str  # a key of SENSITIVITY
    text: str  # as it stands in the text
    start: int


_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w@])"
)
_FILE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|js|css|py|txt|zip)$", re.IGNORECASE)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s/@:?#]+:[^\s/@]+@[^\s\"'<>]+", re.IGNORECASE)
_SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_CARD = re.compile(r"(?<![\d.,+/-])(?:\d[ -]?){13,18}\d(?![\d/-]|[.,]\d)")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_IPV4 = re.compile(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?!\w|\.\d)"
)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])")
_PHONE = re.compile(r"(?<![\w.,/+-])\+?\(?\d(?:[\d\s().\-/]{5,20})\d(?![\w/-]|[.,]\d)")
_VERSION = re.compile(r"(?:version|ver|v|release|build|firmware|section|chapter|article|sec|§)\W*$", re.IGNORECASE)
_HOST = re.compile(
    r"\b(?:ip|ips|ipv4|host|server|address|addr|ping|from|subnet|dns)\b\W*(?:\w+\W+){0,2}$", re.IGNORECASE
)
_CALL = re.compile(
    r"\b(?:call|phone|tel|telephone|mobile|cell|fax|whatsapp|sms|text|ring|reach|number is|handy|telefon\w*|t[eé]l[eé]phone|"
    r"tel[eé]fono|telefone|m[oó]vil|cellulare|appelez|ll[aá]m\w+)\b[^\d]{0,25}$",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4})(?:\D.*)?")
_DIGITS = re.compile(r"\D")
# national forms that are tried where a word announces a number
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "AU")


def personal_items(text: str) -> list[Item]:
    """What was found, in the order of the text; an overlapping find gives way to the more sensitive one.

    E-mail addresses; telephone numbers that libphonenumber holds valid, written with a country code, or in the grouping
    usual in the United States (spaces alone do not make one), or after a word that announces one; card numbers of a known
    issuer and length with a good Luhn digit; IBANs of the right length and remainder; IPv4 and IPv6 addresses other than
    versions, masks and the machine's own; links with a password; United States social security numbers with hyphens.
    Cost: about a microsecond for a text without digits and "@"; some 30 microseconds for a candidate number.
    """
    at, digits = "@" in text, sum(map(text.count, "0123456789"))
    if not at and digits < 4 and "::" not in text:
        return []
    found: list[Item] = []
    taken: list[tuple[int, int]] = []
    for item in _candidates(text, at, digits):
        span = (item.start, item.start + len(item.text))
        if all(span[1] <= start or span[0] >= stop for start, stop in taken):
            found.append(item)
            taken.append(span)
    return sorted(found, key=lambda item: item.start)


def national_numbers(text: str, taken: Sequence[Item]) -> list[tuple[str, list[str]]]:
    """What is written like a telephone number from the trunk prefix 0 on, without a word that announces one, and the regions in
    which libphonenumber holds it valid. One of them proves little; many of one country in a dataset do. ``taken``: items found.
    """
    if sum(map(text.count, "0123456789")) < 9:
        return []
    spans = [(item.start, item.start + len(item.text)) for item in taken]
    found = []
    for match in _PHONE.finditer(text):
        number = match[0].strip()
        free = all(match.end() <= start or match.start() >= stop for start, stop in spans)
        led = number.lstrip("(").startswith("0") and 9 <= len(_DIGITS.sub("", number)) <= 12
        if free and led and "\n" not in number and not _DATE.fullmatch(number):
            found.append((number, [region for region in REGIONS if _matches(number, region, strict=False)]))
    return found


def _candidates(text: str, at: bool, digits: int) -> Iterator[Item]:
    """Confirmed finds, the most sensitive kinds first."""
    if at and "://" in text:
        yield from (Item("URL with password", found[0], found.start()) for found in _URL.finditer(text))
    if digits >= 10:
        yield from (Item("IBAN", found[0], found.start()) for found in _IBAN.finditer(text) if is_iban(found[0]))
    if digits >= 14:
        yield from (Item("credit card", found[0], found.start()) for found in _CARD.finditer(text) if is_card(found[0]))
    if digits >= 9:
        yield from (Item("social security number", found[0], found.start()) for found in _SSN.finditer(text))
    if at:
        for found in _EMAIL.finditer(text):
            if not _FILE.search(found[0]):
                yield Item("email", found[0], found.start())
    if digits >= 4 or "::" in text:
        yield from _addresses(text)
    if digits >= 7:
        for found in _PHONE.finditer(text):
            if _is_phone(found[0], text[max(0, found.start() - 60) : found.start()]):
                yield Item("phone number", found[0].strip(), found.start())


def is_card(text: str) -> bool:
    """Luhn's check digit (ISO/IEC 7812), an issuer's prefix with its length, and blocks as on a card or none."""
    digits = re.sub(r"[ -]", "", text)
    if not luhn.is_valid(digits) or len(set(digits)) < 2:
        return False
    blocks = [len(block) for block in re.split(r"[ -]", text)]
    if len(blocks) > 1 and blocks not in ([4, 4, 4, 4], [4, 6, 5], [4, 6, 4], [4, 4, 4, 4, 3]):
        return False
    n, two, three, four, six = len(digits), *(int(digits[:k]) for k in (2, 3, 4, 6))
    return (
        (digits[0] == "4" and n in (16, 19))
        or ((51 <= two <= 55 or 222100 <= six <= 272099) and n == 16)
        or (two in (34, 37) and n == 15)
        or ((four == 6011 or 644 <= three <= 649 or two == 65) and n in (16, 19))
        or ((300 <= three <= 305 or two in (36, 38, 39)) and n == 14)
        or (3528 <= four <= 3589 and n == 16)
    )


def is_iban(text: str) -> bool:
    """The country's length and structure, and remainder 1 modulo 97 (ISO 13616, ISO 7064)."""
    return bool(iban.is_valid(text))


def _addresses(text: str) -> Iterator[Item]:
    if text.count(".") >= 3:
        for found in _IPV4.finditer(text):
            address = ipaddress.IPv4Address(found[0])
            before = text[max(0, found.start() - 40) : found.start()]
            plain = found[0].startswith(("0.", "255.")) or address.is_loopback or address.is_multicast
            small = max(address.packed) < 10 and not _HOST.search(before)  # 1.2.3.4 is a section or a version
            if not plain and not small and not _VERSION.search(before):
                yield Item("IP address", found[0], found.start())
    if text.count(":") >= 2:
        for found in _IPV6.finditer(text):
            groups = [group for group in found[0].split(":") if group]
            if len(groups) < 3 or not any(c.isdigit() for c in found[0]):
                continue
            try:
                ipaddress.IPv6Address(found[0])
            except ValueError:
                continue
            yield Item("IP address", found[0], found.start())


def _is_phone(candidate: str, before: str) -> bool:
    n = len(_DIGITS.sub("", candidate))
    if not 7 <= n <= 15 or "\n" in candidate or _DATE.fullmatch(candidate.strip()):
        return False
    if candidate.startswith("+"):
        return _matches(candidate, None, strict=False) or (n >= 10 and _is_possible(candidate, None))
    if _CALL.search(before):
        if any(_matches(candidate, region, strict=False) for region in REGIONS):
            return True
        # ranges not given out, or given out since: what is announced as a number and begins with the trunk prefix is one
        return n >= 10 and candidate.lstrip("(").startswith("0") and _is_possible(candidate, "GB")
    grouped = len(re.split(r"[\s().\-/]+", candidate.strip("() "))) >= 3
    spaced = candidate.replace(" ", "").isdigit()  # "302 942 1335" may be any three numbers
    return grouped and not spaced and n >= 10 and _matches(candidate, "US", strict=True)


def _is_possible(candidate: str, region: str | None) -> bool:
    """Whether its length is one that numbers of the country have."""
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(candidate, region)))
    except phonenumbers.NumberParseException:
        return False


def _matches(candidate: str, region: str | None, *, strict: bool) -> bool:
    """Whether libphonenumber holds all of ``candidate`` to be one valid number."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    leniency = Leniency.STRICT_GROUPING if strict else Leniency.VALID
    return any(
        len(_DIGITS.sub("", match.raw_string)) == len(_DIGITS.sub("", candidate))
        for match in PhoneNumberMatcher(candidate, region, leniency=leniency, max_tries=3)
    )
