"""Prices are found in what people write, and dates, rooms, nights and views are left alone."""

import math
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suasion.negotiation.locale import LocaleError
from suasion.negotiation.prices import PriceMention, Relation, find_dates, find_prices

ROWS = yaml.safe_load(Path(__file__).with_name("prices_en.yaml").read_text("utf-8"))["rows"]
BITS = [
    "380", "1,280", "1.5k", "$", "¥", "€", "%", "-", "–", "/", ":", ".", ",", "!", '"', "#", "@", "k",
    "yuan", "RMB", "net", "selling", "commission", "after", "half", "off", "price", "a", "and",
    "hundred", "thousand", "three", "eighty", "fifty", "to", "between", "by", "less", "more", "knock",
    "drop", "reduce", "it", "night", "per", "room", "nights", "Dec", "May", "of", "12", "2026", "01",
    "st", "two", "one", "couple", "pm", "out", "percent", "15", "'d’", "İ", "00", "999999999999999999",
    "\ud800",
]  # fmt: skip


def test_the_table_is_found() -> None:
    hits = 0
    missed: list[tuple[object, ...]] = []
    extra: list[tuple[object, ...]] = []
    kinds: list[tuple[object, ...]] = []
    for text, expected in ROWS:
        found = find_prices(text)
        for amount, relation, *kind in expected:
            match = next(
                (m for m in found if math.isclose(m.amount, amount) and m.relation == relation), None
            )
            if match is None:
                missed.append((text, amount, relation))
                continue
            hits += 1
            found.remove(match)
            if kind and match.kind != kind[0]:
                kinds.append((text, amount, kind[0], match.kind))
        extra.extend((text, m.text, m.relation) for m in found)
    report = f"missed {missed}, not prices {extra}, wrong kind {kinds}"
    assert len(ROWS) >= 200
    assert hits / (hits + len(missed)) >= 0.97, report
    assert hits / (hits + len(extra)) >= 0.95, report
    assert len(kinds) <= 2, report


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("could you knock off twenty", -1),
        ("20 less", -1),
        ("reduce the rate by 30", -1),
        ("come up another 20", 1),
        ("come down another 20", -1),
        ("that's 50 more than I paid", 1),
        ("10% off", -1),
        ("half price", -1),
        ("380", 0),
    ],
)
def test_a_change_has_its_direction(text: str, direction: int) -> None:
    (mention,) = find_prices(text)
    assert mention.direction == direction


@pytest.mark.parametrize(
    ("text", "amount", "written"),
    [
        ("I'm asking $1.5k for it", 1500, "$1.5k"),
        ("how about three hundred and eighty yuan?", 380, "three hundred and eighty yuan"),
        ("so 10 % off", 10, "10 %"),
        ("RMB380 a night", 380, "RMB380"),
        ("make it US$1,200.50", 1200.5, "US$1,200.50"),
    ],
)
def test_the_span_holds_the_amount_with_its_marks(text: str, amount: float, written: str) -> None:
    (mention,) = find_prices(text)
    assert (mention.amount, mention.text) == (amount, written)


@pytest.mark.parametrize(
    ("text", "asked", "currency"),
    [
        ("380", "CNY", "CNY"),
        ("380", "USD", "USD"),
        ("¥380", "USD", "CNY"),
        ("¥380", "JPY", "JPY"),
        ("$380", "CNY", "USD"),
        ("$380", "HKD", "HKD"),
        ("380 euros", "CNY", "EUR"),
    ],
)
def test_the_written_currency_wins(text: str, asked: str, currency: str) -> None:
    (mention,) = find_prices(text, asked)
    assert mention.currency == currency


def check(text: str, mentions: list[PriceMention]) -> None:
    end = 0
    for mention in mentions:
        assert end <= mention.span[0] < mention.span[1] <= len(text)
        assert text[slice(*mention.span)] == mention.text
        assert math.isfinite(mention.amount)
        assert mention.amount >= 0
        assert (mention.direction in (-1, 1)) or mention.relation is not Relation.DELTA
        end = mention.span[1]


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_gives_sorted_spans_and_finite_amounts(text: str) -> None:
    check(text, find_prices(text))
    find_dates(text)


@given(st.lists(st.tuples(st.sampled_from(BITS), st.sampled_from(["", " ", "  "])), max_size=25))
def test_any_mix_of_price_words_does_too(bits: list[tuple[str, str]]) -> None:
    text = "".join(word + space for word, space in bits)
    check(text, find_prices(text))
    for date in find_dates(text):
        assert 0 <= date.span[0] < date.span[1] <= len(text)


@pytest.mark.parametrize(
    "bit",
    [
        "9",
        "9-",
        "380 net ",
        "between ",
        "a hundred and ",
        "Dec 1, ",
        "reduce it by ",
        "$",
        "$9. ",
        "ok, 9? ",
        "$9\n",
    ],
)
def test_time_grows_with_the_text_and_no_faster(bit: str) -> None:
    # A quadratic step would take minutes on this; the bound is wide for a slow machine.
    began = time.process_time()
    find_prices(bit * (200_000 // len(bit)))
    assert time.process_time() - began < 20


def test_an_unknown_locale_is_named() -> None:
    with pytest.raises(LocaleError, match='no locale "xx"'):
        find_prices("380", locale="xx")
