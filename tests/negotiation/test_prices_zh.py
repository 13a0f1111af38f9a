"""Chinese prices: numbers whose places are named, discounts by what is left, and measure words."""

import datetime
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suasion.negotiation.dates import find_dates, render_dates
from suasion.negotiation.prices import Relation, find_prices
from suasion.negotiation.readers import locale_of

HAN = "零一二两三四五六七八九十百千万点块元折成晚间房降涨便宜到手净价佣金的是，。？"
WORDS = [
    "380",
    "1,280",
    "1.2",
    "￥",
    "¥",
    "%",
    "k",
    "-",
    "百分之",
    "个点",
    "半价",
    "来",
    "多",
    "每晚",
    "再",
    "12月",
    "1号",
    "RMB",
]
BITS = [*HAN, *WORDS, " "]


ROWS = yaml.safe_load(Path(__file__).with_name("prices_zh.yaml").read_text("utf-8"))


@pytest.mark.parametrize(("text", "amount"), ROWS["amounts"].items())
def test_an_amount(text: str, amount: float) -> None:
    (mention,) = find_prices(text)
    assert (mention.amount, mention.relation) == (amount, Relation.ABSOLUTE)


@pytest.mark.parametrize(("text", "change"), ROWS["changes"].items())
def test_a_change(text: str, change: list[object]) -> None:
    (mention,) = find_prices(text)
    assert [mention.amount, mention.relation, mention.direction] == change


@pytest.mark.parametrize("text", ROWS["no_prices"])
def test_no_price(text: str) -> None:
    assert find_prices(text) == []


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("三百四百都行", [300, 400]),
        ("两千三千都可以", [2000, 3000]),
        ("4百 八折", [400, 20]),
        ("比420便宜15块", [420, 15]),
        ("三到五百", [300, 500]),
        ("5到6百", [500, 600]),
    ],
)
def test_one_number_does_not_take_from_the_next(text: str, amounts: list[float]) -> None:
    assert [mention.amount for mention in find_prices(text)] == amounts


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("网上挂牌价508元，给我净价440元", ["selling", "net"]),
        ("客人付399，您到手340", ["selling", "net"]),
        ("佣金12%", ["commission"]),
        ("380 net可以吗", ["net"]),
    ],
)
def test_kinds(text: str, kinds: list[str]) -> None:
    assert [mention.kind for mention in find_prices(text)] == kinds


def test_a_range_has_two_ends() -> None:
    assert [(m.amount, m.relation) for m in find_prices("五百一到五百六")] == [(510, "range"), (560, "range")]


def test_the_span_holds_the_amount_with_its_currency() -> None:
    assert [mention.text for mention in find_prices("给我三百来块，再降20块")] == ["三百来块", "20块"]


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("380元", "zh"),
        ("how about 380元?", "en"),
        ("", "en"),
        ("￥380", "en"),
        ("At 北京国际饭店, 380 net works?", "en"),
        ("WiFi是新装的", "zh"),
        ("\ud800三百八", "zh"),
    ],
)
def test_the_text_says_its_language(text: str, locale: str) -> None:
    assert locale_of(text) == locale


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12月1号", [(12, 1, None)]),
        ("2026年12月1日", [(12, 1, 2026)]),
        ("12月1日到3日", [(12, 1, None), (12, 3, None)]),
        ("12月30日至1月2日", [(12, 30, None), (1, 2, None)]),
        ("2026-12-01", [(12, 1, 2026)]),
        ("13月1日", []),
        ("2月30号", []),
        ("三月不行", []),
        ("十二月一日到三日", [(12, 1, None), (12, 3, None)]),
        ("12月1日和2间房", [(12, 1, None)]),
        ("11月11到13号", [(11, 11, None), (11, 13, None)]),
    ],
)
def test_dates(text: str, expected: list[tuple[int, int, int | None]]) -> None:
    assert [(day.month, day.day, day.year) for day in find_dates(text, "zh")] == expected


DATES = st.dates(datetime.date(1900, 1, 1), datetime.date(2199, 12, 31))


@given(DATES, DATES)
def test_what_is_written_is_read_again(a: datetime.date, b: datetime.date) -> None:
    first, last = sorted((a, b))
    days = [(day.month, day.day, day.year) for day in ([first, last] if first < last else [first])]
    found = find_dates(render_dates(first, last, locale="zh"), "zh")
    assert [(day.month, day.day, day.year) for day in found] == days


@given(st.lists(st.sampled_from(BITS), max_size=25))
def test_any_mix_gives_sorted_spans_and_finite_amounts(bits: list[str]) -> None:
    text, end = "".join(bits), 0
    for mention in find_prices(text, locale="zh"):
        assert end <= mention.span[0] < mention.span[1] <= len(text)
        assert text[slice(*mention.span)] == mention.text
        assert math.isfinite(mention.amount)
        assert mention.amount >= 0
        end = mention.span[1]
