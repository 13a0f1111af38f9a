"""Who speaks in a command: the agent that is named on the command line; and how well the other side did."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from suasion.counterpart.simulate import Agent
    from suasion.negotiation.dialogue import Dialogue
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


def tell_errors(talks: "Sequence[Dialogue]", pack: "Pack") -> None:
    """How many negotiations have an error of the simulator, and each of them."""
    from suasion.counterpart.review import review

    found = {talk.id: errors for talk in talks if talk.outcome and (errors := review(talk, pack))}
    click.echo(f"{len(found)} with an error of the simulated side ({len(found) / len(talks):.2%})")
    for name, errors in found.items():
        for error in errors:
            where = "outcome" if error.turn is None else f"turn {error.turn}"
            click.echo(f"  {name}, {where}: {error.kind}: {error.what}")
