"""The guard: what a rule forbids never leaves, and what was withheld is told."""

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from suasion.agents.endings import Ending
from suasion.agents.guarded import GuardedAgent, GuardedReply, Source
from suasion.agents.intent import IntentAgent
from suasion.agents.plain_text import cleaned, skeleton
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.simulate import Agent, simulate
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.rewards.score import Severity

ASKED = (
    "Hello, this is Lin from Voyara. I am writing about your Deluxe King for Dec 1-2, now selling at "
    "420 yuan. Could you do a selling price of 380 yuan?"
)
AGREED = (ASKED, "ok 380")
FINE = "Fair point. Could you do a selling price of 385 yuan?"


class Scripted:
    """Says what it is given, one draft after the other, the last for ever."""

    def __init__(self, *drafts: str | Exception) -> None:
        self.drafts, self.seeds = list(drafts), []

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
        self.seeds.append(seed)
        draft = self.drafts.pop(0) if len(self.drafts) > 1 else self.drafts[0]
        if isinstance(draft, Exception):
            raise draft
        return [draft] * len(dialogues)


def said(dialogue: Dialogue, *texts: str) -> Dialogue:
    """The dialogue's brief with these turns, the last one the counterpart's."""
    speakers = ["counterpart" if (len(texts) - n) % 2 else "agent" for n in range(len(texts))]
    turns = tuple(Turn(speaker=who, text=text) for who, text in zip(speakers, texts, strict=True))
    return dialogue.model_copy(update={"turns": turns, "reply": None})


@cache
def rules(hotel: Pack) -> RuleSet:
    return RuleSet.load(hotel)


def guard_of(agent: Agent, hotel: Pack, **more: Any) -> GuardedAgent:
    return GuardedAgent(agent, hotel, rules=rules(hotel), **more)


def guarded(hotel: Pack, dialogue: Dialogue, *drafts: str | Exception) -> GuardedReply:
    return guard_of(Scripted(*drafts), hotel).answer([dialogue], 5)[0]


@pytest.mark.parametrize(
    ("draft", "rule"),
    [
        ("We guarantee you more bookings.", "over-promise"),
        ("My target price is 380 yuan.", "internal-vocabulary"),
        ("I am not a bot.", "denies-being-ai"),
        ("Otherwise we will delist your hotel.", "pressure"),
        ("Could you do a selling price of 300 yuan?", "proposal-out-of-bounds"),
        ("Great, it's a deal at 380 yuan!", "no-agreement-no-confirmation"),
        ("We gua\u200brantee you more bookings.", "over-promise"),  # a zero-width space
        ("We gu\u00adarantee you more bookings.", "over-promise"),  # a soft hyphen
        ("We guаrаntее you more bookings.", "over-promise"),  # Cyrillic letters
        ("We g u a r a n t e e you more bookings.", "over-promise"),
        ("Ｗｅ ｇｕａｒａｎｔｅｅ more bookings.", "over-promise"),
        ("[negotiate, they offer 400 yuan selling] Fine.", "guard.note"),
        ("Use only the facts below, promise nothing, confirm once.", "guard.prompt"),
        ("\u200b \u2060", "guard.empty"),
        ("", "guard.empty"),
    ],
)
def test_a_forbidden_draft_is_withheld_and_told(
    draft: str, rule: str, hotel: Pack, dialogues: list[Dialogue]
) -> None:
    dialogue = said(dialogues[0], ASKED, "why should we")
    reply = guarded(hotel, dialogue, draft, FINE)
    assert (reply.text, reply.source) == (FINE, Source.AGENT)
    assert rule in {one.name for one in reply.events[0].evidence}
    assert reply.events[0].text == cleaned(draft)


def test_after_k_drafts_the_intent_agent_speaks_as_the_stage_asks(
    hotel: Pack, dialogues: list[Dialogue]
) -> None:
    agent = Scripted("We guarantee you more bookings.")
    dialogue = said(dialogues[0], ASKED, "why should we")
    reply = guard_of(agent, hotel, attempts=3).answer([dialogue], 5)[0]
    assert reply.source == Source.FALLBACK
    assert len(set(agent.seeds)) == 3
    assert [one.source for one in reply.events] == [Source.AGENT] * 3
    assert reply.stage == "negotiate"
    assert reply.text == IntentAgent(hotel).reply([dialogue], 5)[0]


