"""What the policy reads: the pack's system prompt for the brief, then the turns as chat messages.

Where the pack says so, the other side's messages end with a note: the stage of the SOP in which the reply is
spoken, what it needs to have at hand, and which price stands there, by the tracker's reading of the dialogue.
Notes stand in square brackets, and nobody's words in a prompt have any: what the other side writes can't pass
for a note.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from suasion.language.acts import load_hearing
from suasion.language.phrases import Phrasebook, brief_slots, load_phrases
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Notes, Pack
from suasion.negotiation.tracker import State, advance, start

Message = dict[str, str]
ROLES = {"agent": "assistant", "counterpart": "user"}
ENCLOSING = {"Ps": "(", "Pe": ")"}  # opening and closing marks, by Unicode's category
QUOTES = "\u201a\u201e\u301d\u301e\u301f"  # which are of those categories, too


class _Blank(dict[str, str]):
    """Slots that a brief leaves open are left out of the prompt."""

    def __missing__(self, key: str) -> str:
        return ""


def system_prompt(brief: Brief, pack: Pack) -> str:
    """The brief, private target included, as the pack words it."""
    prompt, book = pack.manifest.prompt, load_phrases(pack)
    tickets = "\n".join(_ticket_line(brief, index, pack, book) for index in range(len(brief.tickets)))
    slots = _slots(book, brief, None)
    told = as_words(" ".join(" ".join(brief.facts).split()))
    facts = prompt.facts.format_map(_Blank(facts=told)) if told else ""
    text = prompt.system.format_map(_Blank({**slots, "tickets": tickets, "facts": facts}))
    return "\n".join(line for line in text.splitlines() if line.strip())


def _slots(book: Phrasebook, brief: Brief, ticket: Ticket | None) -> _Blank:
    """What brief and ticket say, each on one line and as words: an item's name is no note either."""
    slots = brief_slots(book, brief, ticket)
    return _Blank({name: as_words(" ".join(value.split())) for name, value in slots.items()})


def _ticket_line(brief: Brief, index: int, pack: Pack, book: Phrasebook) -> str:
    prompt = pack.manifest.prompt
    slots = _slots(book, brief, brief.tickets[index])
    slots["competitor"] = prompt.competitor.format_map(slots) if "competitor_price" in slots else ""
    return prompt.ticket.format_map(slots)


def messages(dialogue: Dialogue, pack: Pack, special: Iterable[str] = ()) -> list[Message]:
    """System prompt and all turns; consecutive turns of one speaker are one message.

    Without the `special` tokens of a tokenizer, so that no text opens or ends a message of its own.
    """
    return [
        message | {"content": without_tokens(message["content"], special)}
        for message in _messages(dialogue, pack)
    ]


def _messages(dialogue: Dialogue, pack: Pack) -> list[Message]:
    prompt = pack.manifest.prompt
    state = start(dialogue.brief, pack.sop)
    found: list[Message] = [{"role": "system", "content": system_prompt(dialogue.brief, pack)}]
    if not dialogue.turns or dialogue.turns[0].speaker == "agent":
        found.append({"role": "user", "content": prompt.opening})  # templates want the other side first
    for turn in dialogue.turns:
        if turn.text is None:
            text = prompt.silence.format(minutes=turn.silence_minutes)
        else:
            text = as_words(turn.text)
        role = ROLES[turn.speaker]
        if found[-1]["role"] == role:
            found[-1]["content"] += "\n" + text
        else:
            _add_note(found[-1], state, dialogue.brief, pack)
            found.append({"role": role, "content": text})
        if prompt.stage:  # acts that a record comes with are no part of the dialogue
            state = advance(state, turn.model_copy(update={"acts": None}), pack.sop, load_hearing(pack))
    _add_note(found[-1], state, dialogue.brief, pack)
    return found


def as_words(text: str) -> str:
    """What somebody wrote, without what could enclose a note: brackets of every kind become round ones."""
    return "".join(
        char if char in QUOTES else ENCLOSING.get(unicodedata.category(char), char) for char in text
    )


def without_tokens(text: str, special: Iterable[str]) -> str:
    """The text without a tokenizer's special tokens, a space for each."""
    for token in special:
        text = text.replace(token, " ")
    return text


def _add_note(message: Message, state: State, brief: Brief, pack: Pack) -> None:
    """Where the reply to this message stands, by the tracker's reading of all that was said so far."""
    note = pack.manifest.prompt.stage
    if note and message["role"] == "user":
        stage = pack.sop.step_of(state).id
        message["content"] += "\n" + note.format(stage=stage, notes=_notes(state, stage, brief, pack))


def _notes(state: State, stage: str, brief: Brief, pack: Pack) -> str:
    """Which ticket is spoken of, what the stage needs of it, and the price that stands for it."""
    current, notes = state.ticket, pack.manifest.prompt.notes
    if current is None or notes == Notes():
        return ""
    book = load_phrases(pack)
    slots = _slots(book, brief, current.ticket)
    found = notes.several if len(state.tickets) > 1 else ""
    settled = current.done or current.agreed is not None
    if state.side is None or not settled:  # a side state opens anywhere: nothing is asked for any more
        found += notes.stages.get(stage, "")
    price, note = current.agreed, notes.agreed
    if price is None:
        price, note = current.offer, notes.offered
    if price is not None and state.side is None and not current.done:
        found += note
        slots["offer"] = slots["agreed"] = book.money(round(price, 2), current.ticket.currency)
    return found.format_map(slots)


def drop_oldest(found: Sequence[Message]) -> list[Message]:
    """The same without the oldest exchange; the system prompt stays."""
    return [found[0], *found[3:]] if len(found) > 3 else list(found)


def shortened(found: Sequence[Message], length: Callable[[list[Message]], int], limit: int) -> list[Message]:
    """Without the oldest exchanges beyond `limit`, by a `length` in tokens; the last message always stays."""
    kept = list(found)
    while len(kept) > 3 and length(kept) > limit:
        kept = drop_oldest(kept)
    return kept
