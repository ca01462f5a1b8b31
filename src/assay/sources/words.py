"""Words that folders and columns are named by: splits, labels, texts, numbers that only count rows.

In: a name. Out: what it speaks of. Does not know: what stands below the name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

# fmt: off
SPLIT_WORDS = frozenset(
    [
        "train",
        "training",
        "tr",
        "trn",
        "val",
        "valid",
        "validation",
        "validate",
        "validating",
        "dev",
        "devel",
        "development",
        "test",
        "testing",
        "tst",
        "eval",
        "evaluation",
        "holdout",
        "heldout",
        "pred",
        "predict",
        "prediction",
        "submission",
        "treino",
        "teste",
        "validação",
        "validacao",
        "entrenamiento",
        "prueba",
        "validación",
        "validacion",
        "entraînement",
        "entrainement",
        "apprentissage",
        "addestramento",
        "训练",
        "训练集",
        "验证",
        "验证集",
        "测试",
        "测试集",
        "学習",
        "訓練",
        "検証",
        "テスト",
        "trainingsdaten",
        "testdaten",
        "validierung",
        "validierungsdaten",
        "обучение",
        "обучающая",
        "валидация",
        "проверка",
        "тест",
        "тестовая",
        "학습",
        "훈련",
        "검증",
        "테스트",
        "평가",
    ]
)
# what stands for an empty cell, in features and labels alike
BLANK = frozenset(
    {"", "na", "n/a", "n.a.", "#n/a", "nan", "<na>", "null", "nat", "-", "--", "?"}
)  # "none" may be a value
FOLDS = re.compile(r"(?:fold|cv)\d+")
# "seg_train", "train2017", "test_images" and "Training set" speak of the split alone
_BESIDE_SPLIT = frozenset(
    [
        "seg",
        "set",
        "sets",
        "data",
        "dataset",
        "image",
        "images",
        "img",
        "imgs",
        "pictures",
        "photos",
        "split",
        "folder",
        "files",
        "raw",
    ]
)
LABEL_WORDS = [
    "label", "labels", "target", "survived", "churn", "attrition", "class", "classes", "category", "y", "intent", "intents", "sentiment",
    "emotion", "topic", "toxicity", "polarity", "outcome", "diagnosis", "species", "grade", "ground_truth",
    "truth", "gold", "annotation", "tag", "verdict", "stance", "choice", "breed", "activity",
    "kategorie", "klasse", "etikett", "clase", "etiqueta", "categoría", "classe", "catégorie", "étiquette",
    "метка", "класс", "категория", "тональность", "تصنيف", "تسمية", "فئة", "लेबल", "वर्ग", "etiket", "sınıf", "nhãn", "categoria",
    "标签", "类别", "分类", "情感", "ラベル", "カテゴリ", "라벨", "ป้ายกำกับ",
]
TIME_WORDS = frozenset({"date", "time", "timestamp", "datetime", "month", "year", "day", "datum", "fecha", "日期"})
LABEL_ENDINGS = ("label", "target", "class", "category", "sentiment")  # "gold_label", "Target class"
WRITTEN_AS = ("index", "idx", "id", "name", "no", "code")  # "Class Index", "category_name"
TEXT_WORDS = frozenset(
    [
        "text",
        "texts",
        "body",
        "sentence",
        "sentences",
        "content",
        "contents",
        "review",
        "reviews",
        "comment",
        "comments",
        "message",
        "messages",
        "msg",
        "utterance",
        "question",
        "query",
        "tweet",
        "tweets",
        "post",
        "sms",
        "email",
        "mail",
        "abstract",
        "headline",
        "feedback",
        "transcript",
        "document",
        "passage",
        "paragraph",
        "prompt",
        "phrase",
        "statement",
        "premise",
        "hypothesis",
        "complaint",
        "letter",
        "caption",
        "note",
        "notes",
        "nachricht",
        "kommentar",
        "rezension",
        "commentaire",
        "avis",
        "texto",
        "comentario",
        "comentário",
        "reseña",
        "testo",
        "recensione",
        "metin",
        "yorum",
        "текст",
        "отзыв",
        "сообщение",
        "комментарий",
        "نص",
        "تعليق",
        "مراجعة",
        "טקסט",
        "पाठ",
        "समीक्षा",
        "文本",
        "内容",
        "评论",
        "句子",
        "留言",
        "评价",
        "正文",
        "文章",
        "本文",
        "レビュー",
        "テキスト",
        "コメント",
        "리뷰",
        "내용",
        "댓글",
        "텍스트",
        "ข้อความ",
        "รีวิว",
    ]
)
SOME_TEXT_WORDS = frozenset(
    ["description", "summary", "title", "answer", "response", "story"]
)  # a table may well hold one
NOT_TEXT = frozenset(
    [
        "id",
        "ids",
        "url",
        "link",
        "length",
        "len",
        "count",
        "lang",
        "language",
        "date",
        "time",
        "by",
        "author",
        "user",
        "name",
        "type",
    ]
)
# fmt: on
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[^\W_]+")
A_WORD = 0.6  # of a word is one character of a script without spaces: Chinese words have 1.6 on the mean


def speaks_of_time(name: str) -> bool:
    """Is a column of this name one of days or hours, which are no classes?"""
    return not TIME_WORDS.isdisjoint(parts_of(name))


def parts_of(name: str) -> list[str]:
    """The words of a name, lower case: ``reviewText``, ``review_text`` and ``Review text`` are the same."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return [part.lower() for part in _WORD.findall(spaced)]