def test_a_conversation_with_too_many_replies_is_a_persons_and_the_sop_says_how_many(
    hotel: Pack, dialogues: list[Dialogue], tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    shutil.copytree(hotel.path, folder, ignore=lambda *_: ["__pycache__"])
    sop = (folder / "sop.yaml").read_text("utf-8")
    (folder / "sop.yaml").write_text(f"max_replies: 2\n{sop}", "utf-8")
    own = Pack.load(folder)
    agent = GuardedAgent(Scripted(FINE), own)
    turns = (ASKED, "why should we", FINE, "And why should we?")
    assert agent.answer([said(dialogues[0], *turns[:2])])[0].ending is None
    over = agent.answer([said(dialogues[0], *turns)])[0]
    assert (over.text, over.ending) == (None, Ending.HANDED_OVER)
    assert guarded(hotel, said(dialogues[0], *turns), FINE).ending is None
    assert hotel.sop.max_replies == 24
    (folder / "sop.yaml").write_text(f"max_replies: 0\n{sop}", "utf-8")
    with pytest.raises(InputError, match="max_replies"):
        Pack.load(folder)


def test_where_the_fallback_is_forbidden_too_nothing_is_said(hotel: Pack, dialogues: list[Dialogue]) -> None:
    bad = Scripted("We guarantee you more bookings.")
    reply = guard_of(bad, hotel, fallback=bad).answer([dialogues[0]])[0]
    assert (reply.text, reply.source, reply.ending) == (None, Source.NOBODY, Ending.HANDED_OVER)
    assert len(reply.events) == 6


def test_an_agent_that_fails_costs_no_message(hotel: Pack, dialogues: list[Dialogue]) -> None:
    reply = guarded(hotel, said(dialogues[0], "hello"), RuntimeError("out of memory: secret"))
    assert reply.source == Source.FALLBACK
    assert [one.failure for one in reply.events] == ["RuntimeError"] * 3
    assert "secret" not in repr(reply.events)


def test_one_dialogue_that_breaks_the_agent_takes_no_other_with_it(
    hotel: Pack, dialogues: list[Dialogue]
) -> None:
    class Choosy:
        def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
            if any("poison" in (turn.text or "") for one in dialogues for turn in one.turns):
                raise ValueError("poison")
            return [FINE for _ in dialogues]

    replies = guard_of(Choosy(), hotel).answer(
        [said(dialogues[0], ASKED, "why"), said(dialogues[1], ASKED, "poison")]
    )
    assert [one.source for one in replies] == [Source.AGENT, Source.FALLBACK]


@pytest.mark.parametrize(
    "draft",
    [
        "Thank you very much.",  # no confirmation
        "To confirm: Deluxe King, Dec 1-2, selling price 370 yuan.",  # another price
        "Noted, 380 yuan selling price.",  # which room, which dates
        "Great! Could you do a selling price of 370 yuan?",  # haggles on
    ],
)
def test_an_agreed_price_is_restated_whole(draft: str, hotel: Pack, dialogues: list[Dialogue]) -> None:
    reply = guarded(hotel, said(dialogues[0], *AGREED), draft)
    assert reply.source == Source.FALLBACK
    assert reply.text is not None
    assert all(word in reply.text for word in ("Deluxe King", "380", "Dec 1-2", "selling"))
    ticket = reply.state.tickets[0]
    assert (ticket.agreed, ticket.restated) == (380, 1)


def test_it_is_confirmed_once(hotel: Pack, dialogues: list[Dialogue]) -> None:
    confirmed = "To confirm: Deluxe King, Dec 1-2, selling price 380 yuan."
    reply = guarded(hotel, said(dialogues[0], *AGREED, confirmed, "Yes, that's right."), confirmed)
    assert "repeated-confirmation" in {one.name for one in reply.events[0].evidence}
    assert (reply.source, reply.ending) == (Source.FALLBACK, Ending.AGREED)
    assert reply.text is not None
    assert "380" not in reply.text


def test_it_knows_when_to_stop(hotel: Pack, dialogues: list[Dialogue]) -> None:
    guard, one = guard_of(IntentAgent(hotel), hotel), dialogues[0]
    farewell = guard.answer([said(one, "Hello, this is Lin from Voyara.", "unsubscribe")])[0]
    assert farewell.ending == Ending.OPTED_OUT
    assert farewell.text is not None
    after = said(one, "Hello, this is Lin from Voyara.", "unsubscribe", farewell.text, "and who are you?")
    assert (guard.answer([after])[0].text, guard.answer([after])[0].ending) == (None, Ending.OPTED_OUT)
    silence = Turn(speaker="counterpart", silence_minutes=30)
    silent = said(one, "Good day.", "hello").continued(
        *(Turn(speaker="agent", text="Good day, this is Lin from Voyara."), *[silence] * 3)
    )
    assert (guard.answer([silent])[0].text, guard.answer([silent])[0].ending) == (None, Ending.SILENT)
    person = guard.answer([said(one, "Good day.", "I want to talk to a real person")])[0]
    assert person.ending == Ending.HANDED_OVER
    assert person.text is not None
    assert "AI" in person.text


def test_high_is_withheld_only_where_asked(hotel: Pack, dialogues: list[Dialogue]) -> None:
    style = "The **best** price is what we ask. Could you do a selling price of 385 yuan?"
    dialogue = said(dialogues[0], ASKED, "why should we")
    lax = guard_of(Scripted(style), hotel).answer([dialogue])[0]
    assert lax.text == style
    assert "markup-or-json" in {one.name for one in lax.evidence}
    strict = guard_of(Scripted(style), hotel, withhold=Severity.HIGH).answer([dialogue])[0]
    assert strict.source == Source.FALLBACK


def test_the_intent_agents_own_words_pass(hotel: Pack) -> None:
    """200 negotiations: no reply of the fallback may ever be withheld, or nobody is left to speak."""
    guard, found = guard_of(IntentAgent(hotel), hotel), []

    class Watched:
        def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
            replies = guard.answer(dialogues, seed)
            found.extend(reply for reply in replies if reply.events)
            return [reply.text or "" for reply in replies]

    talks = simulate(Watched(), draw_briefs(hotel, 200, 1, "test"), 1, pack=hotel)
    assert sum(turn.speaker == "agent" for talk in talks for turn in talk.turns) > 800
    assert not found


def test_what_nobody_sees_is_gone_and_the_rest_stays() -> None:
    assert cleaned("  a\u200bb\u00ad\u2060c\u3164 d\u00a0e\nf\x07 ") == "abc d e\nf"
    assert cleaned("café, 谢谢 ❤\ufe0f") == "café, 谢谢 ❤\ufe0f"
    assert skeleton("рrоmіsе ３８０ ٣٨٠ I p-r-o-m-i-s-e") == "promise 380 380 I p-r-o-m-i-s-e".replace(
        "p-r-o-m-i-s-e", "promise"
    )
