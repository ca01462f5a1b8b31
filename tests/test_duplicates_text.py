"""Copies among texts. Oracles: brute force over all pairs, planted copies in real questions, pairs named by hand."""

from __future__ import annotations

import random
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from assay.duplicates import Pairs, cluster, exact_groups
from assay.duplicates.rare_grams import gram_pairs
from assay.duplicates.text import exact_text, normalize_text, text_duplicates
from assay.duplicates.wording import segments, words_of


def near(texts: list[str], threads: int = 1) -> Pairs:
    return text_duplicates(texts, [normalize_text(text) for text in texts], threads=threads)


def found(texts: list[str]) -> list[tuple[int, int, str]]:
    pairs = near(texts)
    return list(zip(pairs.row_a.tolist(), pairs.row_b.tolist(), pairs.kind.tolist(), strict=True))


@pytest.fixture(scope="module")
def questions(data_dir: Path) -> list[str]:
    return [*pd.read_csv(data_dir / "banking77" / "train.csv").text]


# Keys


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Where is my card?", "where is my CARD"),
        ("Where is my card?", "  Where   is\nmy card "),
        ("Where is my card?", "Where is my card!!!"),
        ("ﬁne", "FINE"),  # compatibility forms
        ("STRASSE", "straße"),
        ("soft\u00adhyphen", "softhyphen"),
        ("wide\u200b space", "wide space"),
        ("❤️ you", "❤ you"),
    ],
)
def test_case_space_punctuation_and_invisible_characters_do_not_count(one: str, two: str) -> None:
    assert normalize_text(one) == normalize_text(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("?!", "..."),
        ("great 👍", "great 👎"),
        ("5 $", "5 €"),
        ("naïve", "naive"),
        ("कि", "का"),
        (":)", ":("),
        ("1.5", "15"),
    ],
)
def test_symbols_accents_vowel_signs_and_bare_punctuation_count(one: str, two: str) -> None:
    assert normalize_text(one) != normalize_text(two)


MEANT = [
    ("20 - 3", "20 / 3"),
    ("20 * 3", "20 / 3"),
    ("what is 12 - 3 in the first exercise", "what is 12 * 3 in the first exercise"),
    ("the parcel is here :)", "the parcel is here :("),
    ("the parcel is here :-)", "the parcel is here :-/"),
    ("the parcel is here ^_^", "the parcel is here"),
    ("the parcel is here 👍👍", "the parcel is here 👎👎"),
    ("tonight it is -8 in the garden", "tonight it is 8 in the garden"),
    ("tonight it is −8 in the garden", "tonight it is 8 in the garden"),
    ("developer for C wanted in our office", "developer for C# wanted in our office"),
    ("developer for C++ wanted in our office", "developer for C# wanted in our office"),
    ("give him .5 mg in the evening", "give him 5 mg in the evening"),
    ("it costs $ 10 at the door", "it costs EUR 10 at the door"),
    ("it costs $10 at the door", "it costs £10 at the door"),
    ("install release 1.1 on all machines", "install release 1.10 on all machines"),
    ("her blood is of type A- as we know", "her blood is of type A+ as we know"),
    ("her blood is of type O- as we know", "her blood is of type O as we know"),
    ("a pipe of 5' for the kitchen", 'a pipe of 5" for the kitchen'),
    ("solve 2 * (3 + 4) for tomorrow", "solve 2 * 3 + 4 for tomorrow"),
    ("an area of 5² metres in all", "an area of 52 metres in all"),
    ("the train leaves at 12:30 from here", "the train leaves at 1230 from here"),
    ("raise it by 5 % next year", "raise it by 5 next year"),
    ("x >= 4 is what we need", "x <= 4 is what we need"),
    ("it ended 1/2 in the end", "it ended 1-2 in the end"),
    ("play an F# and hold it", "play an F and hold it"),
]


@pytest.mark.parametrize(("one", "two"), MEANT)
def test_a_sign_that_carries_meaning_makes_another_text(one: str, two: str) -> None:
    assert normalize_text(one) != normalize_text(two)
    assert found([one, two, *knowing(one, two), *COMPANY]) == []


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("US", "us", "case"),
        ("AA", "aa", "case"),
        ("Where is my card?", "where is my CARD?", "case"),
        ("Where is my card?", "Where is my card", "punctuation"),
        ("well, it's - I think - day 5.", "well it's, I think, day 5", "punctuation"),
        ("an e-mail (see below)", "an e mail: see below!", "punctuation"),
        ("ｆine weather", "fine weather", "punctuation"),
    ],
)
def test_case_and_punctuation_alone_are_near_with_their_kind_and_not_exact(one: str, two: str, kind: str) -> None:
    assert exact_text(one) != exact_text(two)
    assert found([one, two]) == [(0, 1, kind)]


def test_exact_is_composed_unicode_and_white_space() -> None:
    assert exact_text("caf\u00e9  au\u00a0lait\n") == exact_text("cafe\u0301 au lait")
    texts = ["Yes.", "yes", "Yes.", "yes", "Yes!"]
    assert exact_groups([exact_text(text) for text in texts]).tolist() == [0, 1, 0, 1, -1]
    assert found(texts) == [(0, 1, "punctuation"), (0, 4, "punctuation")]


