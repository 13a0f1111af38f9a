"""`suasion bench`: the paper's comparison in shards that can be resumed, and the page made of them."""

import gc
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, FOLDER, command_line, example

if TYPE_CHECKING:
    from suasion.bench.plan import Shard
    from suasion.bench.preset import Preset
    from suasion.bench.record import Record

PRESET = click.Choice(["cpu", "gpu", "tiny"])
INSTRUMENTS = Path("benchmarks/hotel")
RESULTS = Path("docs/results/paper")


@click.group(epilog=example("suasion bench paper --preset cpu --list"))
def bench() -> None:
    """Every method on equal terms, measured under the lock."""


@bench.command(
    "paper",
    epilog=example("suasion bench paper --preset cpu --work runs/paper-cpu --shard start-sft --resume"),
)
@click.option("--preset", "name", type=PRESET, default="cpu", show_default=True, help="sizes")
@click.option("--work", type=FOLDER, help="weights and dialogues; runs/paper-PRESET by default")
@click.option("--output", type=FOLDER, help="a JSON of each shard; docs/results/paper/PRESET by default")
@click.option("--instruments", type=FOLDER, default=INSTRUMENTS, show_default=True, help="with their LOCK")
@click.option("--shard", "wanted", multiple=True, help="this one alone; repeat for more")
@click.option(
    "--list", "listed", is_flag=True, help="what there is, what is done, and how long the rest takes"
)
@click.option("--resume", is_flag=True, help="skip what is done")
@click.option("--within", type=click.FloatRange(min=1), help="minutes after which no further shard is begun")
def paper(
    name: str,
    work: Path | None,
    output: Path | None,
    instruments: Path,
    wanted: tuple[str, ...],
    listed: bool,
    resume: bool,
    within: float | None,
) -> None:
    """Train and measure every method and ablation, a shard at a time."""
    from suasion.bench.plan import find, shards
    from suasion.bench.preset import load_preset
    from suasion.bench.record import read_records
    from suasion.errors import InputError

    preset, output = load_preset(name), output or RESULTS / name
    every = shards(preset)
    chosen, unknown = find(wanted, every) if wanted else (every, [])
    if unknown:
        raise click.BadParameter(f"no shard {', '.join(unknown)}; --list names them", param_hint="--shard")
    done = read_records(output, every)
    if listed:
        _list(every, preset, done)
        return
    left = [shard for shard in chosen if shard.name not in done]
    if len(left) < len(chosen) and not resume:
        again = ", ".join(shard.name for shard in chosen if shard.name in done)
        raise InputError(f"has {again} already: --resume skips what is done", str(output))
    _work(left, name, preset, work or Path("runs") / f"paper-{name}", instruments, output, done, within)


def _work(
    left: "list[Shard]",
    name: str,
    preset: "Preset",
    work: Path,
    instruments: Path,
    output: Path,
    done: "dict[str, Record]",
    within: float | None,
) -> None:
    """Do the shards in order; before each, how long the rest may take."""
    from suasion.bench.record import read_record
    from suasion.bench.run import run_shard
    from suasion.policy.processor import release_memory

    start = time.monotonic()
    for number, shard in enumerate(left):
        if within is not None and (time.monotonic() - start) / 60 >= within:
            click.echo(f"{within:g} minutes are over: {len(left) - number} shards left, go on with --resume")
            return
        click.echo(f"{shard.name} ({number + 1} of {len(left)}), {_left(left[number:], preset, done)}")
        path = run_shard(shard, name, preset, work, instruments, output, command_line())
        done[shard.name] = read_record(path)
        gc.collect()  # the shard's model, before the next one loads its own
        release_memory()
        click.echo(f"{path}  {done[shard.name].minutes:.1f} min")


def _left(left: "list[Shard]", preset: "Preset", done: "dict[str, Record]") -> str:
    from suasion.bench.plan import remaining, shards

    taken = {one.name: (one, done[one.name].minutes) for one in shards(preset) if one.name in done}
    told = f"by {len(taken)} that are done" if taken else "by the plan, nothing is measured yet"
    return f"about {remaining(left, preset, taken):.0f} min left ({told})"


def _list(every: "list[Shard]", preset: "Preset", done: "dict[str, Record]") -> None:
    for shard in every:
        state = f"{done[shard.name].minutes:6.1f} min, done" if shard.name in done else ""
        click.echo(f"{shard.name:<18}{state or f'{shard.planned(preset):6.1f} min planned':<20}")
    left = [shard for shard in every if shard.name not in done]
    click.echo(f"{len(left)} of {len(every)} shards left; {_left(left, preset, done)}")


@bench.command("page", epilog=example("suasion bench page --preset cpu"))
@click.option("--preset", "name", type=PRESET, default="cpu", show_default=True)
@click.option("--results", type=FOLDER, help="the shards' JSON; docs/results/paper/PRESET by default")
@click.option("--instruments", type=FOLDER, default=INSTRUMENTS, show_default=True, help="with their LOCK")
@click.option(
    "--panel",
    "panels",
    type=FILE,
    multiple=True,
    help="raters' JSON of `panel report`; panel*.json among the results by default",
)
@click.option("--output", type=FILE, default=RESULTS.with_suffix(".md"), show_default=True, help="the page")
def page(name: str, results: Path | None, instruments: Path, panels: tuple[Path, ...], output: Path) -> None:
    """Make the page and its drawings anew from the shards' JSON; what is missing is called so."""
    from suasion.bench.page import build
    from suasion.bench.panels import read_panels
    from suasion.bench.preset import load_preset

    folder = results or RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    rated = read_panels(panels, folder)
    missing = build(name, load_preset(name), folder, output, instruments, rated)
    click.echo(f"{output}{f', {len(missing)} shards missing' if missing else ''}")
