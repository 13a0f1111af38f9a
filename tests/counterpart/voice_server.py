"""What a model says at a real HTTP server, words of its own for some acts, and negotiations by its voice."""

import json
from collections.abc import Callable
from typing import Any

from tests.rewards.judge_server import Answer, JudgeServer, Request, Said

from suasion.agents.intent import IntentAgent
from suasion.config import VoiceConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.simulate import managers, simulate
from suasion.counterpart.voice import TASK, Voice
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import find_prices

from .conftest import cooperative

SETTINGS = VoiceConfig(timeout_s=5, backoff_s=0.01, retries=1, concurrency=4)
Serve = Callable[[Answer], JudgeServer]
OWN = {
    "hello": "Hello, yes, how can I help you?",
    "refuse": "No thanks, I really can't do that.",
    "agree": "All right, agreed.",
    "hesitate": "I'm not sure, let me think about it.",
    "busy": "I'm busy now, sorry.",
}


def shown(request: Request) -> dict[str, Any]:
    """The JSON that the model was given, and `say`, which comes after it."""
    scene, task = request["messages"][1]["content"].split("\n\n")
    content: dict[str, Any] = json.loads(scene)
    return content | {"say": task.removeprefix(f"{TASK} ")}


def fluent(request: Request) -> Said:
    """Other words where it has some, else those that it was given."""
    scene = shown(request)
    own = OWN.get(scene["act"], scene["say"])
    return Said(scene["say"] if find_prices(scene["say"]) else own)


def negotiate(pack: Pack, voice: Voice | None, count: int = 6, agent: Any = None) -> list[Dialogue]:
    hidden = cooperative if pack.manifest.id == "hotel" else None
    made = managers(pack, load_hearing(pack), hidden, voice)
    agent, briefs = agent or IntentAgent(pack), draw_briefs(pack, count, seed=2)
    return simulate(agent, briefs, 2, pack=pack, counterpart=made, at_once=voice.at_once if voice else 1)


def extra(dialogue: Dialogue) -> dict[str, Any]:
    assert dialogue.outcome is not None
    return dialogue.outcome.model_extra or {}


def texts(dialogue: Dialogue) -> dict[int, str]:
    """What the counterpart said, by its place."""
    turns = enumerate(dialogue.turns)
    return {n: turn.text for n, turn in turns if turn.speaker == "counterpart" and turn.text is not None}


def deviate(said: Said) -> Answer:
    """Answers so at first, and well when it was told what was wrong."""
    return lambda request: fluent(request) if "rejected" in shown(request) else said