@given(st.text())
def test_a_key_has_no_surplus_space_and_is_blank_only_for_blank_texts(text: str) -> None:
    key = normalize_text(text)
    assert key == " ".join(key.split())
    assert normalize_text(f"  {text}\n") == key
    if any(letter.isalnum() for letter in text):
        assert key


# Pairs named by hand: what must and what must not be near

WORDS = ["".join(random.Random(k).choices(string.ascii_lowercase, k=6)) for k in range(900)]
COMPANY = [" ".join(WORDS[9 * row : 9 * row + 9]) for row in range(100)]


def knowing(*texts: str) -> list[str]:
    """Unlike texts that hold each word of these six times."""
    words = [word for text in texts for word in words_of(normalize_text(text))] * 6
    return [" ".join([word, *random.Random(at).sample(WORDS, 4)]) for at, word in enumerate(words)]


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("how do i activate my new card tomorrow", "how do i activate my new crad tomorrow", "typo"),
        ("how do i activate my new card tomorrow", "how do i actvate my new card tomorow", "typo"),
        ("please tell me what is on my to do list", "please tell me what is on my todo list", "typo"),
        ("what is the status of my order", "what's the status of my order", "wording"),
        ("i want to see all of my orders from last week", "i want to see all of my order from last week", "wording"),
        (
            "there is a payment in my account i did not make",
            "there is a payment on my account i did not make",
            "wording",
        ),
        ("i want to report a stolen phone to you", "please, i want to report a stolen phone to you", "boilerplate"),
        ("reset the factory settings of it", "reset the factory settings of it, please", "boilerplate"),
    ],
)
def test_slips_and_little_words_make_near_copies(one: str, two: str, kind: str) -> None:
    texts = [*COMPANY, *(knowing(one) if kind == "typo" else knowing(one, two)), one, two]
    assert found(texts) == [(len(texts) - 2, len(texts) - 1, kind)]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("the payment of order 1234 has not arrived", "the payment of order 1235 has not arrived"),
        ("my order has arrived at the shop in time", "my order has not arrived at the shop in time"),
        ("please turn on the lights in the kitchen", "please turn off the lights in the kitchen"),
        ("does spain have any travel alerts i should know", "does china have any travel alerts i should know"),
        ("what is your name and where do you live", "what is my name and where do you live"),
        ("please set an alarm for two in the morning", "please set an alarm for ten in the morning"),
        ("send the money to bob and then call me", "send the money from bob and then call me"),
        ("my card expired last week", "my card expired last week and now i cannot pay at all"),
        ("我明天要去北京看望我的老朋友和他的家人", "我明天要去南京看望我的老朋友和他的家人"),
    ],
)
def test_numbers_negations_and_other_words_make_other_texts(one: str, two: str) -> None:
    # the words of both are known from elsewhere, as in any dataset of some size
    assert found([*COMPANY, *knowing(one, two), one, two]) == []


@pytest.mark.parametrize("wrong", ["lzy", "layz", "lazyy", "klazy", "lasy"])
def test_a_slip_is_found_among_very_few_texts(wrong: str) -> None:
    text = "the quick brown fox jumps over the lazy dog"
    assert found([text, text.replace("lazy", wrong), "something else altogether"]) == [(0, 1, "typo")]


def test_in_long_texts_one_word_in_twelve_may_matter() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices(string.ascii_lowercase, k=7)) for _ in range(60)]
    assert found([" ".join(words), " ".join([*words[:30], "another", *words[31:]])]) == [(0, 1, "wording")]


def test_moved_passages_of_a_long_text_are_found() -> None:
    rng = random.Random(1)
    words = ["".join(rng.choices(string.ascii_lowercase, k=7)) for _ in range(200)]
    assert found([" ".join(words), " ".join(words[100:] + words[:100])]) == [(0, 1, "wording")]


def test_a_frame_around_several_texts_is_boilerplate() -> None:
    rng = random.Random(2)
    texts = [" ".join("".join(rng.choices(string.ascii_lowercase, k=6)) for _ in range(7)) for _ in range(40)]
    framed = [f"Subject: question - {text}\n--\nSent from my phone" for text in texts[:5]]
    assert found(texts + framed) == [(row, 40 + row, "boilerplate") for row in range(5)]


def test_a_short_text_inside_a_single_other_one_is_another_text() -> None:
    one = "i was charged a fee for a transfer"
    assert found([*COMPANY, one, f"after the holidays i looked and {one} nobody told me of"]) == []


# Rows


def test_one_row_stands_for_all_that_are_equal() -> None:
    texts = [
        "How do I activate my new card?",
        "how do i activate my new card",
        "how do i activate my new crad",
        *COMPANY,
    ]
    assert found(texts) == [(0, 1, "punctuation"), (0, 2, "typo")]


