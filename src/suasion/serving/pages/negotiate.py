"""The page on which a person plays the other side against the served agent."""

import asyncio
import json
import random
import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ValidationError
from starlette.responses import Response

from suasion.agents.guarded import GuardedReply
from suasion.counterpart.briefs import draw_briefs
from suasion.errors import InputError
from suasion.evaluation.transcript import describe_brief, turn_evidence
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Source
from suasion.serving.access import OPERATORS
from suasion.serving.asked import RefusedError
from suasion.serving.body import fault_of
from suasion.serving.contracts import MAX_TEXT, NewConversation
from suasion.serving.pages.plays import Play, PlayTurn, add_play, add_turns, load_play, recent_plays
from suasion.serving.pages.turns import ReplyScore, Shown, drafts_of, marked
from suasion.serving.pages.visit import Agents, Visit
from suasion.serving.pages.workshop import rules_of
from suasion.serving.records import stamp
from suasion.serving.standing import recorded
from suasion.yaml_files import describe

routes = APIRouter()
MAX_BRIEF = 20_000  # characters
PlayId = Annotated[str, Path(pattern=r"^p-[0-9a-f]{32}$")]


@routes.get("/negotiate")
async def choose(visit: Agents, draw: Annotated[int | None, Query(ge=0, lt=10**9)] = None) -> Response:
    """What to negotiate about: a brief drawn from the pack's world, or one of one's own."""
    seed = random.randrange(10**6) if draw is None else draw
    store, key_id = visit.here.service.store, visit.key_id
    brief = await asyncio.to_thread(_draw, visit, seed)
    written = json.dumps(brief.model_dump(mode="json", exclude_none=True), indent=1, ensure_ascii=False)
    recent = await asyncio.to_thread(recent_plays, store, key_id)
    return visit.page(
        "negotiate.html.j2",
        brief=brief,
        written=written if brief != Brief() else "",
        in_short=describe_brief(brief),
        another=seed + 1,
        recent=[(play, at, describe_brief(about)) for play, at, about in recent],
    )


@routes.post("/negotiate")
async def begin(visit: Agents) -> Response:
    """The agent's opening."""
    brief = _read_brief(visit.form.text("brief", MAX_BRIEF))
    visit.here.service.check_brief(NewConversation(brief=brief, contact="a person who plays"))
    at = stamp(visit.here.service.clock())
    play = Play(f"p-{uuid.uuid4().hex}", at, visit.key_id, brief)
    opening = await _answer(visit, play.dialogue)
    play = Play(play.id, at, play.key_id, brief, () if opening is None else (opening,))
    await asyncio.to_thread(add_play, visit.here.service.store, play)
    return visit.go(f"/negotiate/{play.id}")


@routes.get("/negotiate/{play_id}")
async def watch(visit: Agents, play_id: PlayId) -> Response:
    """What was said, each of the agent's replies with its scores."""
    return _show(visit, await load_own(visit, play_id))


@routes.post("/negotiate/{play_id}")
async def say(visit: Agents, play_id: PlayId) -> Response:
    """The person's words or silence, and the agent's answer; a form that was sent already changes nothing."""
    silent = visit.form.get("then") == "silence"
    text = None if silent else visit.form.text("text", MAX_TEXT)
    service = visit.here.service
    async with service.locks.hold(play_id):
        play = await load_own(visit, play_id)
        if visit.form.get("turns") == str(len(play.turns)):
            minutes = service.pack.sop.follow_up_minutes if silent else None
            said = PlayTurn(len(play.turns), stamp(service.clock()), "counterpart", text, minutes)
            answer = await _answer(visit, play.dialogue.continued(said.turn()), said)
            turns = [said, answer] if answer and answer.speaker == "agent" else [answer or said]
            await asyncio.to_thread(add_turns, service.store, play.id, turns)
    return visit.go(f"/negotiate/{play_id}#text")


async def load_own(visit: Visit, play_id: str) -> Play:
    """A play of the visitor's, or anybody's for operators. Raises RefusedError (404)."""
    play = await asyncio.to_thread(load_play, visit.here.service.store, play_id)
    if play is None or (play.key_id != visit.key_id and not visit.may(OPERATORS)):
        raise RefusedError(404, "there is no such negotiation")
    return play


