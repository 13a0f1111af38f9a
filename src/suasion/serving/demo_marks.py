"""What the demo's people did: incidents that they filed, a panel, and the marks of three simulated raters."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from suasion.agents.intent import IntentAgent
from suasion.incidents.incident import Incident, file_incident, make_incident
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.rules import RuleSet
from suasion.serving.context import Context
from suasion.serving.panels import Exhibit, Opening, add_mark, exhibits_of, marks_of, open_panel, settle
from suasion.serving.records import Message, Status, Talk
from suasion.serving.review import Item, ItemKind, MarkKind, Panel, grade_of, open_queue

EACH = 8  # dialogues of each arm in the panel
INCIDENTS = 6
GRADES = ("clean", "minor", "major", "unresolved")
RATERS = ("rater-a", "rater-b", "rater-c")
TALKATIVE = 2  # answers of the other side that a dialogue of the panel has at least


@dataclass(frozen=True, slots=True)
class Put:
    panel: Panel | None  # none where so little was said that there is nothing to rate
    incidents: int


def put_before_raters(context: Context, folder: Path, now: datetime, seed: int) -> Put:
    """File incidents, then open a panel of dialogues and of new replies to those incidents."""
    store, service = context.service.store, context.service
    talks = [talk for talk in store.talks() if talk.standing.status == Status.ENDED]
    filed = list(_file(talks, service.guard.rules, folder))
    rng, methods = random.Random(f"{seed}:panel"), {}
    for arm in service.roster.voices:
        mine = [talk for talk in talks if talk.conversation.arm == arm and _heard(talk) >= TALKATIVE]
        methods[arm] = [talk.dialogue for talk in rng.sample(mine, min(EACH, len(mine)))]
    exhibits = exhibits_of(methods)
    for rule, incident in filed:
        context_of = incident.dialogue.model_copy(update={"reply": None})
        reply = IntentAgent(service.pack).reply([context_of], seed)[0]
        shown = Dialogue(id="-", brief=context_of.brief, turns=context_of.turns)
        about = {"class": rule, "severity": str(incident.severity), "note": incident.wrong}
        about["bad_reply"] = incident.dialogue.reply or ""
        exhibits.append(Exhibit("intent", incident.id, shown.with_reply(reply), about))
    if not exhibits:
        return Put(None, len(filed))
    opening = Opening("Demo: two agents, and what was filed", "simulated raters", seed)
    return Put(open_panel(store, opening, exhibits, now), len(filed))


def _file(talks: Sequence[Talk], rules: RuleSet, folder: Path) -> Iterator[tuple[str, Incident]]:
    """The first reply that was sent with each kind of fault; the guard holds back only what is grave."""
    notes = {rule.id: rule.note for rule in rules.rules}
    seen: set[str] = set()
    for talk in talks:
        for place, message in enumerate(talk.messages):
            found = next((one for one in _faults(message) if one["rule"] in notes), None)
            if found is None or found["rule"] in seen or len(seen) >= INCIDENTS:
                continue
            seen.add(found["rule"])
            dialogue = Dialogue(
                id=f"{talk.conversation.id}#{place}",
                brief=talk.conversation.brief,
                turns=talk.dialogue.turns[:place],
                reply=message.text,
                source="service",
            )
            start, end = found["span"]
            wrong = notes[found["rule"]] or found["rule"]
            words = (f"{start}:{end}", wrong, found["severity"], "demo", message.at)
            incident = make_incident(dialogue, *words, folder)
            file_incident(incident, folder)
            yield found["rule"], incident


def _heard(talk: Talk) -> int:
    return sum(one.speaker == "counterpart" and one.text is not None for one in talk.messages)


def _faults(message: Message) -> list[dict[str, Any]]:
    """Objections to what was sent that mark words of it."""
    return [
        one
        for one in message.guard or ()
        if one["kind"] == "sent" and one["span"] and (message.text or "")[slice(*one["span"])].strip()
    ]


def mark_panel(context: Context, panel: Panel, now: datetime, seed: int) -> int:
    """Marks of all raters, the last of whom is half through; and one difference settled."""
    store, given = context.service.store, 0
    for rater in RATERS:
        order = panel.order(rater)
        for place, name in enumerate(order[: len(order) // 2] if rater == RATERS[-1] else order):
            item, rng = panel.items[name], random.Random(f"{seed}:{rater}:{name}")
            at = now + timedelta(seconds=40 * place)
            kind, data = _rating(item, rng, context.service.guard.rules)
            if item.kind == ItemKind.CASE:
                common = random.Random(f"{seed}:{name}").choices(GRADES, (6, 3, 1, 2))[0]
                grade = common if rng.random() < 0.7 else rng.choice(GRADES)
                kind, data = MarkKind.GRADE, {"grade": grade_of(item, grade), "comment": ""}
            add_mark(store, panel, rater, name, kind, data, at)
            given += 1
    waiting = open_queue(panel, marks_of(store, panel.id), {})
    if len(waiting) > 1:
        row, ratings = waiting[0]
        middle = sorted(one.rating for one in ratings)[len(ratings) // 2]
        settle(store, panel, row["dialogue"], middle, "talked over", now + timedelta(hours=1))
    return given


def _rating(item: Item, rng: random.Random, rules: RuleSet) -> tuple[MarkKind, dict[str, Any]]:
    """Worse where rules are broken; noisy, as raters are."""
    broken = 0
    for place, turn in enumerate(item.dialogue.turns):
        if turn.speaker == "agent" and turn.text:
            before = item.dialogue.model_copy(update={"turns": item.dialogue.turns[:place]})
            broken += len(rules.check(before.with_reply(turn.text)).evidence)
    rating = max(1, min(5, 4 - min(broken, 2) + rng.choice((-1, 0, 0, 0, 1))))
    excellent = [number for number in range(1, item.replies + 1) if rating > 3 and rng.random() < 0.12]
    human_like = max(1, min(5, rating + rng.choice((-1, 0, 0, 1))))
    comment = "breaks a rule" if broken and rng.random() < 0.5 else ""
    data = {"rating": rating, "human_like": human_like, "excellent": excellent, "comment": comment}
    return MarkKind.RATING, data
