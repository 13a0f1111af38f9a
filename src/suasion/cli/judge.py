"""`suasion judge`: fitting a judge on people's verdicts, and asking how far one can be believed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, FOLDER, example

if TYPE_CHECKING:
    from suasion.evaluation.judges import Agreement

FLOOR = 0.6


@click.group(epilog=example("suasion judge fit --verdicts examples/verdicts.jsonl --output runs/judge"))
def judge() -> None:
    """Judges that say yes or no to a question about a reply."""


_verdicts = click.option(
    "--verdicts",
    type=FILE,
    required=True,
    help="one JSON a line: `context` (turns), `reply`, `criterion` (a question), `verdict` (true or false)",
)
_floor = click.option(
    "--floor", type=click.FloatRange(-1, 1), default=FLOOR, help="kappa below which a criterion is not read"
)


@judge.command(
    "fit", epilog=example("suasion judge fit --verdicts examples/verdicts.jsonl --output runs/judge")
)
@_verdicts
@click.option("--output", type=FOLDER, required=True, help="where the judge is saved")
@_floor
@click.option("--model", default="smollm2", help="`smollm2`, a folder, or a hub name")
@click.option("--seed", type=int, default=0, help="of the folds on which it is tried")
def judge_fit(verdicts: Path, output: Path, floor: float, model: str, seed: int) -> None:
    """A local judge from labelled verdicts; tells how far it agrees with those that it was not shown."""
    from suasion.judging import fit

    for name, one in fit(verdicts, output, floor, model, seed).items():
        click.echo(_line(name, one, floor))
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
@_floor
def judge_agree(source: str, verdicts: Path, target: Path, floor: float) -> None:
    """How far a judge agrees with labelled verdicts: kappa with interval, confusion, length bias."""
    from suasion.judging import agree

    for name, one in agree(source, verdicts, target, floor).items():
        click.echo(_line(name, one, floor))
    click.echo(target)


def _line(name: str, one: "Agreement", floor: float) -> str:
    if one.kappa is None:
        return f"kappa   -                    unread  {name}  ({one.n} verdicts, one side never varies)"
    ends = f"({one.low:.2f} to {one.high:.2f})" if one.low is not None and one.high is not None else ""
    read = "read" if one.read_at(floor) else "unread"
    return f"kappa {one.kappa:5.2f} {ends:<16} {read:<7} {name}  ({one.n} verdicts)"
