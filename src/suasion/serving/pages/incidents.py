"""Filing what went wrong in a reply, and the incidents that there are."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from suasion.errors import InputError
from suasion.evaluation.transcript import TurnEvidence, describe_brief
from suasion.incidents.incident import (
    Incident,
    choose_reply,
    file_incident,
    load_incident,
    make_incident,
)
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Severity
from suasion.serving.access import OPERATORS
from suasion.serving.asked import RefusedError
from suasion.serving.pages.negotiate import load_own
from suasion.serving.pages.turns import marked
from suasion.serving.pages.visit import Agents, Operators, Visit
from suasion.serving.pages.workshop import rules_of

routes = APIRouter()
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,120}$")]


@routes.post("/incidents")
async def file(visit: Agents) -> Response:
    """A reply of a conversation or a play, with the words that are wrong: all of it where none are named."""
    form = visit.form
    wrong = form.get("wrong")[:300] or form.text("reason", 300)
    if not form.get("number").isdecimal():
        raise RefusedError(422, "says no reply", "number")
    of, number = form.text("of", 60), int(form.get("number")[:6])
    dialogue = choose_reply([await _dialogue(visit, of)], of, turn=number)
    span = form.get("span")[:4000] or f"0:{len(dialogue.reply or '')}"
    severity = form.get("severity", Severity.HIGH)
    async with visit.here.service.locks.hold("incident's id"):  # it is free until its file is there
        made = await asyncio.to_thread(_file, visit, dialogue, span, wrong, severity)
    await visit.note("incident filed", None if of.startswith("p-") else of, made.id)
    if visit.may(OPERATORS):
        return visit.go(f"/incidents/{made.id}", "filed")
    return visit.go(f"/negotiate/{of}", "filed")


@routes.get("/incidents")
async def list_all(visit: Operators) -> Response:
    """All incidents, the newest first; a file that can't be read is told, and hides no other."""
    found, broken = await asyncio.to_thread(_all, visit.workshop.incidents)
    return visit.page("incidents.html.j2", found=found, broken=broken)


@routes.get("/incidents/{name}")
async def one(visit: Operators, name: Name) -> Response:
    """The reply with the words marked, what came before, and what may be drafted from it."""
    incident = await asyncio.to_thread(load_incident_of, visit, name)
    of, _, turn = incident.dialogue.id.rpartition("#")
    where = {"c-": "conversations", "p-": "negotiate"}.get(of[:2])
    hit = TurnEvidence(name=incident.wrong, points=-1, severity=incident.severity, span=incident.span)
    return visit.page(
        "incident.html.j2",
        incident=incident,
        segments=marked(incident.dialogue.reply or "", (hit,)),
        in_short=describe_brief(incident.dialogue.brief),
        origin=f"/pages/{where}/{of}#turn-{turn}" if where else None,
        rules=sorted(rule.id for rule in rules_of(visit.here).rules),
    )


def load_incident_of(visit: Visit, name: str) -> Incident:
    """By its id alone, never by a path. Raises RefusedError (404)."""
    if not (visit.workshop.incidents / f"{name}.json").is_file():
        raise RefusedError(404, "there is no such incident")
    return load_incident(name, visit.workshop.incidents)


async def _dialogue(visit: Visit, of: str) -> Dialogue:
    if of.startswith("p-"):
        return (await load_own(visit, of)).dialogue
    if not visit.may(OPERATORS):
        raise RefusedError(404, "there is no such conversation")
    return (await visit.here.service.load(of)).dialogue


def _file(visit: Visit, dialogue: Dialogue, span: str, wrong: str, severity: str) -> Incident:
    store, now = visit.workshop.incidents, datetime.now(UTC).isoformat(timespec="seconds")
    made = make_incident(dialogue, span, wrong, severity, visit.who, now, store)
    file_incident(made, store)
    return made


def _all(store: FilePath) -> tuple[list[Incident], list[InputError]]:
    found, broken = [], []
    for path in store.glob("*.json"):
        try:
            found.append(load_incident(str(path), store))
        except InputError as error:
            broken.append(error)
    return sorted(found, key=lambda one: (one.when, one.id), reverse=True), broken