def is_split_name(name: str) -> bool:
    """Does a folder or a cell of this name stand for a split?

    Examples
    --------
    >>> [is_split_name(name) for name in ("Training", "seg_train", "val2017", "train-set", "fold3", "trainer", "images")]
    [True, True, True, True, True, False, False]
    """
    parts = [re.sub(r"(?<=[a-z])(?:19|20)\d\d$", "", part) for part in parts_of(name)]
    parts = [re.sub(r"^(train|test|val|valid|dev)(?:set|ing set|data)$", r"\1", part) for part in parts]
    words = [part for part in parts if part not in _BESIDE_SPLIT and not part.isdigit()]
    return (bool(words) and all(word in SPLIT_WORDS or FOLDS.fullmatch(word) for word in words)) or bool(
        FOLDS.fullmatch("".join(parts))
    )


def is_label_name(name: str) -> bool:
    """Does the name of a column speak of a label?"""
    return name.strip().lower() in LABEL_WORDS or label_ending(name) is not None


def label_ending(name: str) -> str | None:
    """The word for a label that a name ends with, what says how it is written aside.

    Examples
    --------
    >>> [label_ending(name) for name in ("gold_label", "Class Index", "className", "class_size", "first class seats")]
    ['label', 'class', 'class', None, None]
    """
    parts = parts_of(name)
    while len(parts) > 1 and parts[-1] in WRITTEN_AS:
        parts.pop()
    return parts[-1] if parts and parts[-1] in LABEL_ENDINGS else None


def are_split_names(names: Collection[str]) -> bool:
    """Do all names of a level of folders stand for splits, what all of them begin with aside?

    Examples
    --------
    >>> are_split_names({"asl_alphabet_train", "asl_alphabet_test"}), are_split_names({"cat_train", "dog_train"})
    (True, False)
    """
    if all(map(is_split_name, names)):
        return True
    if len(names) < 2:
        return False
    parts = [parts_of(name) for name in names]
    shared = 0
    while all(len(part) > shared + 1 and part[shared] == parts[0][shared] for part in parts):
        shared += 1
    return shared > 0 and all(is_split_name(" ".join(part[shared:])) for part in parts)


def text_rank(name: str) -> int:
    """2: the name speaks of text; 1: of something that may be one; 0: of neither."""
    parts = parts_of(name)
    if any(part in NOT_TEXT for part in parts):
        return 0
    if any(part in TEXT_WORDS or part.removesuffix("text") in TEXT_WORDS for part in parts) or (
        _UNSPACED.search(name) and any(word in name for word in TEXT_WORDS if not word.isascii())
    ):
        return 2
    return int(any(part in SOME_TEXT_WORDS for part in parts))


def count_words(text: str) -> float:
    """Words of a text, numbers aside; of scripts without spaces, as many as its characters make."""
    if text.isascii():
        return _spoken(text)
    unspaced = len(_UNSPACED.findall(text))
    return A_WORD * unspaced + _spoken(_UNSPACED.sub(" ", text))


def mostly_unspaced(texts: Iterable[str | None]) -> bool:
    """Is most of the texts written in a script without spaces?

    Examples
    --------
    >>> mostly_unspaced(["ร้านนี้อร่อยมาก", "很好"]), mostly_unspaced(["猫_0001.jpg", "cats are fine"])
    (True, False)
    """
    whole = unspaced = 0
    for text in texts:
        whole += len(text or "")
        unspaced += len(_UNSPACED.findall(text or ""))
    return 2 * unspaced > whole > 0


def _spoken(text: str) -> int:
    return sum(not word.isdigit() for word in _WORD.findall(text))
