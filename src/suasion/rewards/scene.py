"""What a rule looks at: the reply, the dialogue before it, and where the negotiation stands."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any

import re2
from pydantic import AfterValidator

from suasion.language.patterns import compile_any
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.money import PriceKind
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import DateMention, PriceMention, find_dates, find_prices
from suasion.negotiation.sop import Stage
from suasion.negotiation.tracker import Hearing, State, TicketState

Span = tuple[int, int]

_SENTENCE_END = re2.compile(r"[.!?…。！？]+[\"'”’)\]]*(?:\s+|$)|\n+")
_QUOTED = re2.compile(r'"[^"\n]+"|“[^”\n]+”')
DIGITS = re2.compile(r"\d+(?:[.,]\d+)*")
_ASCII_DIGITS = re.compile(DIGITS.pattern)
_WORD = re2.compile(r"[\pL\pN]+(?:'[\pL]+)?")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z]+)?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One objection of a check; `span` is None where the objection is to something missing."""

    span: Span | None
    note: str


Check = Callable[..., Iterator[Finding]]


def _compilable(patterns: tuple[str, ...]) -> tuple[str, ...]:
    try:
        compile_any(patterns)
    except re2.error as error:
        raise ValueError(f"RE2 refuses a pattern: {plain_error(error)}") from None
    return patterns


Patterns = Annotated[tuple[str, ...], AfterValidator(_compilable)]


@dataclass(frozen=True, slots=True)
class KnownPrice:
    """A price that the agent may name, and why. `told`: by brief or counterpart, not by a wish of its own."""

    amount: float
    kind: PriceKind
    trace: str
    told: bool = True


@dataclass(frozen=True)
class Scene:
    """One reply in its dialogue. What several checks need is read once."""

    pack: Pack
    hearing: Hearing
    dialogue: Dialogue
    state: State
    reply: str

    @property
    def brief(self) -> Brief:
        return self.dialogue.brief

    @property
    def focus(self) -> TicketState | None:
        return self.state.ticket

    @property
    def currency(self) -> str:
        return self.brief.tickets[0].currency if self.brief.tickets else "CNY"

    @cached_property
    def stage(self) -> Stage:
        return self.pack.sop.step_of(self.state)

    @cached_property
    def acts(self) -> frozenset[str]:
        return self.hearing.hear("agent", self.reply)

    @cached_property
    def prices(self) -> tuple[PriceMention, ...]:
        return prices_in(self.reply, self.currency)

    @cached_property
    def dates(self) -> tuple[DateMention, ...]:
        return dates_in(self.reply)

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        return sentences_in(self.reply)

    def sentence_at(self, place: int) -> Span:
        """The sentence that holds the character at `place`."""
        return next((span for span in self.sentences if span[0] <= place < span[1]), (0, len(self.reply)))

    def acts_at(self, place: int) -> frozenset[str]:
        """Acts of the sentence that holds the character at `place`, where the whole reply has them too."""
        start, end = self.sentence_at(place)
        return self.hearing.hear("agent", self.reply[start:end].strip()) & self.acts

    def act_span(self, act: str) -> Span | None:
        """The first sentence that has the act, without outer space; None when only the whole reply does."""
        for start, end in self.sentences:
            text = self.reply[start:end]
            if act in self.hearing.hear("agent", text.strip()):
                return start + len(text) - len(text.lstrip()), start + len(text.rstrip())
        return None

    @cached_property
    def counterpart_texts(self) -> tuple[str, ...]:
        return tuple(turn.text for turn in self.dialogue.turns if turn.speaker == "counterpart" and turn.text)

    @cached_property
    def known_prices(self) -> tuple[KnownPrice, ...]:
        """Every price that the agent may speak of, with its trace."""
        return tuple(_known_prices(self))

    @cached_property
    def counterpart_numbers(self) -> frozenset[float]:
        return frozenset().union(*map(numbers_in, self.counterpart_texts))

    @cached_property
    def fact_numbers(self) -> frozenset[float]:
        return frozenset().union(*map(numbers_in, self.brief.facts))

    @cached_property
    def agent_texts(self) -> tuple[str, ...]:
        return tuple(turn.text for turn in self.dialogue.turns if turn.speaker == "agent" and turn.text)

    @cached_property
    def known_text(self) -> str:
        """All that the agent was given in words: brief, facts, the counterpart's turns; case-folded."""
        return "\n".join((*brief_texts(self.brief), *self.counterpart_texts)).casefold()

    @cached_property
    def quotes(self) -> tuple[Span, ...]:
        """Quoted stretches that repeat the counterpart's words; other quotation marks excuse nothing."""
        said = "\n".join(self.counterpart_texts).casefold()
        spans = (match.span() for match in _QUOTED.finditer(self.reply)) if said else ()
        return tuple(
            (start, end)
            for start, end in spans
            if self.reply[start + 1 : end - 1].strip(" .,!?").casefold() in said
        )

    def acts_of(self, turn: Turn) -> frozenset[str]:
        if turn.acts is not None:
            return frozenset(turn.acts)
        return self.hearing.hear(turn.speaker, turn.text) if turn.text is not None else frozenset()

    @cached_property
    def last_words(self) -> str:
        """The counterpart's last utterance, empty when it has not spoken."""
        return self.counterpart_texts[-1] if self.counterpart_texts else ""


