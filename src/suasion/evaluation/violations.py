"""Rules that an agent breaks in whole negotiations."""

from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.rules import RuleSet


def prefixes(talk: Dialogue) -> list[tuple[int, Dialogue]]:
    """Each agent turn as a reply to what came before it, with its place among the turns."""
    bare = Dialogue(id=talk.id, brief=talk.brief)
    return [
        (place, bare.model_copy(update={"turns": talk.turns[:place], "reply": turn.text}))
        for place, turn in enumerate(talk.turns)
        if turn.speaker == "agent"
    ]


def violations(talk: Dialogue, rules: RuleSet) -> tuple[int, int]:
    """Rules broken by the agent in a negotiation, and its replies that the rules have read."""
    found = [rules.check(reply).objections for _, reply in prefixes(talk)]
    read = [objections for objections in found if objections is not None]
    return sum(map(len, read)), len(read)
