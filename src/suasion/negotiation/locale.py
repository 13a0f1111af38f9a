"""The words of a language, as data: `load_locale("en")` reads suasion/locales/en.yaml and checks it.

What the words of a domain add (what its prices are for, who receives them) stands with that domain, in
`packs/*/words.en.yaml`: the same keys, whose lists are added to. Those of all built-in packs count always.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.errors import InputError
from suasion.yaml_files import parse_yaml

Words = tuple[str, ...]
Phrases = tuple[Annotated[str, Field(pattern=r"^\S(.*\S)?$")], ...]  # none is empty or padded


class LocaleError(ValueError):
    """A locale that doesn't exist, or whose file is wrong; says which, where, and what to write."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Numbers(_Data):
    """How numbers are written, in digits and in words."""

    writing: Literal["words", "positional"] = "words"
    group_separator: str
    decimal_mark: str
    units: dict[str, int]
    teens: dict[str, int]
    tens: dict[str, int]
    hundreds: dict[str, int]
    thousands: dict[str, int]
    suffixes: dict[str, int] = Field(description="written onto digits: 1.5k")
    marked_suffixes: dict[str, int] = Field(description="the same, but only behind a currency mark: $1.2m")
    articles: Words = Field(description="stand for one before a multiplier: a hundred")
    couples: dict[str, int]
    joiners: Words
    halves: Words
    of: Words
    zeros: Words = Field(description="a zero in the middle: three oh five")
    about: Words = Field((), description="between a number and its currency: 三百来块")
    decimal_words: Words = Field((), description="said for the decimal mark: 八点五折")


class Currency(_Data):
    """Marks and words of currencies; several codes mean that the caller's currency decides."""

    marks: dict[str, Words]
    words: dict[str, Words]
    prefixes: dict[str, str] = Field(description="letters before a mark, and the code they make: US$")
    minor: dict[str, Words] = Field({}, description="words and signs of hundredths: 50 cents")
    own: dict[str, str] = Field(
        {}, description="words that name a currency only for who counts in it: pounds"
    )


class Before(_Data):
    """Phrases left of a number, by what they say about it."""

    strong: Words
    weak: Words
    to: Words
    filler: Words
    not_: Words = Field(alias="not")
    neutral: Words
    moments: Words = Field(
        (), description="a day, hour or year follows, if it has the size: in 45 is a price, in 5 is none"
    )
    subjects: Words = Field((), description="make an unknown word behind them a verb: would prefer 60")
    times: Words = Field((), description="multiply, on either side: 4 days x 320")


class After(_Data):
    """Phrases right of a number, by what they say about it."""

    price: Words
    down: Words
    up: Words
    neutral: Words
    extra: Words
    units: Words
    count_endings: Words
    unknown_counts: bool = Field(True, description="an unknown word next to a number names what it counts")
    per: Words
    periods: Words
    inch_marks: Words


class Deltas(_Data):
    """Words of a change by an amount, left of it."""

    down: Words
    up: Words
    extra: Words = Field(description="up, unless a verb further left says down")
    by: Words
    filler: Words
    vague: Words = Field((), description="how far, before the number is said: come down a bit? like 15")
    object: Words = Field(description="may stand between the verb and by: reduce the rate by 30")


class Percents(_Data):
    """Words of a percentage, and of what a percentage is of when it isn't of money."""

    words: Words
    prefixes: Words = Field((), description="in front of the number: 百分之十")
    remainders: Words = Field((), description="a discount by what is left to pay, in tenths: 九折, 八五折")
    tenths: Words = Field((), description="a share in tenths: 一成")
    halves: dict[str, float]
    other: Words
    other_window: int
    of_other: Words = Field((), description="words behind a share of something that is not money: 62% are")
    of_money: Words = Field((), description="words near a share that make it one of money all the same")


class Ranges(_Data):
    """What stands between the two ends of a range or of an alternative."""

    signs: Words
    slashes: Words = Field((), description="the same, glued between large numbers: 350/360")
    leads: Words = Field((), description="may stand before a sign: from 50 all the way to 80")
    between: Words
    and_: Words = Field(alias="and")
    alternatives: Words
    not_: Words = Field((), alias="not", description="between two of a list: 5 or 10, not 40")
    lots: Words = Field((), description="between a count and its price: 6 for $25")
    ends: Words = Field((), description="end a sentence")


class Kinds(_Data):
    """Phrases that say what a price stands for, and how far from it they may stand."""

    net: Words
    selling: Words
    commission: Words
    links: Words = Field(description="words between phrase and number that don't count as distance")
    window: int
    breaks: Words


class Sides(_Data):
    """Phrases left and right of a price, in its sentence."""

    before: Phrases = ()
    touching: Phrases = Field((), description="the same, if nothing stands between phrase and price")
    after: Phrases = ()