def _known_prices(scene: Scene) -> Iterator[KnownPrice]:
    for state in scene.state.tickets:
        ticket = state.ticket
        yield KnownPrice(ticket.selling_price, PriceKind.SELLING, "the current selling price")
        if ticket.competitor_price:
            seen = ticket.competitor_price
            yield KnownPrice(seen.selling_price, PriceKind.SELLING, f"the selling price on {seen.source}")
        for amount, trace_text in ((state.agreed, "the agreed price"), (state.offer, "the offered price")):
            if amount is not None:
                yield KnownPrice(amount, PriceKind.SELLING, trace_text)
        for amount in state.proposals:
            yield KnownPrice(amount, PriceKind.SELLING, "the agent's own proposal", told=False)
    for texts, trace_text in (
        (tuple(map(str, scene.brief.details.values())), "a detail of the brief"),
        (scene.brief.facts, "a fact"),
        (scene.counterpart_texts, "the counterpart's words"),
    ):
        for text in texts:
            for mention in prices_in(text, scene.currency):
                if mention.relation in ("absolute", "range"):
                    yield KnownPrice(mention.amount, mention.kind, trace_text)


def details_of(ticket: Ticket) -> tuple[str, ...]:
    return tuple(str(value) for value in ticket.details.values())


def brief_texts(brief: Brief) -> tuple[str, ...]:
    """Every text of a brief: its details, facts, and what each ticket says beside its prices."""
    texts = [str(value) for value in brief.details.values()]
    texts += brief.facts
    for ticket in brief.tickets:
        texts += details_of(ticket)
        if ticket.competitor_price:
            texts.append(ticket.competitor_price.source)
    return tuple(texts)


@lru_cache(maxsize=8_192)
def prices_in(text: str, currency: str) -> tuple[PriceMention, ...]:
    return tuple(find_prices(text, currency))


@lru_cache(maxsize=8_192)
def dates_in(text: str) -> tuple[DateMention, ...]:
    return tuple(find_dates(text))


@lru_cache(maxsize=8_192)
def numbers_in(text: str) -> frozenset[float]:
    """Every number written in digits."""
    if text.isascii():
        return frozenset([number(digits) for digits in _ASCII_DIGITS.findall(text)])
    return frozenset(number(match.group()) for match in DIGITS.finditer(text))


def number(digits: str) -> float:
    plain = digits.replace(",", "")
    return float(plain if plain.count(".") <= 1 else plain.replace(".", ""))


@lru_cache(maxsize=8_192)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation."""
    plain = text.replace("\u2019", "'")
    if plain.isascii():  # the same words, in a tenth of the time
        return tuple([word.lower() for word in _ASCII_WORD.findall(plain)])
    return tuple(match.group().lower() for match in _WORD.finditer(plain))


def sentences_in(text: str) -> tuple[Span, ...]:
    """Spans that cover the text, each ending behind its sentence mark and the space after it."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return tuple(zip([0, *ends], ends, strict=False))


@lru_cache(maxsize=1024)
def compiled(patterns: tuple[str, ...], case: bool = False) -> "re2._Regexp | None":
    """One RE2 for all patterns, case-insensitive unless `case`, or None for none. Raises re2.error."""
    return compile_any(patterns, case)


def found(patterns: tuple[str, ...], text: str) -> Any:
    """The first match of any pattern, or None."""
    pattern = compiled(patterns)
    return pattern.search(text) if pattern else None


def plain_error(error: Exception) -> str:
    """What RE2 said, without the bytes it says it in."""
    what = error.args[0] if error.args else error
    return what.decode("utf-8", "replace") if isinstance(what, bytes) else str(what)
