import random

import polars as pl
import pytest

from pipeline.sinks.grams import Grams, build_grams, load_grams

TEXTS = pl.Series(
    [
        "GET /cart?id=17 200 Mozilla",
        None,
        "",
        "ä Konnte Datei nicht öffnen",
        "line one\n\tat Second.line(Two.java:7)",
        "x",
    ]
)


def read(*columns: pl.Series) -> Grams:
    grams = load_grams(build_grams(columns))
    assert grams is not None
    return grams


def test_every_part_of_every_text_may_be_held() -> None:
    grams = read(TEXTS)

    for text in TEXTS.drop_nulls():
        for start in range(len(text)):
            for end in range(start, len(text) + 1):
                assert grams.may_hold(text[start:end])
                assert grams.may_hold(text[start:end].upper())


@pytest.mark.parametrize("text", ["zebra", "quagga", "/cart?id=18 200", "Datei nicht gefunden", "ä zebra"])
def test_what_no_text_can_hold_is_told(text: str) -> None:
    assert not read(TEXTS).may_hold(text)


@pytest.mark.parametrize("text", ["", "ebra", "ä", "ä\u017fä\u212aä"])
def test_of_less_than_five_characters_nothing_is_told(text: str) -> None:
    assert read(TEXTS).may_hold(text)


def test_all_columns_count() -> None:
    grams = read(TEXTS, pl.Series(["a zebra"]))

    assert grams.may_hold("zebra")
    assert grams.may_hold("mozilla")


def test_many_texts_leave_few_doubts() -> None:
    numbers = random.Random(5)
    texts = pl.Series([f"request {numbers.randrange(10**9)} took {number} ms" for number in range(30_000)])
    grams = read(texts)

    assert all(grams.may_hold(text) for text in texts.sample(500, seed=1))
    words = ["".join(numbers.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(500)]
    assert sum(grams.may_hold(word) for word in words) < 5


@pytest.mark.parametrize("letter", ["\u017f", "\u212a"])
def test_where_a_foreign_letter_counts_as_one_of_ours_nothing_is_told(letter: str) -> None:
    assert build_grams([TEXTS, pl.Series([f"a{letter}"])]) is None


def test_of_what_is_no_text_nothing_is_told() -> None:
    assert build_grams([TEXTS, pl.Series([1])]) is None


@pytest.mark.parametrize("damage", ["", "2:", "1:", "1:!", "1:AAAA"])
def test_what_is_damaged_tells_nothing(damage: str) -> None:
    assert load_grams(None) is None
    assert load_grams(damage) is None


def test_a_changed_character_tells_nothing() -> None:
    text = build_grams([TEXTS]) or ""

    for at in range(2, len(text.rstrip("="))):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        grams = load_grams(changed)
        assert grams is None or grams == read(TEXTS)