@pytest.mark.parametrize(
    "texts", [[], [""], ["a"], ["", " ", "\t"], ["same"] * 50, ["?!", "...", "👍"], ["\ud800 lone surrogate", "b"]]
)
def test_ugly_input_has_no_pairs(texts: list[str]) -> None:
    assert found(texts) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(alphabet="ab c1'", max_size=40), max_size=30))
def test_pairs_are_sorted_distinct_rows_with_similarities_in_range(texts: list[str]) -> None:
    pairs = near(texts)
    assert (pairs.row_a < pairs.row_b).all()
    assert ((pairs.similarity > 0) & (pairs.similarity <= 1)).all()
    keys = [exact_text(text) for text in texts]
    assert all(keys[a] != keys[b] for a, b in zip(pairs.row_a.tolist(), pairs.row_b.tolist(), strict=True))


def test_threads_change_nothing(questions: list[str]) -> None:
    one, two = near(questions[:3000]), near(questions[:3000], threads=2)
    assert one.row_a.tolist() == two.row_a.tolist() and one.row_b.tolist() == two.row_b.tolist()
    assert one.similarity.tobytes() == two.similarity.tobytes()


# Against brute force and planted truth


def test_rare_grams_meet_the_pairs_that_brute_force_finds(questions: list[str]) -> None:
    texts = list(dict.fromkeys(map(normalize_text, questions)))[:2500]
    pairs, _ = gram_pairs(texts)
    met = set(map(tuple, pairs.tolist()))
    similar = [
        (a, b)
        for a, one in enumerate(texts)
        for b in range(a + 1, len(texts))
        if abs(len(one) - len(texts[b])) < 0.1 * len(one) + 1
        and OSA.normalized_similarity(one, texts[b], score_cutoff=0.91) >= 0.91
    ]
    assert len(similar) > 50
    assert np.mean([pair in met for pair in similar]) >= 0.98


def vary(text: str, how: str, rng: random.Random) -> str:
    if how == "case":
        return text.upper()
    if how == "space":
        return text.replace(" ", "  ") + "\n"
    if how == "punctuation":
        return text.rstrip("?.!") + " ..."
    if how == "frame":
        return "Customer message: " + text
    for _ in range(1 if how == "one error" else 2):
        at = rng.choice([i for i, letter in enumerate(text[:-1]) if letter.isalpha()])
        key = rng.choice(string.ascii_lowercase)
        swapped = text[at + 1] + text[at] + text[at + 2 :]
        text = text[:at] + rng.choice([swapped, text[at + 1 :], key + text[at:], key + text[at + 1 :]])
    return text


def test_planted_copies_are_found_and_bring_no_strangers(questions: list[str]) -> None:
    rng = random.Random(11)
    kinds = ("case", "space", "punctuation", "frame", "one error", "two errors")
    rows = rng.sample([row for row, text in enumerate(questions) if len(normalize_text(text)) >= 25], 600)
    planted = [vary(questions[row], kinds[at % 6], rng) for at, row in enumerate(rows)]
    texts = questions + planted
    pairs = near(texts)
    clusters = cluster(len(texts), exact_groups([normalize_text(text) or None for text in texts]), pairs)
    hit = [clusters.id[row] == clusters.id[len(questions) + at] >= 0 for at, row in enumerate(rows)]
    assert np.mean(hit) >= 0.95
    natural = near(questions)
    known = cluster(len(questions), exact_groups([normalize_text(text) or None for text in questions]), natural)
    strangers = 0
    origin = {len(questions) + at: row for at, row in enumerate(rows)}
    for a, b in zip(pairs.row_a.tolist(), pairs.row_b.tolist(), strict=True):
        one, two = origin.get(a, a), origin.get(b, b)
        similar = OSA.normalized_similarity(normalize_text(texts[one]), normalize_text(texts[two]))
        strangers += one != two and not (known.id[one] == known.id[two] >= 0) and similar < 0.9
    assert strangers <= 0.01 * len(pairs.row_a)


def test_negation_or_a_digit_never_differs_within_a_pair_of_short_natural_questions(questions: list[str]) -> None:
    pairs = near(questions)
    assert len(pairs.row_a) > 50
    for a, b, kind in zip(pairs.row_a.tolist(), pairs.row_b.tolist(), pairs.kind.tolist(), strict=True):
        one, two = words_of(normalize_text(questions[a])), words_of(normalize_text(questions[b]))
        if kind != "boilerplate" and min(len(one), len(two)) < 24:
            changed = [word for side in segments(one, two) for words in side for word in words]
            assert not {"not", "never", "no"} & set(changed) or "".join(one) == "".join(two), (one, two)
            assert not any(word.isdigit() for word in changed), (one, two)


def test_texts_of_one_pattern_take_seconds() -> None:
    names = ["".join(random.Random(k).choices(string.ascii_lowercase, k=6)) for k in range(3000)]
    texts = [
        f"dear {names[row % 3000]} your parcel {row} is on its way to {names[row * 7 % 3000]}" for row in range(12_000)
    ]
    assert len(near(texts).row_a) == 0
