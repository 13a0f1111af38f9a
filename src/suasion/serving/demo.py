"""A store to look at: simulated counterparts, two agents in an experiment, incidents, a panel with marks.

Everything in it is made up. What a rater "says" follows from the rules, with noise.
"""

import asyncio
import random
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from suasion.agents.intent import IntentAgent
from suasion.data.defects import DEFECTS, spoil
from suasion.data.examples import Example
from suasion.data.setting import Kit
from suasion.evaluation.experiment import Plan, manager_of, plan
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.serving.asked import Asked
from suasion.serving.assemble import Limits, Speaker, assemble
from suasion.serving.contracts import NewConversation, OperatorSays
from suasion.serving.demo_marks import mark_panel, put_before_raters
from suasion.serving.experiments import Experiment
from suasion.serving.service import Service
from suasion.serving.store import Store
from suasion.serving.trials import begin_experiment

PACK = "hotel"
ROUGH = "rough"
SLIPS = 0.15  # of its replies have a fault
DAYS = 21
AT_ONCE = 24  # conversations
ASKS_PERSON = 9  # every so many conversations somebody wants a person
OPEN_AT_END = 8
LATEST = timedelta(hours=1)

_now: ContextVar[datetime] = ContextVar("demo_now")


@dataclass(frozen=True, slots=True)
class Filled:
    conversations: int
    handed_over: int
    incidents: int
    marks: int


@dataclass(frozen=True, slots=True)
class RoughAgent:
    """The intent-driven agent with a known fault put into some of its replies: work for guard and raters."""

    pack: Pack
    seed: int

    def reply(self, dialogues: Sequence[Dialogue], seed: int = 0) -> list[str]:
        return [self._say(dialogue, seed) for dialogue in dialogues]

    def _say(self, dialogue: Dialogue, seed: int) -> str:
        planned = IntentAgent(self.pack, self.seed).plan(dialogue, seed)
        rng = random.Random(f"{self.seed}:{seed}:{len(dialogue.turns)}:{planned.text}")
        if rng.random() >= SLIPS:
            return planned.text
        example = Example(dialogue.with_reply(planned.text), planned.acts, planned.stage, planned.family)
        for name in rng.sample(sorted(DEFECTS), len(DEFECTS)):
            if spoiled := spoil(name, example, Kit(self.pack), rng):
                return spoiled.text
        return planned.text


def speakers(seed: int) -> list[Speaker]:
    pack = Pack.load(PACK)
    return [
        Speaker(IntentAgent(pack), pack, f"intent-{pack.version}", "intent"),
        Speaker(RoughAgent(pack, seed), pack, f"rough-{pack.version}", ROUGH),
    ]


def fill(store: Store, incidents: Path, conversations: int, contacts: int, seed: int) -> Filled:
    """Some weeks of traffic up to an hour ago; the incidents are files below `incidents`."""
    end = datetime.now(UTC) - LATEST
    begin = end - timedelta(days=DAYS)
    pack, now = Pack.load(PACK), begin - timedelta(minutes=1)
    context = assemble(speakers(seed), store, False, Limits(rate=0, seed=seed), _now.get)
    experiment = Experiment.model_validate(
        {
            "id": "rough-against-intent",
            "control": "intent",
            "arms": [{"agent": "intent", "share": 1}, {"agent": ROUGH, "share": 1}],
            "salt": f"demo {seed}",
            "settle_hours": 24,
            "segments": ["city"],
            # no arm stops by itself, so that somebody can try it
            "stop": {"days": 90, "harm": []},
        }
    )
    begin_experiment(store, experiment, pack.id, now)
    context.service.roster.refresh()
    planned = plan(pack, conversations, contacts, seed)
    moments = [begin + (end - begin) * (number / conversations) for number in range(conversations)]
    try:
        asyncio.run(_hold_all(context.service, planned, moments))
        filed = put_before_raters(context, incidents, end, seed)
        marks = mark_panel(context, filed.panel, end, seed) if filed.panel else 0
        waiting = len(store.ids({"status": "handed_over"}))
    finally:
        context.service.roster.close()
    return Filled(conversations, waiting, filed.incidents, marks)


async def _hold_all(service: Service, planned: Plan, moments: Sequence[datetime]) -> None:
    total = len(moments)
    for start in range(0, total, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, total))
        talks = (_hold(service, planned, n, moments[n], n >= total - OPEN_AT_END) for n in numbers)
        await asyncio.gather(*talks)


async def _hold(service: Service, planned: Plan, number: int, at: datetime, stays_open: bool) -> None:
    """One conversation, by a clock of its own."""
    rng = random.Random(f"{planned.seed}:demo:{number}")
    manager, asked = manager_of(planned, number, service.pack), Asked("demo")
    _now.set(at)
    brief, contact = planned.briefs[number], planned.hotels[number]
    begun = await service.begin(NewConversation(brief=brief, contact=contact), asked)
    body, one = begun.body, begun.body["conversation_id"]
    dialogue = Dialogue(id=one, brief=brief)
    for place in range(2 if stays_open else 40):
        if body["text"]:
            dialogue = dialogue.continued(Turn(speaker="agent", text=body["text"]))
        if body["status"] != "open":
            break
        heard = manager.reply(dialogue)
        if place == 1 and number % ASKS_PERSON == 4:
            heard = Turn(speaker="counterpart", text="Sorry, can I talk to a real person about this?")
        dialogue = dialogue.continued(heard)
        minutes = heard.silence_minutes or rng.uniform(1, 20)
        _now.set(min(_now.get() + timedelta(minutes=minutes), datetime.now(UTC)))
        body = (await service.hear(one, asked, heard.text, heard.silence_minutes)).body
    if body["status"] == "handed_over" and rng.random() < 0.3:
        _now.set(_now.get() + timedelta(minutes=30))
        words = "Hello, this is Lin's colleague. Thank you for your patience; shall we talk this afternoon?"
        await service.operate(one, OperatorSays(text=words), asked)
