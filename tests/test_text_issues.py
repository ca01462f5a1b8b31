"""Text checks: planted faults are found among real queries, and real queries are left alone."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns import columns_of
from assay.insights.text_faults import text_faults
from assay.issues.language import language_issues, language_posteriors
from assay.issues.nonlanguage import mash_scores, nonlanguage_scores
from assay.issues.personal import SENSITIVITY, is_card, is_iban, personal_items
from assay.issues.text import length_scores, text_issues, text_properties

# Written for this test; the thresholds were chosen on others.
FOREIGN = {
    "de": [
        "Ich möchte gerne wissen, wann meine neue Karte ankommt.",
        "Warum wurde mir diese Gebühr zweimal berechnet?",
        "Kannst du bitte das Licht im Wohnzimmer ausschalten?",
        "Wie wird das Wetter morgen in Hamburg?",
        "Mein Geld ist immer noch nicht auf dem Konto.",
        "Stell den Wecker auf halb sieben.",
        "Ich habe gestern meinen Schlüssel verloren.",
        "Wo kann ich meine Adresse ändern?",
    ],
    "fr": [
        "Je voudrais savoir quand ma nouvelle carte va arriver.",
        "Pourquoi ce paiement a-t-il été refusé ?",
        "Peux-tu éteindre la lumière du salon ?",
        "Est-ce qu'il va pleuvoir demain à Lyon ?",
        "Mon argent n'est toujours pas sur le compte.",
        "Mets le réveil à six heures et demie.",
        "J'ai perdu mes clés hier soir.",
        "Comment changer mon adresse de livraison ?",
    ],
    "es": [
        "Quisiera saber cuándo llegará mi nueva tarjeta.",
        "¿Por qué me cobraron dos veces esta comisión?",
        "¿Puedes apagar la luz de la cocina?",
        "¿Va a llover mañana en Sevilla?",
        "El dinero todavía no está en mi cuenta.",
        "Pon la alarma a las seis y media.",
        "Ayer perdí las llaves de mi casa.",
        "¿Cómo puedo cambiar mi dirección?",
    ],
    "it": [
        "Vorrei sapere quando arriva la mia nuova carta.",
        "Perché mi hanno addebitato due volte la commissione?",
        "Puoi spegnere la luce in cucina?",
        "Domani pioverà a Milano?",
        "I soldi non sono ancora sul mio conto.",
        "Metti la sveglia alle sei e mezza.",
        "Ieri ho perso le chiavi di casa.",
        "Come posso cambiare il mio indirizzo?",
    ],
    "ru": [
        "Когда придёт моя новая карта?",
        "Почему с меня дважды взяли комиссию?",
        "Выключи, пожалуйста, свет на кухне.",
        "Будет ли завтра дождь в Москве?",
        "Деньги до сих пор не поступили на счёт.",
        "Поставь будильник на половину седьмого.",
        "Вчера я потерял ключи от квартиры.",
        "Как изменить адрес доставки?",
    ],
    "zh": [
        "我的新卡什么时候能到？",
        "为什么收了我两次手续费？",
        "请把厨房的灯关掉。",
        "明天北京会下雨吗？",
        "钱还没有到我的账户上。",
        "把闹钟设在六点半。",
        "昨天我把家里的钥匙弄丢了。",
        "怎么修改我的地址？",
    ],
}

NORMAL = [
    "it's ok",
    "What's my APR?",
    "I paid $1,200.50 on 12/05/2023 at 10:30, why?",
    "Order 4711-0815 has not arrived yet :(",
    "Great product!!! 10/10 would buy again 😂😂😂",
    "sooooo good, loved it",
    "Does the SKU AB-1234-XY fit a Bosch GBH 2-26?",
    "rhythm and blues",
    "see https://example.org/a/b/c?x=0123456789abcdef for more",
    "Wszystkiego najlepszego z okazji urodzin",
    "The well-established state-of-the-art decision-making-process works",
    "Angstschweiß und Strumpfhosen",
]


def mark_up(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    tags = [
        '<div class="row"><p>Hello</p><br/></div>',
        "<ul><li><a href='/x'>one</a></li><li>two</li></ul>",
        "&nbsp;&lt;table&gt;&amp;nbsp;&lt;/table&gt; ok",
        '{"id": 17, "tags": ["a", "b"], "ok": {"x": 1}}',
        "<td style='color:red'>17</td><td></td><td>yes</td>",
    ]
    return [" ".join(rng.permutation(tags)[: rng.integers(1, 3)]) for _ in range(20)]


def hashes(seed: int) -> list[str]:
    raw = [hashlib.sha256(f"{seed}-{i}".encode()).digest() for i in range(20)]
    return [one.hex() for one in raw[:10]] + [base64.b64encode(one).decode() for one in raw[10:]]


def mashed(seed: int, letters: str = "asdfghjkl" * 3 + "qwertyuiop" + "zxcvbnm") -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        " ".join("".join(rng.choice(list(letters), rng.integers(5, 9))) for _ in range(rng.integers(2, 5)))
        for _ in range(200)
    ]


def queries(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def clinc(data_dir: Path) -> list[str]:
    return queries(data_dir / "clinc150" / "clinc150.csv")[::3]


@pytest.fixture(scope="module")
def banking(data_dir: Path) -> list[str]:
    return queries(data_dir / "banking77" / "test.csv")


def judge(texts: list[str]) -> dict[str, np.ndarray]:
    return text_issues(text_properties(texts), np.ones(len(texts), bool))


# real, clean queries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clinc", "banking"])
def test_real_english_queries_are_left_alone(name: str, request: pytest.FixtureRequest) -> None:
    found = judge(request.getfixturevalue(name))
    share = {column: float(flag.mean()) for column, flag in found.items() if column.startswith("is_")}
    assert share.pop("is_PII") == 0
    assert share.pop("is_empty_text") == 0
    assert share.pop("is_wrong_language") < 0.003
    assert share.pop("is_non_language") < 0.001
    assert max(share.values()) < 0.006, share


# language --------------------------------------------------------------------------------------------------------


def test_foreign_sentences_among_english_queries_are_found(clinc: list[str]) -> None:
    planted = [(language, sentence) for language, sentences in FOREIGN.items() for sentence in sentences]
    found = judge(clinc + [sentence for _, sentence in planted])
    flagged = found["is_wrong_language"][len(clinc) :]
    assert flagged.mean() >= 0.95
    told = found["predicted_language"][len(clinc) :]
    assert np.mean([told[at] == language for at, (language, _) in enumerate(planted) if flagged[at]]) >= 0.9
    assert all(language is None for language in found["predicted_language"][~found["is_wrong_language"]])


def test_english_among_german_is_found() -> None:
    german = FOREIGN["de"] * 4
    found = judge([*german, "Please tell me when my new card is going to arrive at my house."])
    assert found["is_wrong_language"].tolist() == [False] * len(german) + [True]
    assert found["predicted_language"][-1] == "en"


def test_a_dataset_of_mixed_language_has_no_wrong_one() -> None:
    texts = [sentence for sentences in FOREIGN.values() for sentence in sentences]
    assert not judge(texts)["is_wrong_language"].any()


def test_a_notable_second_language_belongs_to_the_dataset() -> None:
    english = [f"please send my new card to house number {n} in the old street" for n in range(30)]
    found = judge([*english, *FOREIGN["fr"], FOREIGN["ru"][0]])
    assert np.flatnonzero(found["is_wrong_language"]).tolist() == [38]


@pytest.mark.parametrize("text", ["", " ", "42", "?!", "ok", "no", "1234-5678", "https://example.org/über/straße"])
def test_too_little_is_written_to_tell_a_language(text: str) -> None:
    assert language_posteriors([text]) == [""]


def test_few_rows_show_no_language() -> None:
    posteriors = np.array(language_posteriors(["good morning to all of you", *FOREIGN["de"]]), object)
    flag, score, language = language_issues(posteriors, np.ones(9, bool))
    assert not flag.any()
    assert score.tolist() == [0.0] * 9
    assert language.tolist() == [None] * 9


# no language -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mark-up", "hashes", "mashed", "repeated", "symbols"])
def test_planted_non_language_is_found(kind: str, clinc: list[str]) -> None:
    planted = {
        "mark-up": mark_up(0),
        "hashes": hashes(0),
        "mashed": mashed(7),
        "repeated": ["aaaaaaaaaaaa", "!!!!!!!!!!!!!!", "hahahahahahahahaha", "abcabcabcabcabcabcabcabc"],
        "symbols": ["$%&/()=?§ 12", "12 34 56 -- 78 90 //", "#### **** @@@@", "0100101 0010 1101"],
    }[kind]
    found = judge(clinc + planted)
    assert found["is_non_language"][len(clinc) :].mean() >= 0.9
    assert not found["is_wrong_language"][len(clinc) :][found["is_non_language"][len(clinc) :]].any()


def test_random_letters_are_found_too() -> None:
    random = mashed(3, "abcdefghijklmnopqrstuvwxyz")
    assert (nonlanguage_scores(random) > 0.5).mean() >= 0.85


@pytest.mark.parametrize("text", NORMAL)
def test_normal_texts_are_language(text: str) -> None:
    assert nonlanguage_scores([text])[0] <= 0.5


def test_sentences_of_other_languages_are_language() -> None:
    texts = [sentence for sentences in FOREIGN.values() for sentence in sentences]
    assert nonlanguage_scores(texts).max() <= 0.5


def test_personal_data_is_not_also_called_no_language() -> None:
    found = text_properties([text for text, _, _ in PERSONAL])
    assert found["non_language"].max() <= 0.5


def test_a_dataset_of_product_codes_is_no_fault() -> None:
    rng = np.random.default_rng(0)
    codes = [f"{a:06d}-{b:04d}/{c:03d}" for a, b, c in rng.integers(0, 999, (200, 3))]
    assert not judge(codes)["is_non_language"].any()
    mixed = judge(codes[:5] + [f"send the invoice for house number {n} again please" for n in range(100)])
    assert np.flatnonzero(mixed["is_non_language"]).tolist() == [0, 1, 2, 3, 4]


@given(st.lists(st.text(max_size=40), max_size=8))
def test_a_text_scores_the_same_alone_and_in_company(texts: list[str]) -> None:
    together = nonlanguage_scores(texts)
    assert together.tolist() == [float(nonlanguage_scores([text])[0]) for text in texts]
    assert np.all((together >= 0) & (together <= 1))
    assert mash_scores(texts).shape == (len(texts),)


# personal data ---------------------------------------------------------------------------------------------------

PERSONAL = [
    ("write to jane.doe+x@mail.example.co.uk, please", "email", "jane.doe+x@mail.example.co.uk"),
    ("(bob_99@example.com)", "email", "bob_99@example.com"),
    ("my card is 4111 1111 1111 1111", "credit card", "4111 1111 1111 1111"),
    ("5500005555555559 exp 09/27", "credit card", "5500005555555559"),
    ("amex 3782-822463-10005.", "credit card", "3782-822463-10005"),
    ("IBAN DE89 3704 0044 0532 0130 00 thanks", "IBAN", "DE89 3704 0044 0532 0130 00"),
    ("pay to GB82WEST12345698765432", "IBAN", "GB82WEST12345698765432"),
    ("call me at (415) 555-2671 tonight", "phone number", "(415) 555-2671"),
    ("212-736-5000", "phone number", "212-736-5000"),
    ("+49 30 901820", "phone number", "+49 30 901820"),
    ("my number is +44 20 7946 0958.", "phone number", "+44 20 7946 0958"),
    ("Telefon: 030 23125000", "phone number", "030 23125000"),
    ("call 2127365000 now", "phone number", "2127365000"),
    ("blocked from 84.17.56.120 yesterday", "IP address", "84.17.56.120"),
    ("ip address 8.8.8.8", "IP address", "8.8.8.8"),
    ("host 2001:db8:85a3::8a2e:370:7334 is down", "IP address", "2001:db8:85a3::8a2e:370:7334"),
    (
        "clone https://bob:s3cret@git.example.com/x.git",
        "URL with password",
        "https://bob:s3cret@git.example.com/x.git",
    ),
    ("SSN 536-22-8726", "social security number", "536-22-8726"),
]


@pytest.mark.parametrize(("text", "kind", "item"), PERSONAL)
def test_personal_data_is_found(text: str, kind: str, item: str) -> None:
    assert [(found.kind, found.text) for found in personal_items(text)] == [(kind, item)]


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4 of the firmware",
        "see section 3.1.4.1",
        "v10.20.30.40 is out",
        "localhost is 127.0.0.1 with mask 255.255.255.0",
        "on 2023-05-12 10:30:45 or 12.05.2023 14:00",
        "order 4111111111111112 shipped",  # wrong check digit
        "invoice number 20230512000123",
        "2053258100",
        "1684938475123 ms since 1970",
        "DE89 3704 0044 0532 0130 01",  # wrong remainder
        "logo@2x.png",
        "meet me @ 5pm",
        "tracking 1Z 999 AA1 01 2345 6784",
        "1,234,567,890.00 dollars",
        "std::vector and a::b",
        "ratio 10:20:30:40",
        "call me in 10 minutes, at 10:30 on 5/6/2024",
        "000-12-3456 and 123-45-6789-00",
        "https://example.com/@bob:8080",
        "what is 80980 + 098098 + 80980 + 1243",
        "ISBN 978-3-16-148410-0",
        "3.14159265358979",
        "302 942 1335 rows",
    ],
)
def test_plain_numbers_are_not_personal(text: str) -> None:
    assert personal_items(text) == []


def test_several_items_are_listed_in_order_and_the_most_sensitive_scores() -> None:
    found = judge(["mail a@example.com or b@example.com, card 4111 1111 1111 1111", "nothing here"])
    assert found["is_PII"].tolist() == [True, False]
    assert found["PII_score"].tolist() == [1.0, 0.0]
    assert json.loads(found["PII_types"][0]) == ["email", "credit card"]
    assert json.loads(found["PII_items"][0]) == ["a@example.com", "b@example.com", "4111 1111 1111 1111"]
    assert found["PII_types"][1] is None
    assert found["PII_items"][1] is None


@given(st.integers(0, 10**11 - 1), st.integers(0, 9))
def test_one_wrong_digit_breaks_a_card_number(middle: int, check: int) -> None:
    numbers = [f"4532{middle:011d}{digit}" for digit in range(10)]
    assert sum(map(is_card, numbers)) == 1
    whole = numbers[check]
    assert is_card(" ".join(whole[start : start + 4] for start in range(0, 16, 4))) == is_card(whole)


@given(st.integers(0, 10**18 - 1))
def test_exactly_one_pair_of_check_digits_makes_an_iban(account: int) -> None:
    good = [f"DE{check:02d}{account:018d}" for check in range(2, 99) if is_iban(f"DE{check:02d}{account:018d}")]
    assert len(good) == 1


@settings(deadline=None)
@given(st.text(alphabet="0123456789 .-+:/@aFx()", max_size=60))
def test_items_stand_in_the_text_and_do_not_overlap(text: str) -> None:
    end = 0
    for item in personal_items(text):
        assert item.kind in SENSITIVITY
        assert item.text in text
        assert item.start >= end
        end = item.start + len(item.text)


@pytest.mark.parametrize("unit", ["a@", "1 ", "(1", "<a", "a:", '{"', "x.", "1-", "+1 ", "http://a:b", "&a", "a", "[("])
def test_no_text_takes_long(unit: str) -> None:
    start = time.thread_time()
    text_properties([unit * 20_000])
    assert time.thread_time() - start < 10  # a pattern that goes back takes minutes


# length ----------------------------------------------------------------------------------------------------------


def test_short_and_long_texts_stand_out(banking: list[str]) -> None:
    found = judge([*banking, "k", "hi", " ".join(banking[:40])])
    assert found["is_too_short"][-3:].tolist() == [True, True, False]
    assert found["is_too_long"][-3:].tolist() == [False, False, True]
    assert found["too_long_score"][-1] == 1


@given(st.lists(st.integers(1, 10_000), min_size=20, max_size=60))
def test_longer_texts_never_score_shorter(lengths: list[int]) -> None:
    ordered = np.sort(np.array(lengths))
    short, long = length_scores(ordered, np.ones(len(ordered), bool))
    assert np.all(np.diff(short) <= 0)
    assert np.all(np.diff(long) >= 0)
    assert not ((short > 0) & (long > 0)).any()


def test_an_empty_text_is_flagged_once() -> None:
    found = judge([*(f"this is sentence number {n} of the set" for n in range(40)), "", " \n\t "])
    assert np.flatnonzero(found["is_empty_text"]).tolist() == [40, 41]
    others = [found[name][40:].any() for name in found if name.startswith("is_") and name != "is_empty_text"]
    assert not any(others)


# the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 20, 50])
def test_every_column_of_the_kind_is_there_whatever_the_number_of_rows(n: int) -> None:
    found = judge(["the same text again"] * n)
    assert set(found) == {column.name for column in columns_of("text")}
    assert all(len(value) == n for value in found.values())
    assert not any(found[name].any() for name in found if name.startswith("is_"))


def test_unreadable_rows_get_nothing() -> None:
    texts = ["a@example.com", "<p><b><i></i></b></p>", "", *(f"plain words, row {n}, are fine" for n in range(30))]
    good = np.ones(len(texts), bool)
    good[:3] = False
    found = text_issues(text_properties(texts), good)
    for column in columns_of("text"):
        value = found[column.name][:3]
        if column.dtype == "bool":
            assert not value.any()
        elif column.dtype == "float32":
            assert np.isnan(value).all()
            assert value.dtype == np.float32
        else:
            assert value.tolist() in ([-1] * 3, [None] * 3)


def test_properties_of_a_shard_do_not_depend_on_the_others() -> None:
    texts = [*NORMAL, *(sentence for sentences in FOREIGN.values() for sentence in sentences), *mashed(1)[:5], ""]
    whole = text_properties(texts)
    parts = [text_properties(texts[start : start + 7]) for start in range(0, len(texts), 7)]
    for name, value in whole.items():
        assert np.array_equal(np.concatenate([part[name] for part in parts]), value), name


# causes, capitals, announced numbers -----------------------------------------------------------------------------------


def test_shouted_english_is_no_foreign_language():
    said = ["please bring my keys", "can you pay for lunch", "why did they forget the tickets", "we should look at it"]
    texts = [f"{said[row % 4]} {row}" for row in range(80)] + [one.upper()[:14] for one in said]
    found = text_issues(text_properties(texts), np.ones(len(texts), bool))
    assert not found["is_wrong_language"].any()


def test_entities_are_named_and_neither_mark_up_nor_a_language():
    texts = ["can you bring &amp; send the tickets &lt;3", "please look at that film"] * 20
    found = text_issues(text_properties(texts), np.ones(len(texts), bool))
    assert not found["is_non_language"].any()
    [finding] = text_faults([*texts, "for Â£5 at the cafÃ©"][:-1], np.arange(40), "message")
    assert (finding.data["kind"], finding.data["count"]) == ("entities", 20)
    assert "“&amp;”" in finding.message
    [broken] = text_faults(["fine", "at the cafÃ©", "Ångström, naïve"], np.array([5, 6, 7]), "message")
    assert (broken.data["kind"], broken.data["rows"]) == ("encoding", [6])
    marked = ["<p>a fine room</p><br />", "i <3 it, a < b and b > c", '<a href="x">here</a>', "<user> said <email>"]
    [tags] = text_faults(marked, np.arange(4), "message")
    assert (tags.data["kind"], tags.data["rows"], tags.data["values"][:2]) == ("tags", [0, 2], ["<p>", "</p>"])


@pytest.mark.parametrize("number", ["07700 900123", "01632 960456", "+44 7700 900789"])
def test_announced_numbers_of_ranges_not_given_out_are_found(number):
    assert [item.kind for item in personal_items(f"please call {number}")] == ["phone number"]
    if not number.startswith("+"):
        assert personal_items(f"order {number} came") == []


def test_tangled_keys_are_no_language_and_short_chinese_is():
    scores = nonlanguage_scores(["wc99zv98w9;r9t8z0zc9rr#8", "x8tvx#tw8zr;9ct8xc7cb;zz", "w#vwb7z0r#0rr8vz;r8t##vv"])
    assert (scores > 0.5).all()
    fine = ["第3章(2021年)：結論", "价格:25元/500克(会员)", "the AB-12 and CD-34 models"]
    assert (nonlanguage_scores(fine) <= 0.5).all()


NUMBERS = {
    "GB": [("07911 {:03d} {:03d}", 100, 999), ("020 7946 {:04d}", 1000, 9999), ("(0161) 496 {:04d}", 1000, 9999)],
    "DE": [("030 {:04d} {:03d}", 2000, 8000), ("0171 {:04d} {:03d}", 2000, 8000), ("089/{:03d} {:03d}", 200, 800)],
    "FR": [("06 12 {:02d} {:02d} 78", 10, 99), ("01 42 {:02d} {:02d} 00", 10, 99), ("04 91 {:02d} {:02d} 22", 10, 99)],
}


@pytest.mark.parametrize("country", NUMBERS)
def test_numbers_without_a_country_are_found_where_the_dataset_has_one(country):
    rng = np.random.default_rng(0)
    numbers = [form.format(*rng.integers(low, high, 2)) for form, low, high in NUMBERS[country] for _ in range(8)]
    texts = [
        *(f"{number} is where my sister lives now" for number in numbers),
        *["nothing of the kind is in here"] * 20,
    ]
    found = judge(texts)
    assert found["is_PII"][:24].mean() >= 0.7 and not found["is_PII"][24:].any()
    first = int(np.flatnonzero(found["is_PII"])[0])
    assert json.loads(found["PII_items"][first]) == [numbers[first]]
    assert not judge(texts[:1] + texts[24:])["is_PII"].any()  # one number alone says nothing


def test_order_numbers_led_by_zeros_are_no_telephone_numbers():
    texts = [f"order {at:010d} has not come and I am waiting" for at in range(1_000, 90_000, 2_000)]
    assert not judge(texts)["is_PII"].any()
