"""Text checks: empty, too short or long for this dataset, wrong language, no language, personal data.

In: texts of one shard; then the properties of all rows. Out: row-wise properties; the columns of kind "text".
Does not know: files, labels, vectors.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.language import language_issues, language_posteriors
from assay.issues.nonlanguage import nonlanguage_scores
from assay.issues.personal import SENSITIVITY, national_numbers, personal_items
from assay.issues.text_damage import has_entities

NONLANGUAGE = 0.5
USUAL = 0.3  # share of rows from which what looks like no language is what the dataset is about: codes, formulas
LEAST = 20  # texts that must be there before a length or a form is unusual
PHONE = "phone number"
LEAST_NUMBERS, MOST_NUMBERS = 5, 0.6  # valid in one country, from which numbers without its code are that country's
QUARTILES = 2.5  # interquartile ranges of log-length beyond the quartiles; chosen on banking77
FACTOR = 4.0  # at least so many times shorter or longer than the quartile


def text_properties(texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Row-wise properties of one shard; every string is "" where there is nothing to say.

    Returns
    -------
    dict of (N,) arrays: ``num_characters`` int64; ``num_solid`` int64, characters besides white space; ``languages`` str
    (see `assay.issues.language.language_posteriors`); ``non_language`` float32, 0..1; ``pii_types``, ``pii_items`` str, JSON
    lists of equal meaning as PII_types and PII_items; ``pii_score`` float32, 0 where nothing was found; ``national`` str, JSON:
    what `national_numbers` found, which the whole dataset decides about.

    Notes
    -----
    Cost: about 200 microseconds a text of 30 words; nothing depends on other rows.
    """
    items = [personal_items(text) for text in texts]
    read = [unescape(text) if has_entities(text) else text for text in texts]  # entities are a fault, not a language
    kinds = [list(dict.fromkeys(item.kind for item in found)) for found in items]
    strings = [list(dict.fromkeys(item.text for item in found)) for found in items]
    national = [national_numbers(text, found) for text, found in zip(texts, items, strict=True)]
    return {
        "num_characters": np.array([len(text) for text in texts], np.int64),
        "num_solid": np.array([len("".join(text.split())) for text in texts], np.int64),
        "languages": np.array(language_posteriors(read), object),
        "non_language": nonlanguage_scores([_without(text, found) for text, found in zip(read, strings, strict=True)]),
        "pii_types": _json(kinds),
        "pii_items": _json(strings),
        "national": _json(national),
        "pii_score": np.array([max((SENSITIVITY[k] for k in found), default=0.0) for found in kinds], np.float32),
    }


def _without(text: str, items: list[str]) -> str:
    """A card number is no language, but it is reported as what it is."""
    for item in items:
        text = text.replace(item, " ")
    return text


def _json(lists: Sequence[list[Any]]) -> NDArray[Any]:
    return np.array([json.dumps(found, ensure_ascii=False) if found else "" for found in lists], object)


def text_issues(values: Mapping[str, NDArray[Any]], good: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """The columns of kind "text" from the properties of all N rows; rows not ``good`` get False, NaN, -1 and None.

    Parameters
    ----------
    values : `text_properties` of all rows, joined.
    good : (N,) bool, rows that could be read.

    Notes
    -----
    Empty texts are flagged as such and by no other check. Where three rows in ten look like no language, the dataset is
    of that kind (codes, formulas) and no row is flagged for it. Cost: O(N log N).
    """
    good = np.asarray(good, bool)
    length = np.asarray(values["num_characters"], np.int64)
    empty = good & (np.asarray(values["num_solid"]) == 0)
    written = good & ~empty
    out: dict[str, NDArray[Any]] = {"is_empty_text": empty, "text_num_characters": np.where(good, length, -1)}

    short, long = length_scores(length, written)
    for name, score in (("too_short", short), ("too_long", long)):
        out[f"is_{name}"] = written & (np.nan_to_num(score) > 0.5)
        out[f"{name}_score"] = score.astype(np.float32)

    strange = np.where(written, np.asarray(values["non_language"], np.float64), np.nan)
    looks = written & (np.nan_to_num(strange) > NONLANGUAGE)
    few = looks.sum() < USUAL * written.sum() if written.sum() >= LEAST else True
    out["is_non_language"] = looks & few
    out["non_language_score"] = strange.astype(np.float32)

    wrong, doubt, language = language_issues(np.asarray(values["languages"], object), written & ~looks)
    out |= {"is_wrong_language": wrong, "wrong_language_score": doubt, "predicted_language": language}

    personal, types, items = _with_national(values)
    personal = np.where(written, personal, 0.0)
    out["is_PII"] = personal > 0
    out["PII_score"] = np.where(good, personal, np.nan).astype(np.float32)
    for name, known in (("types", types), ("items", items)):
        found = np.full(len(good), None, object)
        found[out["is_PII"]] = known[out["is_PII"]]
        out[f"PII_{name}"] = found
    return out


def _with_national(
    values: Mapping[str, NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    """(score, types, items) of personal data, with numbers of the dataset's own country where it has one.

    A country is the dataset's own if at least `LEAST_NUMBERS` different numbers, and `MOST_NUMBERS` of all that are written
    like one, are valid there: zero-led order numbers are not.
    """
    score = np.asarray(values["pii_score"], np.float64).copy()
    types, items = np.asarray(values["pii_types"], object).copy(), np.asarray(values["pii_items"], object).copy()
    written = {row: json.loads(text) for row, text in enumerate(values["national"]) if text}
    regions = {number: found for numbers in written.values() for number, found in numbers}
    counts = Counter(region for found in regions.values() for region in found)
    own, most = counts.most_common(1)[0] if counts else ("", 0)
    if most < max(LEAST_NUMBERS, MOST_NUMBERS * len(regions)):
        return score, types, items
    for row, numbers in written.items():
        if of_country := [number for number, found in numbers if own in found]:
            kinds = json.loads(types[row] or "[]")
            types[row] = json.dumps(list(dict.fromkeys([*kinds, PHONE])))
            items[row] = json.dumps(
                list(dict.fromkeys([*json.loads(items[row] or "[]"), *of_country])), ensure_ascii=False
            )
            score[row] = max(score[row], SENSITIVITY[PHONE])
    return score, types, items


def length_scores(
    length: NDArray[np.int64], written: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) scores too short and too long: one half at the fence of the log-lengths, 1 at twice its distance, NaN if not written.

    The fence lies `QUARTILES` interquartile ranges of log-length, and at least a factor `FACTOR`, beyond the quartiles
    (Tukey's rule on a log scale, where lengths of texts are nearly symmetric).
    """
    known = np.log(np.maximum(length[written], 1).astype(np.float64))
    if len(known) < LEAST:
        nothing = np.where(written, 0.0, np.nan)
        return nothing, nothing.copy()
    low, high = np.quantile(known, [0.25, 0.75])
    reach = max(QUARTILES * (high - low), np.log(FACTOR))
    value = np.log(np.maximum(length, 1).astype(np.float64))
    scores = [np.clip(distance / (2 * reach), 0, 1) for distance in (low - value, value - high)]
    return np.where(written, scores[0], np.nan), np.where(written, scores[1], np.nan)
