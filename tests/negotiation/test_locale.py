"""A locale is checked data, and dates are read and written in its words."""

import contextlib
import datetime
from importlib import resources

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.negotiation.dates import find_dates, render_dates
from suasion.negotiation.locale import LocaleError, load_locale, parse_locale

ENGLISH = (resources.files("suasion.locales") / "en.yaml").read_text("utf-8")


def test_english_loads_once() -> None:
    assert load_locale("en").name == "en"
    assert load_locale("en") is load_locale("en")


@pytest.mark.parametrize("name", ["xx", "", "../en", "EN"])
def test_an_unknown_locale_says_which_there_are(name: str) -> None:
    with pytest.raises(LocaleError, match=r"There is no locale .*There is: .*en"):
        load_locale(name)


def test_an_unknown_key_is_named_with_its_place() -> None:
    data = yaml.safe_load(ENGLISH)
    data["deltas"]["sideways"] = ["over"]
    with pytest.raises(LocaleError, match=r"locales/en.yaml(.|\n)*deltas.sideways: unknown key"):
        parse_locale(yaml.safe_dump(data), "locales/en.yaml")


def test_a_missing_key_is_named_with_its_place() -> None:
    data = yaml.safe_load(ENGLISH)
    del data["kinds"]["net"]
    with pytest.raises(LocaleError, match=r"kinds.net"):
        parse_locale(yaml.safe_dump(data), "en.yaml")


def test_an_unquoted_no_is_refused() -> None:
    # YAML reads it as false, and the word would silently never match
    data = yaml.safe_load(ENGLISH)
    data["before"]["filler"].append(False)
    with pytest.raises(LocaleError, match=r"before.filler"):
        parse_locale(yaml.safe_dump(data), "en.yaml")


@pytest.mark.parametrize("text", ["", "[", "- en", "name: en"])
def test_a_broken_file_is_one_error(text: str) -> None:
    with pytest.raises(LocaleError, match=r"broken.yaml"):
        parse_locale(text, "broken.yaml")


def test_a_packs_words_are_added_to_the_lists() -> None:
    addition = "after: {units: [marquees]}\ndeltas: {object: [tent]}\n"
    plain, more = parse_locale(ENGLISH, "en.yaml"), parse_locale(ENGLISH, "en.yaml", [addition])
    assert more.after.units == (*plain.after.units, "marquees")
    assert more.deltas.object == (*plain.deltas.object, "tent")
    assert more.model_copy(update={"after": plain.after, "deltas": plain.deltas}) == plain


@pytest.mark.parametrize(
    ("addition", "says"),
    [("after: {unit: [x]}", r"after\.unit: unknown key"), ("after: [x]", "after: "), ("[", "YAML")],
)
def test_words_that_do_not_fit_are_refused(addition: str, says: str) -> None:
    with pytest.raises(LocaleError, match=says):
        parse_locale(ENGLISH, "en.yaml", [addition])


def test_lodging_is_the_hotel_packs_and_counts_everywhere() -> None:
    plain = parse_locale(ENGLISH, "en.yaml")
    assert {"room", "night", "guest"}.isdisjoint(plain.after.periods)
    assert {"room", "night", "guest"} <= set(load_locale("en").after.periods)


def days(text: str) -> list[tuple[int, int, int | None]]:
    return [(date.month, date.day, date.year) for date in find_dates(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 December", [(12, 1, None)]),
        ("the 1st of December", [(12, 1, None)]),
        ("December 1st, 2026", [(12, 1, 2026)]),
        ("Dec. 1", [(12, 1, None)]),
        ("1-2 December", [(12, 1, None), (12, 2, None)]),
        ("1 to 2 December 2026", [(12, 1, 2026), (12, 2, 2026)]),
        ("Dec 1-2", [(12, 1, None), (12, 2, None)]),
        ("Dec 1 to 2", [(12, 1, None), (12, 2, None)]),
        ("December 1 to December 3", [(12, 1, None), (12, 3, None)]),
        ("Dec 30 to Jan 2", [(12, 30, None), (1, 2, None)]),
        ("Dec 24, 25 and 26", [(12, 24, None), (12, 25, None), (12, 26, None)]),
        ("2026-12-01", [(12, 1, 2026)]),
        ("from 2026-12-01 to 2026-12-03.", [(12, 1, 2026), (12, 3, 2026)]),
        ("12/1", [(12, 1, None)]),
        ("12/24/2026", [(12, 24, 2026)]),
        ("24/12/2026", [(12, 24, 2026)]),
        ("29 February", [(2, 29, None)]),
        ("29 February 2027", [(2, 29, None)]),
        ("31 November", []),
        ("2026-02-30", []),
        ("24/7", []),
        ("4.6/5", []),
        ("9/10 condition", []),
        ("may 380 work?", []),
        ("I may come", []),
        ("380", []),
        ("Dec 1 at 380", [(12, 1, None)]),
    ],
)
def test_dates_by_hand(text: str, expected: list[tuple[int, int, int | None]]) -> None:
    assert days(text) == expected


def test_the_ends_of_a_range_have_their_own_spans() -> None:
    text = "We need 1-2 December, please"
    assert [text[slice(*date.span)] for date in find_dates(text)] == ["1", "2 December"]


DATES = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31))


@given(DATES, DATES)
def test_what_is_written_is_read_again(a: datetime.date, b: datetime.date) -> None:
    first, last = sorted((a, b))
    expected = [(date.month, date.day, date.year) for date in ([first, last] if first < last else [first])]
    assert days(render_dates(first, last)) == expected


def test_dates_are_written_as_people_do() -> None:
    first = datetime.date(2026, 12, 1)
    assert render_dates(first) == "1 December 2026"
    assert render_dates(first, year=False) == "1 December"
    assert render_dates(first, datetime.date(2026, 12, 2), year=False) == "1-2 December"
    assert render_dates(first, datetime.date(2027, 1, 2)) == "1 December 2026 to 2 January 2027"


@given(st.text(max_size=200))
def test_any_text_is_a_locale_or_a_fault_that_names_its_file(text: str) -> None:
    with pytest.raises(LocaleError, match=r"xx\.yaml"):
        parse_locale(text, "xx.yaml")


LINES = ENGLISH.splitlines()


@settings(deadline=None, max_examples=20)  # YAML of this size takes half a second
@given(st.integers(0, len(LINES) - 1), st.text(max_size=20))
def test_a_locale_with_any_broken_line_loads_or_says_why(line: int, text: str) -> None:
    broken = "\n".join([*LINES[:line], text, *LINES[line + 1 :]])
    with contextlib.suppress(LocaleError):  # and nothing else
        parse_locale(broken, "xx.yaml")
