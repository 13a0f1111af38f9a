"""A negotiation at the terminal: a person takes the agent's or the counterpart's side."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from suasion.counterpart.coefficients import load_ears
from suasion.counterpart.hidden_type import draw_type, limit_price
from suasion.counterpart.manager import Manager
from suasion.counterpart.simulate import MAX_REPLIES, Agent
from suasion.counterpart.voice import ENDPOINT, FALLBACK
from suasion.counterpart.wording import Speaker
from suasion.language.acts import load_hearing
from suasion.language.phrases import Phrasebook, brief_slots, load_phrases
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State, TicketState, advance, start

Side = Literal["agent", "counterpart"]
SILENCE_MINUTES = 60.0
LEAVE = "Return sends it, /quit leaves."
HELP: dict[Side, str] = {
    "agent": "You are the agent. Write what you say, beginning with a greeting and your name; "
    f"the brief below is yours alone, and each line tells the stage that you are in. {LEAVE}",
    "counterpart": "You are the one who is called. Answer the agent as you like; /silence says nothing for "
    f"an hour. {LEAVE}",
}


@dataclass(slots=True)
class _Table:
    """What lies between the two: the dialogue, where it stands, and how to write to the terminal."""

    pack: Pack
    dialogue: Dialogue
    state: State
    write: Callable[[str], object]

    def add(self, turn: Turn) -> None:
        self.dialogue = self.dialogue.continued(turn)
        self.state = advance(self.state, turn, self.pack.sop, load_hearing(self.pack))

    @property
    def over(self) -> bool:
        opted_out = "opt_out" in self.state.heard and self.dialogue.turns[-1].speaker == "agent"
        silent = self.state.silences > self.pack.sop.max_follow_ups
        return opted_out or silent or self.state.ended(self.pack.sop) or self.state.replies >= MAX_REPLIES


def play(
    pack: Pack,
    brief: Brief,
    agent: Agent | None,
    side: Side,
    seed: int,
    read: Callable[[str], str] = input,
    write: Callable[[str], object] = print,
    speaker: Speaker | None = None,
) -> Dialogue:
    """Negotiate with a simulated manager (`side` "agent") or with `agent` (`side` "counterpart").

    speaker: puts the manager's answers into words; the pack's phrases by default.
    Ends when the negotiation does, at `/quit`, or when the input ends. Returns the dialogue.
    Raises ValueError when no agent is given to play against.
    """
    if side == "counterpart" and agent is None:
        raise ValueError("to play the counterpart there must be an agent to talk to")
    table = _Table(
        pack, Dialogue(id=f"play-{seed}", brief=brief, source="play"), start(brief, pack.sop), write
    )
    write(HELP[side])
    if agent is not None and side == "counterpart":
        _play_counterpart(table, agent, seed, read)
    else:
        _play_agent(table, seed, read, speaker)
    return table.dialogue


def _play_agent(table: _Table, seed: int, read: Callable[[str], str], speaker: Speaker | None = None) -> None:
    pack, brief = table.pack, table.dialogue.brief
    ears = load_ears(pack)
    hidden = draw_type(brief.tickets, ears.coefficients, random.Random(f"{seed}:type"))
    manager = Manager(hidden, brief, ears, load_hearing(pack), f"{seed}:0", speaker)
    for line in _brief_lines(pack, brief):
        table.write(line)
    while not table.over:
        text = _typed(f"[{_standing(table.state, pack, private=True)}] you: ", read)
        if text is None:
            break
        if text == "/silence":
            table.write("The agent has to say something.")
            continue
        table.add(Turn(speaker="agent", text=text))
        if table.over:
            break
        answer = manager.reply(table.dialogue)
        table.add(answer)
        table.write(_shown(answer, "counterpart"))
    book = load_phrases(pack)
    table.write("The hidden type:")
    if not brief.tickets:
        ready, least = manager.mind.stance.give, hidden.threshold
        told = f"said yes from a readiness of {least:.2f}" if least <= 1 else "would not have said yes"
        table.write(f"  {told}, reached {ready:.2f}")
    for ticket in brief.tickets:
        least = limit_price(ticket, hidden)
        if least < ticket.selling_price:
            price = book.money(round(least, 2), ticket.currency)
            table.write(f"  {ticket.id}: would have gone down to a selling price of {price}")
        else:
            table.write(f"  {ticket.id}: would not have lowered the price")
    table.write(
        f"  patience {hidden.patience} replies, mood {hidden.mood:.2f}, now {manager.mind.mood:.2f}, "
        f"{'decides alone' if hidden.decides_alone else 'has to ask the owner'}, "
        f"chance of never answering {hidden.no_reply:.0%}"
    )
    kinds = Counter(one.kind for one in manager.mind.deviations)
    fallen, failed = kinds.pop(FALLBACK, 0), kinds.pop(ENDPOINT, 0)
    if kinds or fallen:
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "nothing"
        table.write(
            f"  what the model wrote and was not used: {told}; {fallen} messages are the phrases', "
            f"the endpoint failed {failed} times"
        )


def _play_counterpart(table: _Table, agent: Agent, seed: int, read: Callable[[str], str]) -> None:
    while not table.over:
        reply = agent.reply([table.dialogue], seed)[0]
        table.add(reply if isinstance(reply, Turn) else Turn(speaker="agent", text=reply))
        table.write(_shown(table.dialogue.turns[-1], "agent"))
        if table.over:
            break
        text = _typed(f"[{_standing(table.state, table.pack, private=False)}] you: ", read)
        if text is None:
            break
        if text == "/silence":
            table.add(Turn(speaker="counterpart", silence_minutes=SILENCE_MINUTES))
        else:
            table.add(Turn(speaker="counterpart", text=text))


def _typed(prompt: str, read: Callable[[str], str]) -> str | None:
    """What was typed, or None when the person leaves; empty lines are asked for again."""
    while True:
        try:
            text = read(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            return None
        if text == "/quit":
            return None
        if text:
            return text


def _shown(turn: Turn, name: str) -> str:
    return (
        f"{name}: {turn.text}"
        if turn.text is not None
        else f"({name}: no reply for {turn.silence_minutes:g} minutes)"
    )


def _standing(state: State, pack: Pack, *, private: bool) -> str:
    """Stage and prices in one line; the target only for the one who may know it."""
    book = load_phrases(pack)
    parts = [state.stage if state.side is None else f"{state.stage}/{state.side}"]
    parts += [_price_line(book, ticket, private=private) for ticket in state.tickets]
    return " · ".join(parts)


def _price_line(book: Phrasebook, state: TicketState, *, private: bool) -> str:
    ticket = state.ticket
    words = [f"{ticket.id}: now {book.money(ticket.selling_price, ticket.currency)}"]
    if private:
        words.append(f"target {book.money(ticket.target_selling_price, ticket.currency)}")
    if state.offer is not None:
        words.append(f"offered {book.money(round(state.offer, 2), ticket.currency)}")
    if state.agreed is not None:
        words.append(f"agreed {book.money(round(state.agreed, 2), ticket.currency)}")
    return ", ".join(words)


def _brief_lines(pack: Pack, brief: Brief) -> list[str]:
    """What the agent knows."""
    book, prompt = load_phrases(pack), pack.manifest.prompt
    lines = []
    for ticket in brief.tickets:
        slots = brief_slots(book, brief, ticket)
        competitor = prompt.competitor.format_map(slots) if ticket.competitor_price else ""
        lines.append(prompt.ticket.format_map({**slots, "competitor": competitor}))
    details = ", ".join(f"{key}: {value}" for key, value in brief.details.items())
    return [details, *lines, *brief.facts]