async def _answer(visit: Visit, dialogue: Dialogue, said: PlayTurn | None = None) -> PlayTurn | None:
    """The agent's turn with what there is to say of it; where it says nothing, that is said of `said`."""
    guarded, ms = await visit.here.service.complete(dialogue)
    score = None
    if guarded.text:
        # waited for here: threads that waited would be missing to the conversations
        async with visit.here.service.locks.hold("play's score"):
            score = await asyncio.to_thread(_score, visit, dialogue, guarded)
    identity = visit.here.service.identity
    reply = {
        "source": guarded.source.value,
        "stage": guarded.stage,
        "run": identity.run,
        "arm": identity.arm,
        "suite_version": identity.suite_version,
        "latency_ms": ms,
        "guard": recorded(guarded),
        "ending": guarded.ending.value if guarded.ending else None,
        "score": score.model_dump(mode="json") if score else None,
    }
    at = stamp(visit.here.service.clock())
    if guarded.text is not None:
        return PlayTurn(len(dialogue.turns), at, "agent", guarded.text, reply=reply)
    if said is None:
        return None
    return PlayTurn(said.number, said.at, said.speaker, said.text, said.silence_minutes, reply)


def _score(visit: Visit, dialogue: Dialogue, guarded: GuardedReply) -> ReplyScore:
    """By the run's reward model and judge where it has them, else by rules alone."""
    answered = dialogue.with_reply(guarded.text or "")
    suite = visit.workshop.suite()
    reading = suite.score([answered])[0] if suite else None
    if reading is None:
        found = rules_of(visit.here).check(answered)
        return ReplyScore(
            e_func=found.value, stage=guarded.stage, evidence=tuple(map(turn_evidence, found.evidence))
        )
    return ReplyScore(
        r_total=reading.r_total,
        r_model=reading.r_model,
        e_judge=reading.e_judge,
        e_func=reading.e_func,
        e_enh=reading.e_enh,
        stage=reading.stage,
        evidence=tuple(map(turn_evidence, reading.scores[Source.RULES].evidence)),
        criteria=tuple(map(turn_evidence, reading.scores[Source.JUDGE].evidence)),
    )


def _show(visit: Visit, play: Play) -> Response:
    return visit.page(
        "play.html.j2",
        play=play,
        turns=[_shown(one, visit.may(OPERATORS)) for one in play.turns],
        in_short=describe_brief(play.brief),
        minutes=visit.here.service.pack.sop.follow_up_minutes,
    )


def _shown(one: PlayTurn, shows_withheld: bool) -> Shown:
    """`shows_withheld`: the words of drafts are for operators, as in the API."""
    reply = one.reply or {}
    score = ReplyScore.model_validate(reply["score"]) if reply.get("score") else None
    hits = tuple(hit for hit in score.evidence if hit.points < 0) if score else ()
    facts = [(name, reply[name]) for name in ("stage", "arm", "run") if reply.get(name)]
    facts += [("in", f"{reply['latency_ms']:,.0f} ms")] if reply else []
    author = str(reply["source"]) if one.speaker == "agent" else "you"
    return Shown(
        one.number,
        one.at,
        one.speaker,
        author,
        one.text,
        one.silence_minutes,
        marked(one.text or "", hits),
        hits,
        drafts_of(reply.get("guard", ())) if shows_withheld else (),
        tuple(facts) if one.speaker == "agent" else (),
        score,
    )


def _draw(visit: Visit, seed: int) -> Brief:
    """A brief of the pack's world, an empty one where the pack describes none."""
    try:
        return draw_briefs(visit.here.service.pack, 1, seed)[0]
    except InputError:
        return Brief()


def _read_brief(written: str) -> Brief:
    fault = fault_of(written.encode("utf-8"))
    if fault is not None:
        raise RefusedError(422, fault.message, "brief")
    try:
        return Brief.model_validate_json(written)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["brief", *map(str, first["loc"])])
        raise RefusedError(422, describe(first)[:300], where[:300]) from None
