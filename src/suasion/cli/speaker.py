"""Who speaks in a command: the agent that is named on the command line, with its pack."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suasion.counterpart.simulate import Agent
    from suasion.negotiation.pack import Pack


def load_speaker(name: str, pack_name: str = "hotel") -> "tuple[Agent, Pack]":
    """`intent`, which speaks from the named pack, or a run directory, which has one."""
    from suasion.negotiation.pack import Pack

    if name == "intent":
        from suasion.agents.intent import IntentAgent

        pack = Pack.load(pack_name)
        return IntentAgent(pack), pack
    from suasion.pipeline import load_agent

    agent, config = load_agent(Path(name))
    return agent, Pack.load(config.pack)
