"""`suasion judge`: fitting a judge on people's verdicts, and asking how far one can be believed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from suasion.cli.options import FILE, FOLDER, example


@click.group(epilog=example("suasion judge fit --verdicts examples/verdicts.jsonl --output runs/judge"))
def judge() -> None:
    """Judges that say yes or no to a question about a reply."""


_verdicts = click.option(
    "--verdicts",
    type=FILE,
    required=True,
    help="one JSON a line: `context` (turns), `reply`, `criterion` (a question), `verdict` (true or false)",
)
KAPPA = click.FloatRange(-1, 1)


@judge.command(
    "fit", epilog=example("suasion judge fit --verdicts examples/verdicts.jsonl --output runs/judge")
)
@_verdicts
@click.option("--output", type=FOLDER, required=True, help="where the judge is saved")
@click.option("--floor", type=KAPPA, default=0.6, help="kappa below which a criterion is not read")
@click.option("--model", default="smollm2", help="`smollm2`, a folder, or a hub name")
@click.option("--seed", type=int, default=0, help="of the folds on which it is tried")
def judge_fit(verdicts: Path, output: Path, floor: float, model: str, seed: int) -> None:
    """A local judge from labelled verdicts; tells how far it agrees with those that it was not shown."""
    from suasion.judging import fit

    for name, one in fit(verdicts, output, floor, model, seed).items():
        click.echo(_line(name, asdict(one) | {"read": one.read_at(floor)}))
    click.echo(output)


@judge.command(
    "agree",
    epilog=example(
        "suasion judge agree --judge runs/judge --verdicts examples/verdicts.jsonl --json runs/agree.json"
    ),
)
@click.option("--judge", "source", required=True, help="directory of `judge fit`, or a URL")
@_verdicts
@click.option("--json", "target", type=FILE, required=True, help="kappa per criterion and more")
@click.option(
    "--floor", type=KAPPA, help="instead of the one that the judge was fitted with (an address: 0.6)"
)
def judge_agree(source: str, verdicts: Path, target: Path, floor: float | None) -> None:
    """How far a judge agrees with labelled verdicts: kappa with interval, confusion, length bias."""
    from suasion.judging import agree

    found = agree(source, verdicts, target, floor)
    for name, one in found["criteria"].items():
        click.echo(_line(name, one))
    if found["seen"]:
        click.echo(f"{found['seen']} of {found['replies']} replies are those that it was fitted on", err=True)
    click.echo(target)


def _line(name: str, one: dict[str, Any]) -> str:
    read, count = "read" if one["read"] else "unread", f"{one['n']} of {one['n'] + one['unread']} answered"
    if one["kappa"] is None:
        return f"kappa   -{'':<18}{read:<7} {name}  ({count}; people always say the same)"
    ends = "" if one["low"] is None else f"({one['low']:.2f} to {one['high']:.2f})"
    return f"kappa {one['kappa']:5.2f} {ends:<16} {read:<7} {name}  ({count})"
