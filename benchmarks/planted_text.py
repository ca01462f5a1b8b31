"""Faulty texts to plant: other languages, noise, personal data, typos.

In: a random generator, real texts. Out: strings. Does not know: the checks. All sentences, names and numbers are invented.
"""

from __future__ import annotations

import base64
import hashlib

import numpy as np

FOREIGN = {
    "de": (
        "Warum wurde meine Karte heute im Laden abgelehnt, obwohl genug Geld auf dem Konto ist?",
        "Ich habe mein Passwort vergessen und komme nicht mehr in die Anwendung hinein.",
        "Wie lange dauert eine Überweisung ins Ausland normalerweise?",
        "Bitte sperren Sie meine Karte, ich habe sie gestern verloren.",
    ),
    "fr": (
        "Pourquoi mon virement n'est-il toujours pas arrivé sur mon compte ?",
        "Je voudrais changer le code secret de ma carte bancaire.",
        "Quels sont les frais pour retirer de l'argent à l'étranger ?",
        "Ma carte a été avalée par le distributeur ce matin.",
    ),
    "es": (
        "¿Cuánto tiempo tarda en llegar una tarjeta nueva a mi casa?",
        "No reconozco un cobro que aparece en mi cuenta desde ayer.",
        "Quiero cambiar la dirección de mi cuenta porque me he mudado.",
        "El cajero no me dio todo el dinero que pedí.",
    ),
    "it": (
        "Perché il mio pagamento è ancora in sospeso dopo tre giorni?",
        "Vorrei sapere come attivare la carta che ho ricevuto oggi.",
        "Ho bisogno di un rimborso per un acquisto che non ho fatto.",
    ),
    "pt": (
        "Não consigo encontrar o meu cartão e preciso de um novo com urgência.",
        "Por que razão foi cobrada uma taxa quando levantei dinheiro?",
        "Como posso verificar a minha identidade na aplicação?",
    ),
    "nl": (
        "Waarom is mijn overschrijving naar een andere bank mislukt?",
        "Ik wil graag weten hoe ik mijn rekening kan opzeggen.",
        "Mijn telefoon is gestolen, wat moet ik nu met mijn pas doen?",
    ),
    "pl": (
        "Dlaczego moja płatność kartą została odrzucona w sklepie?",
        "Chciałbym zmienić numer telefonu przypisany do mojego konta.",
    ),
    "sv": (
        "Hur lång tid tar det innan pengarna syns på mitt konto?",
        "Jag vill spärra mitt kort eftersom det är borta.",
    ),
    "ru": ("Почему мой перевод до сих пор не пришёл на счёт?", "Как мне восстановить доступ к приложению?"),
    "ja": ("新しいカードはいつ届きますか。まだ受け取っていません。", "現金を引き出したときの手数料はいくらですか。"),
    "zh": ("我的银行卡在商店里被拒绝了，请问是什么原因？", "请问转账到国外需要多长时间？"),
    "ar": ("لماذا تم رفض بطاقتي في المتجر اليوم؟",),
}
MARKUP = (
    '<div class="row"><td id="x7">&nbsp;</td></div>',
    '{"id": 48213, "ok": false, "items": [null, 0, 17]}',
    "SELECT * FROM t_acct WHERE id = 0x3f AND st <> 'A';",
    "for(i=0;i<n;i++){a[i]=b[i]^c[i];}",
    "��������� ��� ���",
    ";;;;|||;;;;|||====----====",
    "\\x00\\x17\\xfe\\xab\\x00\\x00\\x91",
)
NAMES = ("Maria Lindqvist", "Thomas Okafor", "Priya Raman", "John Hargrove", "Elena Petrova")


def noise(rng: np.random.Generator, number: int) -> str:
    """Mark-up, hashes, base64, or keys hit at random."""
    kind = number % 4
    if kind == 0:
        return MARKUP[number // 4 % len(MARKUP)]
    raw = rng.bytes(24)
    if kind == 1:
        return hashlib.sha256(raw).hexdigest()
    if kind == 2:
        return base64.b64encode(raw).decode()
    letters = np.array(list("qwrtzpsdfghjklxcvbnm;'[]/.,1234567890"))
    return " ".join("".join(rng.choice(letters, rng.integers(4, 11))) for _ in range(6))


def personal(rng: np.random.Generator, text: str, number: int) -> tuple[str, str]:
    """(kind, the text with one personal item in it)."""
    name = NAMES[number % len(NAMES)]
    digits = "".join(map(str, rng.integers(0, 10, 4)))
    items = (
        ("email", f"My address is {name.lower().replace(' ', '.')}{digits[:2]}@example-mail.com."),
        ("telephone", f"Call me at +44 7911 12{digits}."),
        ("card number", f"My card is {card(rng)}."),
        ("IBAN", "My account is DE89 3704 0044 0532 0130 00."),
        ("social security number", f"My SSN is 536-22-{digits}."),
        ("IP address", f"I logged in from 203.0.113.{int(rng.integers(1, 255))}."),
    )
    kind, sentence = items[number % len(items)]
    return kind, f"{text} {sentence}"


def card(rng: np.random.Generator) -> str:
    """A made-up card number with a right check digit (Luhn)."""
    body = [4, *rng.integers(0, 10, 14).tolist()]
    total = sum(digit if at % 2 else digit * 2 - 9 * (digit > 4) for at, digit in enumerate(body))
    number = "".join(map(str, [*body, -total % 10]))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def typo(rng: np.random.Generator, text: str) -> str:
    """Two neighbouring letters swapped."""
    at = int(rng.integers(1, len(text) - 2))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
