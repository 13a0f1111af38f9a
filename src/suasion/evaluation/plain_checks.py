"""What is wrong with a reply in any domain: numbers from nowhere, absurd requests, repetition, form.

None of it reads a pack's rules or intents; training follows those, so a second opinion must not.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import re2

from suasion.evaluation.reply_numbers import (
    Allowance,
    Found,
    asked_prices,
    days_of,
    in_bounds,
    untraced_number,
)
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.scene import brief_texts, dates_in, sentences_in, words_of

Severity = Literal["low", "high", "critical"]
PlainCheck = Callable[[Dialogue, Allowance], Iterator[Found]]

LONG, ENDLESS = 120, 220  # words
SAME = 0.7  # share of an earlier message's word triples

_LETTERS = re2.compile(r"[\pL\pN]")
_FOREIGN = re2.compile(r"[^\P{L}\p{Latin}]+")
_ENDED = re2.compile(r"[.!?…][\s\"')\]*]*$|[\p{So}\x{FE0F}]\s*$")


def is_blank(reply: str) -> bool:
    return not _LETTERS.search(reply)


def unreal_request(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    """A price asked for that no ticket's bounds hold: below what is wanted, or no less than today's."""
    tickets = dialogue.brief.tickets
    for text, selling in asked_prices(dialogue):
        if selling in allowed.numbers or not tickets:
            continue
        if not any(in_bounds(selling, ticket) for ticket in tickets):
            yield text, f"asks for {selling:g} selling, which is out of bounds"


def strange_date(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    """A day outside every ticket's dates that nobody named."""
    reply = dialogue.reply or ""
    stays = [days for ticket in dialogue.brief.tickets if (days := days_of(ticket))]
    if not stays:
        return
    heard = [*dialogue.brief.facts, *(turn.text or "" for turn in dialogue.turns)]
    named = {(day.month, day.day) for text in heard for day in dates_in(text)}
    seen = (t.competitor_price.seen_at for t in dialogue.brief.tickets if t.competitor_price)
    named |= {(day.month, day.day) for day in seen if day}
    for mention in dates_in(reply):
        within = any(
            (first.month, first.day) <= (mention.month, mention.day) <= (last.month, last.day)
            or first.year < last.year
            for first, last in stays
        )
        if not within and (mention.month, mention.day) not in named:
            yield reply[mention.span[0] : mention.span[1]], "a day that is not spoken of"


def says_again(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    """The agent's own earlier message once more, or a sentence twice."""
    reply = dialogue.reply or ""
    mine = words_of(reply)
    triples = {mine[i : i + 3] for i in range(len(mine) - 2)}
    for turn in dialogue.turns:
        if turn.speaker != "agent" or turn.text is None or len(mine) < 6:
            continue
        theirs = words_of(turn.text)
        if triples and len(triples & {theirs[i : i + 3] for i in range(len(theirs) - 2)}) >= SAME * len(
            triples
        ):
            yield turn.text[:60], "said before"
            return
    sentences = [words_of(reply[a:b]) for a, b in sentences_in(reply)]
    twice = next((one for one in sentences if len(one) > 3 and sentences.count(one) > 1), None)
    if twice:
        yield " ".join(twice), "stands here twice"


def foreign_letters(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    given = "\n".join((*brief_texts(dialogue.brief), *(turn.text or "" for turn in dialogue.turns)))
    if _FOREIGN.search("\n".join(turn.text or "" for turn in dialogue.turns)):
        return  # the dialogue itself is written so
    for match in _FOREIGN.finditer(dialogue.reply or ""):
        if match.group() not in given:
            yield match.group(), "another script than the dialogue's"
            return


def too_long(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    count = len((dialogue.reply or "").split())
    if LONG < count <= ENDLESS:
        yield "", f"{count} words"


def endless(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    count = len((dialogue.reply or "").split())
    if count > ENDLESS:
        yield "", f"{count} words"


def breaks_off(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    if not _ENDED.search(dialogue.reply or ""):
        yield (dialogue.reply or "")[-20:], "no end to its sentence"


PLAIN_CHECKS: Mapping[str, tuple[Severity, PlainCheck]] = {
    "untraced-number": ("critical", untraced_number),
    "unreal-request": ("high", unreal_request),
    "strange-date": ("high", strange_date),
    "says-again": ("high", says_again),
    "foreign-letters": ("high", foreign_letters),
    "endless": ("high", endless),
    "too-long": ("low", too_long),
    "breaks-off": ("low", breaks_off),
}
