"""The options of commands in which a model at an address may word what a simulated counterpart says."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from suasion.counterpart.voice import Voice
    from suasion.negotiation.dialogue import Dialogue
    from suasion.negotiation.pack import Pack


def voice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--counterpart and --counterpart-model."""
    address = click.option(
        "--counterpart",
        "address",
        help="OpenAI-compatible address of a model that words what the counterparts decide; "
        "key in $SUASION_COUNTERPART_KEY",
    )
    model = click.option(
        "--counterpart-model", "voice_model", help="its name; else $SUASION_COUNTERPART_MODEL"
    )
    return address(model(command))


def load_voice(address: str | None, model: str | None, pack: "Pack", calls: int = 1) -> "Voice | None":
    """The model's voice; None, and with it the pack's phrases, without an address. calls: at once."""
    if address is None:
        if model is not None:
            raise click.UsageError("--counterpart-model names the model at the address of --counterpart")
        return None
    from suasion.agents.remote import voice_at
    from suasion.config import VoiceConfig

    return voice_at(address, pack, model, VoiceConfig(concurrency=calls))


def tell_deviations(talks: "Sequence[Dialogue]") -> None:
    """How many texts of the counterparts the model gave, and how many it did not."""
    from suasion.counterpart.voice import ENDPOINT, FALLBACK, tally

    kinds = tally(talks)
    said = sum(turn.speaker == "counterpart" and turn.text is not None for d in talks for turn in d.turns)
    fallen, failed = kinds.pop(FALLBACK, 0), kinds.pop(ENDPOINT, 0)
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "none"
    written, deviating = said - fallen + kinds.total(), kinds.total()
    click.echo(
        f"{said} texts of counterparts: {said - fallen} by the model, {fallen} by the phrases; "
        f"{deviating} of the {written} that it wrote deviated ({listed}); the endpoint failed {failed} times"
    )
