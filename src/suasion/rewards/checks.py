"""The checks a rule can name: what patterns alone can't see, because it depends on the dialogue before.

A check is a generator over findings, `(scene, *, parameters) -> Iterator[Finding]`. Its keyword parameters
are what a rule may give under `with:`; words of a domain or a language come from there, never from here.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import re2

from suasion.language.phrases import load_phrases
from suasion.negotiation.brief import Ticket
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TicketState
from suasion.rewards.agreement import (
    claims_agreement_without_one,
    confirms_other_price,
    haggling_on,
    repeated_confirmation,
    silence_as_consent,
)
from suasion.rewards.grounding import kind_mixed, proposal_out_of_bounds, ungrounded_number
from suasion.rewards.scene import Check, Finding, Scene, compiled, dates_in, words_of
from suasion.rewards.traces import as_date, names_of

_FOREIGN = {"Latin": re2.compile(r"[^\P{L}\p{Latin}]+"), "Han": re2.compile(r"[^\P{L}\p{Han}]+")}
_ENDED = re2.compile(r"[.!?…。！？][\s\"'”’)\]*]*$|[\p{So}\x{FE0F}]\s*$")
_SAID = re2.compile(r"[\pL\pN]")


def wrong_date(scene: Scene) -> Iterator[Finding]:
    """Days that are not within the dates of the ticket spoken of, and that nobody else named."""
    if not scene.dates:
        return
    spans = [span for ticket in _tickets_meant(scene) if (span := _date_span(ticket, scene))]
    if not spans:
        return
    said = {
        (day.month, day.day)
        for text in (*scene.brief.facts, *scene.counterpart_texts)
        for day in dates_in(text)
    }
    seen = (t.competitor_price.seen_at for t in scene.brief.tickets if t.competitor_price)
    said |= {(day.month, day.day) for day in map(as_date, seen) if day}
    for day in scene.dates:
        inside = any(_within(day.month, day.day, day.year, *span) for span in spans)
        if not inside and (day.month, day.day) not in said:
            first, last = spans[0]
            yield Finding(day.span, f"the dates are {first} to {last}")


def _tickets_meant(scene: Scene) -> list[Ticket]:
    """The tickets that the reply names; else the one in focus when a price is asked or confirmed."""
    text = scene.reply.casefold()
    named = [ticket for ticket in scene.brief.tickets if any(name in text for name in names_of(ticket))]
    if named or scene.focus is None or not scene.acts & {"propose", "confirm"}:
        return named or list(scene.brief.tickets)
    return [scene.focus.ticket]


def _date_span(ticket: Ticket, scene: Scene) -> tuple[str, str] | None:
    fields = [key for key, field in scene.pack.manifest.ticket.items() if field.type == "date"]
    days = sorted(str(ticket.details[key]) for key in fields if key in ticket.details)
    return (days[0], days[-1]) if days else None


def _within(month: int, day: int, year: int | None, first: str, last: str) -> bool:
    years = {int(first[:4]), int(last[:4])} if year is None else {year}
    return any(first <= f"{one:04d}-{month:02d}-{day:02d}" <= last for one in years)


def wrong_item(scene: Scene, *, detail: str, names: str = "") -> Iterator[Finding]:
    """Names the item of another ticket while asking or confirming, or one that nobody gave.

    Args:
        detail: the ticket's field that names the item.
        names: list of the phrase file's slots with names that items have in this domain.
    """
    text, focus = scene.reply.casefold(), scene.focus
    if focus is None:
        return
    own = str(focus.ticket.details.get(detail, "")).casefold()
    for ticket in (
        scene.brief.tickets if own not in text and scene.acts & {"propose", "confirm", "ask_best"} else ()
    ):
        other = str(ticket.details.get(detail, "")).casefold()
        if other and other in text and not _handled(ticket, scene):
            start = text.index(other)
            yield Finding((start, start + len(other)), f"belongs to another ticket; this one is about {own}")
    for match in _name_pattern(scene.pack, names).finditer(scene.reply) if names else ():
        if match.group().casefold() not in scene.known_text:
            yield Finding(match.span(), f"no ticket is about it; this one is about {own}")


def _handled(ticket: Ticket, scene: Scene) -> bool:
    return any(state.done for state in scene.state.tickets if state.ticket.id == ticket.id)


@lru_cache
def _name_pattern(pack: Pack, names: str) -> "re2._Regexp":
    listed = load_phrases(pack).file.slots.get(names, ())
    longest_first = sorted(map(re2.escape, listed), key=len, reverse=True)
    pattern = compiled((rf"\b(?:{'|'.join(longest_first)})\b",))
    assert pattern is not None  # one pattern is never none
    return pattern


def self_repetition(scene: Scene, *, share: float = 0.8, words: int = 5) -> Iterator[Finding]:
    """Repeats an earlier turn of the agent: equal, or `share` of the word 4-grams. Short replies pass."""
    mine = words_of(scene.reply)
    if len(mine) < words:
        return
    grams = _grams(mine)
    least = share * len(grams)
    for text in scene.agent_texts:
        theirs = words_of(text)
        enough = grams and len(theirs) - 3 >= least  # as many 4-grams, at the most
        if mine == theirs or (enough and len(grams & _grams(theirs)) >= least):
            yield Finding((0, len(scene.reply)), f"says again: {text[:80]}")
            return


def _grams(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    return frozenset(words[i : i + 4] for i in range(len(words) - 3))


def looping(scene: Scene, *, times: int = 3) -> Iterator[Finding]:
    """The same sentence twice, or the same four words or one word over and over, within the reply."""
    seen: set[tuple[str, ...]] = set()
    for start, end in scene.sentences:
        words = words_of(scene.reply[start:end])
        if len(words) >= 3 and words in seen:
            yield Finding((start, end), "the sentence stands here twice")
            return
        seen.add(words)
    words = words_of(scene.reply)
    counts = Counter(words[i : i + 4] for i in range(len(words) - 3))
    if counts and max(counts.values()) >= times:
        yield Finding((0, len(scene.reply)), f"goes in circles: {' '.join(counts.most_common(1)[0][0])!r}")


def stage_required_missing(scene: Scene) -> Iterator[Finding]:
    """Lacks an act that the stage requires."""
    if scene.state.ended(scene.pack.sop):
        return
    stage, acts = scene.stage, scene.acts
    missing = [act for act in stage.requires if act not in acts]
    if missing:
        yield Finding(None, f"{stage.id} requires {', '.join(missing)}")
    if stage.requires_any and not acts & set(stage.requires_any):
        yield Finding(None, f"{stage.id} requires one of {', '.join(stage.requires_any)}")


def stage_forbidden_act(scene: Scene) -> Iterator[Finding]:
    """Does what the stage forbids."""
    for act in scene.stage.forbids:
        if act in scene.acts:
            yield Finding(scene.act_span(act), f"{scene.stage.id} forbids {act}")


def premature_close(scene: Scene, *, pausing: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Says goodbye or gives in with a ticket open (or, without tickets, no answer yet) and nothing refused.

    `pausing`: where a goodbye is a pause.
    """
    closing = scene.acts & {"bye", "accept_no"}
    if not closing or scene.stage.terminal or scene.state.ended(scene.pack.sop):
        return
    if scene.state.heard & {"refuse", "opt_out"} or (closing == {"bye"} and scene.stage.id in pausing):
        return
    if not scene.state.tickets and not scene.state.consent.given:
        yield Finding(scene.act_span(min(closing)), "there was neither a yes nor a no")
    after_this = [state for state in scene.state.tickets if not (state.done or _settled_here(state, scene))]
    if after_this:
        yield Finding(
            scene.act_span(min(closing)), f"still open: {', '.join(s.ticket.id for s in after_this)}"
        )


