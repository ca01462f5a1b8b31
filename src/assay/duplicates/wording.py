"""The words of a text, and what sets two similar texts apart: typing errors and little words, or words that matter.

In: texts; the words of two texts, how many texts each word occurs in. Out: exact keys, normalised texts; the number of
differences that matter. Does not know: characters in common, thresholds of similarity, rows.

Punctuation that carries meaning is a *sign* and stays: the minus in -8, the operator in "20 / 3", the point in .5, the
hash in C#, an emoticon. Punctuation that sets words and sentences apart goes.

Two texts of one pattern ("fly to Rome", "fly to Oslo") are closer in letters than a text and its copy with two errors.
A typing error gives itself away: it makes a word that the data hardly holds, one or two keys from a word it does hold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from rapidfuzz.distance import OSA, Levenshtein

from assay.encode.ngrams import fold

Segment = tuple[tuple[str, ...], tuple[str, ...]]  # words of one text that stand where those of the other do

RARE = 2  # a misspelt word occurs in at most so many distinct texts,
FAMILIAR = 50  # or, of LONG_WORD letters, in so many times fewer than what was meant
LIKELIER = 5  # what was meant occurs in so many times more; otherwise the words must look alike
SHORT_WORD, LONG_WORD, LONGER_WORD = 3, 5, 6  # letters
TWO_ERRORS = 8  # letters from which a rare word may be two keys away from another rare one
# English words that a copyist adds, drops or exchanges without changing what is said. No "not", "from", "off", "you",
# "your", no question words. Other languages have only the rules above, and are judged more strictly.
# fmt: off
LITTLE = frozenset([
    "a", "an", "the", "this", "that", "these", "those", "my", "our", "any", "some", "is", "s", "are", "re", "am",
    "m", "was", "were", "be", "been", "has", "had", "have", "ve", "do", "does", "can", "could", "may", "would",
    "will", "d", "ll", "of", "on", "in", "at", "for", "to", "i", "me", "it", "please", "pls", "hi", "hello", "hey",
    "so", "just", "really", "thanks",
])
# fmt: on
# Scripts that do not set words apart with spaces: each character counts as a word.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
_DIGITS = re.compile(r"\d+|[^\w\s]")


# Superscripts and fractions, which the compatibility form would glue to the digits before them: 5² is not 52.
_RAISED = str.maketrans(
    {
        chr(code): "^" + unicodedata.normalize("NFKC", chr(code))
        for code in [0xB2, 0xB3, 0xB9, 0x2070, *range(0x2074, 0x207A)]
    }
    | {chr(code): " " + unicodedata.normalize("NFKC", chr(code)) for code in [0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F)]}
)
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015"
_DASH = re.escape(_DASHES)
_SIGNS = re.compile(
    "|".join(
        [
            r"[#&@%^\u2030\u066a/\\]",  # C#, R&D, @name, 5 %, 20 / 3
            r"(?<![^\W\d_])[.,:'\u2019](?=\d)|(?<=\d)[.,:'\u2019](?=\d)",  # .5, 1.5, 1,000, 12:30
            r"(?<=\d)['\"\u2019\u2032\u2033]|[*(\[](?=\d)|(?<=\d)[*)\]]",  # 5" pipes, (5), 2(3 + 4)
            r"(?<=\d) *\*+|(?<!\*)\*+(?= *\d)|(?<=\s)\*(?=\s)|[*()\[\]](?= *[+*/])|(?<=[+*/])[()\[\]]|(?<=[+*/] )[()\[\]]",
            rf"(?<![{_DASH}])[{_DASH}]+(?=\s*\d)|(?<=\d)[{_DASH}]+|(?<=\d )[{_DASH}]+",  # -8, 20 - 3, 2020-21
            rf"(?<![\w{_DASH}])[{_DASH}]+(?=[^\W\d])|(?<=\w)[{_DASH}]+(?![\w{_DASH}])",  # -x, A-, O-
            # emoticons: eyes and mouth, or any mixed run of punctuation that stands alone
            r"[:;=]['^-]?[()\[\]{}|*$]+(?!\w)|(?<![\w()\[\]{}])[()\[\]{}]+['^-]?[:;=](?!\w)|(?<!\w)[:;=][-^']?[dpox3s](?!\w)",
            r"(?<!\S)(?=\S*[^\s.!?,\u2026\"'*\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2015-])[^\w\s]{2,}(?!\S)",
            r"(?<!\w)[-^;~o>t][_.][-^;~o<t](?!\w)",
        ]
    )
)
_KEPT_AT = 0xF0000  # plane of private characters: where a sign waits while punctuation becomes white space


class _Blanks(dict[int, int | None]):
    """For ``str.translate``: punctuation, white space and controls become a space, invisible characters go."""

    def __missing__(self, code: int) -> int | None:
        kind = unicodedata.category(chr(code))
        value: int | None = code
        if _KEPT_AT <= code < _KEPT_AT + 0x10000:
            value = ord("-") if chr(code - _KEPT_AT) in _DASHES else code - _KEPT_AT
        elif kind[0] in "PZ" or kind in ("Cc", "Sk"):
            value = 32
        elif kind == "Cf" or 0xFE00 <= code <= 0xFE0F:  # soft hyphens, joiners, marks of direction, emoji variants
            value = None
        self[code] = value
        return value


_BLANKS = _Blanks()


def _keep(found: re.Match[str]) -> str:
    return "".join(
        letter if letter.isspace() or ord(letter) > 0xFFFF else chr(ord(letter) + _KEPT_AT) for letter in found[0]
    )


def exact_text(text: str) -> str:
    """What exact copies have in common: the same characters in Unicode's composed form, white space aside.

    Examples
    --------
    >>> exact_text("20  / 3\\n") == exact_text("20 / 3"), exact_text("20 / 3") == exact_text("20 - 3")
    (True, False)
    """
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def folded_text(text: str) -> str:
    """Compatibility form and case folded, invisible characters gone, digits above the line set apart."""
    if not text.isascii():
        text = fold(text.translate(_RAISED))
        return "".join(letter for letter in text if _BLANKS[ord(letter)] is not None)
    return text.casefold()


def without_punctuation(folded: str) -> str:
    """A folded text of the same length, blanks where punctuation was; signs stay."""
    return _SIGNS.sub(_keep, folded).translate(_BLANKS)


def normalize_text(text: str) -> str:
    """The text without what near copies may differ in: case, compatibility forms, punctuation and white space.

    Symbols (``$ + 👍``), accents and punctuation that carries meaning stay: ``-8``, ``20 / 3``, ``.5``, ``C#``, ``:)``. A text
    without any letter, digit or symbol is compared by its punctuation: "?!" is no copy of "...". White space alone gives "".

    Examples
    --------
    >>> normalize_text("  Where's my CARD?! ")
    'where s my card'
    >>> normalize_text("It was -8 :("), normalize_text("?!")
    ('it was -8 :(', '?!')
    """
    folded = folded_text(text)
    plain = " ".join(without_punctuation(folded).split())
    return plain or " ".join(folded.split())


def words_of(text: str) -> list[str]:
    """The words of a normalised text; of scripts without spaces, the characters."""
    return (text if text.isascii() else _UNSPACED.sub(r" \1 ", text)).split()


def digits_of(text: str) -> tuple[str, ...]:
    """The runs of digits and the signs of a normalised text, in order: what must agree in short copies."""
    return tuple(_DIGITS.findall(text))


def segments(one: list[str], two: list[str]) -> list[Segment]:
    """The stretches in which two lists of words differ, by the fewest changes of words."""
    out: list[Segment] = []
    end = (-1, -1)
    for step in Levenshtein.opcodes(one, two):
        if step.tag == "equal":
            continue
        left, right = tuple(one[step.src_start : step.src_end]), tuple(two[step.dest_start : step.dest_end])
        if end == (step.src_start, step.dest_start):  # a replacement beside an insertion is one stretch
            left, right = out[-1][0] + left, out[-1][1] + right
            out.pop()
        out.append((left, right))
        end = (step.src_end, step.dest_end)
    return out


def count_texts(words: Iterable[str], texts: Iterable[str]) -> dict[str, int]:
    """In how many of the texts each of the words occurs."""
    counts = dict.fromkeys(words, 0)
    wanted = counts.keys()
    for text in texts if counts else ():
        for word in wanted & set(words_of(text)):
            counts[word] += 1
    return counts


def matters(differences: Iterable[Segment], texts_with: Mapping[str, int]) -> tuple[int, bool]:
    """How many words matter in these stretches, and whether all the rest is typing errors.

    Beside a typing error one more key is forgiven that happens to make another word ("wake *my up at *nooon").
    """
    total, slips, errors, clean = 0, 0, 0, True
    for left, right in differences:
        parts: list[Segment] = [((one,), (two,)) for one, two in zip(left, right, strict=False)]
        whole = _weigh((left, right), texts_with)
        if whole[0] and len(left) == len(right) > 1:  # errors in neighbouring words
            found = [_weigh(part, texts_with) for part in parts]
        else:
            found, parts = [whole], [(left, right)]
        for (matter, is_error), part in zip(found, parts, strict=True):
            errors += is_error
            clean &= is_error or matter > 0
            if matter == 1 and OSA.distance(*map(" ".join, part), score_cutoff=1) == 1 and min(map(len, part)):
                slips += 1
            total += matter
    forgiven = int(errors > 0 and slips == 1)
    return total - forgiven, clean


def _weigh(difference: Segment, texts_with: Mapping[str, int]) -> tuple[int, bool]:
    """Words that matter in one stretch (0: only errors and little words), and whether it reads as a typing error."""
    left, right = difference
    one, two = " ".join(left), " ".join(right)
    if one.replace(" ", "") == two.replace(" ", ""):
        return 0, True
    if left and right and _is_error(difference, one, two, texts_with):
        return 0, True
    matter = [[word for word in side if word not in LITTLE] for side in difference]
    if len(matter[0]) == len(matter[1]) and all(map(_is_plural, *matter)):
        return 0, False
    return max(len(matter[0]), len(matter[1])), False


def _is_plural(one: str, two: str) -> bool:
    shorter, longer = sorted((one, two), key=len)
    return longer in (shorter, shorter + "s") and len(shorter) >= 3


def _is_error(difference: Segment, one: str, two: str, texts_with: Mapping[str, int]) -> bool:
    left, right = difference
    length = max(len(one), len(two))
    keys = OSA.distance(one, two, score_cutoff=2)
    if keys > 2 or (length < 2 and not (one + two).isascii()) or any(_DIGITS.search(word) for word in (*left, *right)):
        return False
    rare, other = sorted(
        min((texts_with[word] for word in side if word not in across), default=RARE + 1)
        for side, across in ((left, right), (right, left))
    )
    likelier, alike = other >= LIKELIER * rare, one[0] == two[0]
    if rare > RARE:
        return keys == 1 and alike and length >= LONG_WORD and other >= FAMILIAR * rare
    if keys == 2:
        return alike and length >= (LONG_WORD if likelier else TWO_ERRORS)
    # of two rare words a letter apart ("cats", "rats"), the first letter tells most
    one_more = len(one) != len(two)
    return likelier or length >= (SHORT_WORD if alike else SHORT_WORD + 1 if one_more else LONGER_WORD)
