"""Chinese prices: numbers whose places are named, discounts by what is left, and measure words."""

import datetime
import math

import pytest
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


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("三百八可以吗", 380),
        ("三百零八可以吗", 308),
        ("三百八十五", 385),
        ("一千二", 1200),
        ("一千零五十", 1050),
        ("两千三百", 2300),
        ("一万二", 12000),
        ("一万二千五", 12500),
        ("十二万块", 120_000),
        ("三八零行不行", 380),
        ("4百8", 480),
        ("4百", 400),
        ("1.2万", 12000),
        ("三百来块", 300),
        ("3k全包", 3000),
        ("五十块", 50),
        ("￥1,280", 1280),
        ("RMB 420", 420),
        ("每晚320", 320),
        ("380一晚", 380),
    ],
)
def test_an_amount(text: str, amount: float) -> None:
    (mention,) = find_prices(text)
    assert (mention.amount, mention.relation) == (amount, Relation.ABSOLUTE)


@pytest.mark.parametrize(
    ("text", "amount", "relation", "direction"),
    [
        ("再便宜二十", 20, Relation.DELTA, -1),
        ("降20块行吗", 20, Relation.DELTA, -1),
        ("每晚再加五十", 50, Relation.DELTA, 1),
        ("打九折", 10, Relation.PERCENT, -1),
        ("八五折", 15, Relation.PERCENT, -1),
        ("给个一成的折扣", 10, Relation.PERCENT, -1),
        ("半价", 50, Relation.PERCENT, -1),
        ("上浮20%", 20, Relation.PERCENT, 1),
        ("百分之十五的折扣", 15, Relation.PERCENT, -1),
    ],
)
def test_a_change(text: str, amount: float, relation: Relation, direction: int) -> None:
    (mention,) = find_prices(text)
    assert (mention.amount, mention.relation, mention.direction) == (amount, relation, direction)


@pytest.mark.parametrize(
    "text",
    [
        "我们一共86间房",
        "2019年开业",
        "晚上十一点四十到",
        "离地铁300米",
        "入住率都85%了",
        "电话138 5712 0946",
        "三楼有两间",
        "孩子6岁",
        "订单号80311957",
        "昨天有一千九百人看过",
        "12月1号到3号",
        "万一客人不来呢",
        "再少点呗",
        "一起谈吧",
        "十分感谢",
        "第三次了",
        "1.8米大床",
        "30间夜",
    ],
)
def test_no_price(text: str) -> None:
    assert find_prices(text) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("挂牌价520元，给我净价460元行不行", ["selling", "net"]),
        ("客人付420，您到手357", ["selling", "net"]),
        ("佣金15%", ["commission"]),
    ],
)
def test_kinds(text: str, kinds: list[str]) -> None:
    assert [mention.kind for mention in find_prices(text)] == kinds


def test_a_range_has_two_ends() -> None:
    assert [(m.amount, m.relation) for m in find_prices("四百五到四百八")] == [(450, "range"), (480, "range")]


def test_the_span_holds_the_amount_with_its_currency() -> None:
    assert [mention.text for mention in find_prices("给我三百来块，再降20块")] == ["三百来块", "20块"]


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("380元", "zh"),
        ("how about 380元?", "en"),
        ("", "en"),
        ("￥380", "en"),
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
    # within a year the month, and on a range's end the day's own form, may leave the year to the other end
    assert [(day.month, day.day) for day in found] == [day[:2] for day in days]


@given(st.lists(st.sampled_from(BITS), max_size=25))
def test_any_mix_gives_sorted_spans_and_finite_amounts(bits: list[str]) -> None:
    text, end = "".join(bits), 0
    for mention in find_prices(text, locale="zh"):
        assert end <= mention.span[0] < mention.span[1] <= len(text)
        assert text[slice(*mention.span)] == mention.text
        assert math.isfinite(mention.amount)
        assert mention.amount >= 0
        end = mention.span[1]