def _settled_here(state: TicketState, scene: Scene) -> bool:
    return state.agreed is not None and "confirm" in scene.acts and state == scene.focus


def forgotten_ticket(scene: Scene) -> Iterator[Finding]:
    """Says goodbye while another ticket was never spoken of."""
    if "bye" not in scene.acts or "opt_out" in scene.state.heard or len(scene.state.tickets) < 2:
        return
    said = "\n".join((*scene.agent_texts, scene.reply)).casefold()
    for state in scene.state.tickets:
        untouched = not (state.done or state.proposals or state.offer is not None or state.agreed is not None)
        if untouched and state != scene.focus and not any(name in said for name in names_of(state.ticket)):
            yield Finding(scene.act_span("bye"), f"ticket {state.ticket.id} was never spoken of")


def too_long(scene: Scene, *, words: int) -> Iterator[Finding]:
    count = len(scene.reply.split())
    if count > words:
        yield Finding(None, f"{count} words; at most {words} are read")


def empty(scene: Scene) -> Iterator[Finding]:
    if not _SAID.search(scene.reply):
        yield Finding(None, "says nothing")


def unfinished(scene: Scene) -> Iterator[Finding]:
    if _SAID.search(scene.reply) and not _ENDED.search(scene.reply):
        yield Finding(None, "breaks off without an end to its sentence")


def mixed_language(scene: Scene, *, script: Literal["Latin", "Han"] = "Latin") -> Iterator[Finding]:
    """Letters of another script than the language's, unless brief or counterpart wrote them."""
    for match in _FOREIGN[script].finditer(scene.reply):
        if match.group().casefold() not in scene.known_text:
            yield Finding(match.span(), f"letters that are not {script}")


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        ungrounded_number,
        proposal_out_of_bounds,
        kind_mixed,
        wrong_date,
        wrong_item,
        silence_as_consent,
        claims_agreement_without_one,
        confirms_other_price,
        haggling_on,
        repeated_confirmation,
        self_repetition,
        looping,
        stage_required_missing,
        stage_forbidden_act,
        premature_close,
        forgotten_ticket,
        too_long,
        empty,
        unfinished,
        mixed_language,
    )
}
