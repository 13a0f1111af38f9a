"""`suasion simulate` and `suasion play`: negotiations with simulated counterparts."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suasion.cli.options import FILE, example
from suasion.cli.speaker import load_speaker

if TYPE_CHECKING:
    from suasion.counterpart.voice import Voice
    from suasion.negotiation.dialogue import Dialogue
    from suasion.negotiation.pack import Pack


def _voice_options(command: Callable[..., Any]) -> Callable[..., Any]:
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


def _load_voice(address: str | None, model: str | None, pack: "Pack", calls: int = 1) -> "Voice | None":
    """The model's voice; None, and with it the pack's phrases, without an address. calls: at once."""
    if address is None:
        if model is not None:
            raise click.UsageError("--counterpart-model names the model at the address of --counterpart")
        return None
    from suasion.agents.remote import voice_at
    from suasion.config import VoiceConfig

    return voice_at(address, pack, model, VoiceConfig(concurrency=calls))


@click.command(
    epilog=example("suasion simulate --agent intent --conversations 20 --seed 1 --output runs/talks.jsonl")
)
@click.option("--agent", required=True, help="run directory, or `intent`")
@click.option("--pack", "pack_name", default="hotel", help="for the intent agent")
@click.option("--conversations", type=click.IntRange(1), help="drawn, of a split that no training has seen")
@click.option("--briefs", "source", type=FILE, help="these instead: records without turns (an online set)")
@click.option("--seed", type=int, default=0)
@click.option("--review", "reviewed", is_flag=True, help="tell what the simulated side must not have done")
@click.option("--output", type=FILE, required=True)
@_voice_options
@click.option(
    "--counterpart-calls",
    "calls",
    type=click.IntRange(1, 100),
    default=8,
    help="conversations that ask it at once",
)
def simulate(
    agent: str,
    pack_name: str,
    conversations: int | None,
    source: Path | None,
    seed: int,
    reviewed: bool,
    output: Path,
    address: str | None,
    voice_model: str | None,
    calls: int,
) -> None:
    """Negotiate with simulated counterparts; whole dialogues with their outcome."""
    from suasion.counterpart.briefs import draw_briefs
    from suasion.counterpart.online import read_online
    from suasion.counterpart.simulate import managers
    from suasion.counterpart.simulate import simulate as negotiate
    from suasion.language.acts import load_hearing
    from suasion.negotiation.dialogue import write_dialogues

    if (conversations is None) == (source is None):
        raise click.UsageError("give either --conversations or --briefs")
    speaker, pack = load_speaker(agent, pack_name)
    if source is not None:
        briefs, hidden = read_online(source, pack)
    else:
        briefs, hidden = draw_briefs(pack, conversations or 0, seed, "test"), None
    voice = _load_voice(address, voice_model, pack, calls)
    made = managers(pack, load_hearing(pack), hidden, voice)
    talks = negotiate(
        speaker, briefs, seed, pack=pack, counterpart=made, at_once=voice.at_once if voice else 1
    )
    write_dialogues(output, talks)
    answered = sum(talk.outcome is not None and talk.outcome.responded for talk in talks)
    won = sum(talk.outcome is not None and talk.outcome.success for talk in talks)
    sought = "every price agreed" if any(talk.brief.tickets for talk in talks) else "a yes that was confirmed"
    click.echo(f"{len(talks)} negotiations, {answered} answered, {won} with {sought}")
    if reviewed:
        _tell_errors(talks, pack)
    if voice:
        _tell_deviations(talks)
    endings = [talk.outcome.ending for talk in talks if talk.outcome is not None]
    failed = [ending for ending in endings if ending.startswith("error")]
    if failed:
        click.echo(f"{len(failed)} of {len(talks)} failed; the first: {failed[0]}", err=True)
        sys.exit(1)


@click.command(epilog=example("suasion play --agent intent --as counterpart --seed 3"))
@click.option("--agent", default="intent", help="run directory, or `intent`")
@click.option("--pack", "pack_name", default="hotel")
@click.option(
    "--as", "side", type=click.Choice(["agent", "counterpart"]), default="counterpart", help="your side"
)
@click.option("--seed", type=int, default=0)
@_voice_options
def play(
    agent: str, pack_name: str, side: str, seed: int, address: str | None, voice_model: str | None
) -> None:
    """Negotiate in the terminal, on either side."""
    from suasion.counterpart.briefs import draw_briefs
    from suasion.counterpart.play import play as hold

    if address is not None and side == "counterpart":
        raise click.UsageError("--counterpart words what a simulated counterpart says: play --as agent")
    speaker, pack = load_speaker(agent, pack_name)
    hold(
        pack,
        draw_briefs(pack, 1, seed, "test")[0],
        speaker,
        "agent" if side == "agent" else "counterpart",
        seed,
        speaker=_load_voice(address, voice_model, pack),
    )


def _tell_errors(talks: "Sequence[Dialogue]", pack: "Pack") -> None:
    """How many negotiations have an error of the simulator, and each of them."""
    from suasion.counterpart.review import review

    found = {talk.id: errors for talk in talks if talk.outcome and (errors := review(talk, pack))}
    click.echo(f"{len(found)} with an error of the simulated side ({len(found) / len(talks):.2%})")
    for name, errors in found.items():
        for error in errors:
            where = "outcome" if error.turn is None else f"turn {error.turn}"
            click.echo(f"  {name}, {where}: {error.kind}: {error.what}")


def _tell_deviations(talks: "Sequence[Dialogue]") -> None:
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