class Roles(_Data):
    """Phrases that say what a price is named for; the nearest decides, of two that begin alike the longer."""

    claim: Sides = Field(description="told as a fact: is selling at 420")
    proposal: Sides = Field(description="asked for; what a price is that nothing is said about")
    agreement: Sides = Field(description="said yes to: 380 it is")
    quoted: Sides = Field(description="repeated, most often to doubt it: you said 380; 380 is too low")
    nothing: Sides = Field(Sides(), description="says nothing, though a shorter phrase in it would: 不好，")
    questions: Words = Field(description="end a sentence that asks: what sounds like a yes is none there")
    abbreviations: Words = Field((), description="their full stop ends no sentence: approx.")


class Render(_Data):
    """How dates are written out."""

    day: str
    day_year: str
    same_month: str
    same_month_year: str
    span: str


class Dates(_Data):
    """How dates are read and written."""

    order: Literal["mdy", "dmy"]
    months: dict[str, int]
    month_names: tuple[str, ...] = Field(min_length=12, max_length=12)
    ordinals: Words
    signs: Words
    of: Words
    the: Words
    year_signs: Words = Field((), description="behind the number of a year: 2026年12月1日")
    month_signs: Words = Field((), description="behind the number of a month")
    not_after: Words
    before_years: Words = Field(
        (), description="in front of a number that looks like a year they make it one"
    )
    render: Render


class Shapes(_Data):
    """Sizes that tell a price from a small count, an hour or a year."""

    least_with_strong: float
    least_spelled: float
    least_bare: float
    least_certain: float
    most_digits: int
    most_days: float = Field(31, description="a range up to it may be of days")
    most_vague: float = Field(
        50, description="a change that was announced is at most this: come down a bit? like 15"
    )
    years: tuple[int, int]


class Locale(_Data):
    """All words of one language that prices and dates are found by."""

    name: str
    numbers: Numbers
    currency: Currency
    before: Before
    after: After
    deltas: Deltas
    percents: Percents
    ranges: Ranges
    kinds: Kinds
    roles: Roles
    dates: Dates
    shapes: Shapes


def locales_version() -> str:
    """Hash of the words of all languages: a change of any of them is another version."""
    digest = hashlib.sha256()
    files = [file for file in resources.files("suasion.locales").iterdir() if file.name.endswith(".yaml")]
    for file in [*sorted(files, key=lambda file: file.name), *_words_of_packs("")]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _words_of_packs(name: str) -> list[Traversable]:
    """The built-in packs' additions to one locale, or to all; in the order of the packs' names."""
    packs = sorted(resources.files("suasion").joinpath("packs").iterdir(), key=lambda pack: pack.name)
    files = [file for pack in packs if pack.is_dir() for file in pack.iterdir()]
    return sorted(
        (file for file in files if file.name.startswith(f"words.{name}") and file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )


@lru_cache
def load_locale(name: str) -> Locale:
    """The locale called `name`. Raises LocaleError when there is none, or its file is wrong."""
    folder = resources.files("suasion.locales")
    known = sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".yaml"))
    if name not in known:
        raise LocaleError(f'There is no locale "{name}". There is: {", ".join(known)}.')
    added = _words_of_packs(f"{name}.")
    source = f"locales/{name}.yaml" + f" and packs/*/words.{name}.yaml" * bool(added)
    more = [file.read_text("utf-8") for file in added]
    return parse_locale((folder / f"{name}.yaml").read_text("utf-8"), source, more)


def parse_locale(text: str, source: str, additions: Sequence[str] = ()) -> Locale:
    """The locale written in `text`, whose lists `additions` add to; `source` names the file in errors.

    Raises LocaleError on any fault.
    """
    try:
        content = parse_yaml(text, Path(source)).content
        for addition in additions:
            content = _added(content, parse_yaml(addition, Path(source)).content)
        return Locale.model_validate(content)
    except InputError as error:
        raise LocaleError(str(error)) from error
    except ValidationError as error:
        faults = "\n".join(f"  {_fault(fault['loc'], fault['msg'])}" for fault in error.errors())
        raise LocaleError(f"{source}: {error.error_count()} fault(s):\n{faults}") from error


def _added(content: Any, addition: Any) -> Any:
    """Lists are added to, mappings are gone through; anything else is for the model to refuse."""
    if isinstance(content, dict) and isinstance(addition, dict):
        return content | {key: _added(content.get(key), value) for key, value in addition.items()}
    return [*content, *addition] if isinstance(content, list) and isinstance(addition, list) else addition


def _fault(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, place)) or "the file"
    if message == "Extra inputs are not permitted":
        return f"{where}: unknown key. Remove it, or add it to suasion/negotiation/locale.py."
    return f"{where}: {message}"
