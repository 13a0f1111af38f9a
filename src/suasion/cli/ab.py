"""`suasion ab`: reading the A/B test between the trained agent and the system before it, and planning one."""

from pathlib import Path
from typing import Any

import click

from suasion.cli.options import FILE, example

SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.group(epilog=example("suasion ab power --before 0.193 --after 0.253"))
def ab() -> None:
    """A/B tests that are randomised by hotel."""


@ab.command(
    "analyze",
    epilog=example("suasion ab analyze examples/ab.csv --control intent --json runs/ab.json"),
)
@click.argument("log", type=FILE)
@click.option("--control", required=True, help="the arm that the others are compared with")
@click.option("--share", "shares", multiple=True, help="arm=weight as it was meant; all alike by default")
@click.option("--json", "target", type=FILE, help="everything that was measured")
def ab_analyze(log: Path, control: str, shares: tuple[str, ...], target: Path | None) -> None:
    """Response and success of each arm against the control. A line of LOG (.jsonl, .csv, .parquet) is one
    conversation: `hotel`, `arm`, `responded`, `success`. Exit code 1 where the split is not sound."""
    from suasion.evaluation.ab import analyse
    from suasion.run_folder import write_json

    found = analyse(log, control, dict(map(_share, shares)))
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(target, found)
    for arm, measures in found["comparisons"].items():
        click.echo(f"{arm} against {control}")
        for name, one in measures.items():
            click.echo(f"  {name.replace('_', ' '):<24}{_line(one)}")
    split = found["split"]
    hotels = ", ".join(f"{arm} {count}" for arm, count in split["hotels"].items())
    click.echo(f"hotels: {hotels} ({_told(split['p_value'])} under the shares that were meant)")
    if not split["sound"]:
        mixed = f"; {len(split['mixed'])} hotels were in several arms" if split["mixed"] else ""
        click.echo(
            f"the split is not sound: mend the randomisation before you believe the rest{mixed}", err=True
        )
        raise SystemExit(1)


@ab.command("power", epilog=example("suasion ab power --before 0.193 --after 0.253"))
@click.option("--before", type=SHARE, required=True, help="the control's rate")
@click.option("--after", type=SHARE, required=True, help="the rate that the test has to tell from it")
@click.option("--power", type=SHARE, default=0.8, show_default=True, help="how likely it does")
@click.option(
    "--per-hotel", type=click.FloatRange(1), default=1.0, show_default=True, help="conversations with a hotel"
)
@click.option(
    "--correlation", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="of those of one hotel"
)
def ab_power(before: float, after: float, power: float, per_hotel: float, correlation: float) -> None:
    """Conversations in each arm of a two-sided test at 5 %."""
    from suasion.evaluation.ab import conversations_needed

    if before == after:
        raise click.BadParameter("is the rate of the control: there is nothing to see", param_hint="--after")
    needed = conversations_needed(before, after, power, per_hotel, correlation)
    click.echo(f"{needed} conversations in each arm")


def _share(text: str) -> tuple[str, float]:
    arm, _, weight = text.rpartition("=")
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    if not arm or not 0 < value < float("inf"):
        raise click.BadParameter(
            f"expected arm=weight with a weight above 0, found {text!r}", param_hint="--share"
        )
    return arm, value


def _line(one: dict[str, Any]) -> str:
    interval, always = one["difference"]["interval"], one["difference"]["always"]
    text = f"{one['control']:.1%} -> {one['treated']:.1%}  ({100 * interval['estimate']:+.1f} points"
    if interval["low"] is None:
        return text + ", too little for an interval)"
    told = _told(one["difference"]["p_value"])
    return (
        f"{text}, 95 % {100 * interval['low']:+.1f} to {100 * interval['high']:+.1f}, {told}; "
        f"at any look {100 * always['low']:+.1f} to {100 * always['high']:+.1f})"
    )


def _told(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p {p_value:.3f}"
