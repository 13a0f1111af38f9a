"""`suasion ab`: reading the A/B test between the trained agent and the system before it, and planning one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suasion.cli.options import FILE, command_line, example
from suasion.cli.speaker import load_speaker
from suasion.files import beside

if TYPE_CHECKING:
    from suasion.agents.guarded import GuardedAgent
    from suasion.counterpart.simulate import Agent
    from suasion.evaluation.ab_log import Conversation
    from suasion.negotiation.pack import Pack

    Arm = Agent | GuardedAgent

GUARDED = {"none": (), "treatment": ("treatment",), "both": ("treatment", "control")}
GUARD_SHARES = {"fallbacks": "by the fallback", "withheld": "after a draft that was withheld"}
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
@click.option("--segment", help="a column of the log: the same within each of its values")
@click.option("--json", "target", type=FILE, help="everything that was measured")
def ab_analyze(
    log: Path, control: str, shares: tuple[str, ...], segment: str | None, target: Path | None
) -> None:
    """Response, success and more of each arm against the control. A line of LOG (.jsonl, .csv, .parquet) is
    one conversation: `hotel`, `arm`, `responded`, `success`, and what else docs/ab.md names. Exit code 1
    where the split is not sound."""
    from suasion.evaluation.ab import analyse

    found = analyse(log, control, dict(map(_share, shares)), segment)
    if target:
        _write(target, found)
    _tell(found, control)


def _tell(found: dict[str, Any], control: str) -> None:
    for arm, measures in found["comparisons"].items():
        click.echo(f"{arm} against {control}")
        _lines(measures, "  ")
        for value, part in found.get("segments", {}).get(arm, {}).items():
            click.echo(f"  {found['segment']} {value or '(not given)'}")
            _lines(part, "    ")
    split = found["split"]
    hotels = ", ".join(f"{arm} {count}" for arm, count in split["hotels"].items())
    click.echo(f"hotels: {hotels} ({_told(split['p_value'])} under the shares that were meant)")
    if not split["sound"]:
        mixed = f"; {len(split['mixed'])} hotels were in several arms" if split["mixed"] else ""
        click.echo(
            f"the split is not sound: mend the randomisation before you believe the rest{mixed}", err=True
        )
        raise SystemExit(1)


@ab.command(
    "simulate",
    epilog=example(
        "suasion ab simulate --treatment intent --control intent --conversations 60 --hotels 20 "
        "--json runs/ab.json"
    ),
)
@click.option("--treatment", required=True, help="run directory, or `intent`")
@click.option("--control", default="intent", show_default=True, help="the same")
@click.option("--pack", "pack_name", default="hotel", help="for the intent agent")
@click.option(
    "--guard",
    type=click.Choice(list(GUARDED)),
    default="none",
    show_default=True,
    help="the arms whose replies are held to the pack's rules, as `serve` holds them",
)
@click.option("--conversations", type=click.IntRange(2), default=9653, show_default=True)
@click.option("--hotels", type=click.IntRange(2), default=1600, show_default=True, help="about so many")
@click.option("--seed", type=int, default=0)
@click.option("--aa", "tests", type=click.IntRange(0), default=0, help="A/A tests of the control, too")
@click.option("--log", type=FILE, help="JSONL, as `ab analyze` reads it")
@click.option("--json", "target", type=FILE, required=True, help="everything that was measured")
def ab_simulate(
    treatment: str,
    control: str,
    pack_name: str,
    guard: str,
    conversations: int,
    hotels: int,
    seed: int,
    tests: int,
    log: Path | None,
    target: Path,
) -> None:
    """An A/B test with simulated hotels, randomised by hotel; A/A tests show its false-positive rate. With a
    guard, how often its fallback had to speak."""
    from dataclasses import asdict

    from suasion.evaluation import experiment
    from suasion.evaluation.ab import analyse_log
    from suasion.evaluation.ab_guard import tell_guard
    from suasion.running.folder import provenance

    new, old, pack = _arms(treatment, control, pack_name, guard)
    planned = experiment.plan(pack, conversations, hotels, seed)
    held, failed = experiment.run(new, old, planned, pack, lambda text: click.echo(text, err=True))
    if log:
        write_log(log, held)
    content: dict[str, Any] = {
        "treatment": treatment,
        "control": control,
        "seed": seed,
        "pack": pack.version,
        **provenance(command_line()),
        **analyse_log(held, experiment.CONTROL, {experiment.CONTROL: 1, experiment.TREATMENT: 1}),
        "looks": experiment.looks(held),
        "failed": len(failed),
        "guard": {arm: told for arm in GUARDED[guard] if (told := tell_guard(held, arm))},
    }
    if tests:
        alike = treatment == control and guard != "treatment"
        same, faults = (held, []) if alike else experiment.run(old, old, planned, pack)
        failed += faults
        alarms = experiment.false_alarms(same, tests, seed)
        content["aa"] = {"tests": tests, "measures": {name: asdict(one) for name, one in alarms.items()}}
    _write(target, content)
    _tell_alarms(content.get("aa"))
    _tell_guard(content["guard"])
    _tell(content, experiment.CONTROL)
    if failed:
        click.echo(f"{len(failed)} conversations failed; the first: {failed[0]}", err=True)
        raise SystemExit(1)


def _write(target: Path, content: dict[str, Any]) -> None:
    from suasion.running.folder import write_json

    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, content)


def _arms(treatment: str, control: str, pack_name: str, guard: str) -> "tuple[Arm, Arm, Pack]":
    """The two agents, under the guard where they are to be, and their pack."""
    from suasion.evaluation import experiment
    from suasion.evaluation.guarded_talks import under_guard

    (treated, pack), (before, other) = load_speaker(treatment, pack_name), load_speaker(control, pack_name)
    if pack.version != other.version:
        raise click.UsageError("the two agents are of different packs: their hotels would differ")
    new = under_guard(treated, pack, experiment.TREATMENT in GUARDED[guard])
    old = under_guard(before, pack, experiment.CONTROL in GUARDED[guard])
    return new, old, pack


def write_log(path: Path, held: "list[Conversation]") -> None:
    """JSON lines, in a file whose name ends so."""
    if path.suffix != ".jsonl":
        raise click.BadParameter("ends in .jsonl", param_hint="the log")
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as part:
        part.write_text("".join(one.model_dump_json() + "\n" for one in held), encoding="utf-8")


def _tell_guard(arms: dict[str, Any]) -> None:
    for arm, one in arms.items():
        shares = [f"{_percent(one[name])} {words}" for name, words in GUARD_SHARES.items()]
        click.echo(
            f"guard of {arm}: of {one['replies']} replies {', '.join(shares)}; "
            f"{one['handed_over']} conversations handed over, {one['failures']} drafts failed"
        )


def _percent(one: dict[str, Any] | None) -> str:
    if one is None or one["low"] is None:
        return "too few to tell"
    return f"{one['estimate']:.1%} (95 % {one['low']:.1%} to {one['high']:.1%})"


def _tell_alarms(aa: dict[str, Any] | None) -> None:
    for name, one in aa["measures"].items() if aa else ():
        shares = {
            kind: f"{kind.replace('_', ' ')} {found['estimate']:.1%}" for kind, found in one.items() if found
        }
        click.echo(f"A/A {name.replace('_', ' '):<32}{', '.join(shares.values())}")


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


def _lines(measures: dict[str, Any], indent: str) -> None:
    from suasion.evaluation.ab import MEASURES

    for name, one in measures.items():
        per_100 = MEASURES[name].per_100
        label = name.replace("_", " ") + (" per 100" if per_100 else "")
        click.echo(f"{indent}{label:<32}{_line(one, 1 if per_100 else 100)}")


def _line(one: dict[str, Any], scale: int) -> str:
    interval, always = one["difference"]["interval"], one["difference"]["always"]
    unit = " points" if scale == 100 else ""
    rates = [f"{scale * one[arm]:.1f}{'%' if unit else ''}" for arm in ("control", "treated")]
    text = f"{rates[0]} -> {rates[1]}  ({scale * interval['estimate']:+.1f}{unit}"
    if interval["low"] is None:
        return text + ", too little for an interval)"
    told = _told(one["difference"]["p_value"])
    if "adjusted_p" in one:
        told += f", Holm {one['adjusted_p']:.3f}"
    return (
        f"{text}, 95 % {scale * interval['low']:+.1f} to {scale * interval['high']:+.1f}, {told}; "
        f"at any look {scale * always['low']:+.1f} to {scale * always['high']:+.1f}; "
        f"{scale * one['detectable']:.1f} could be seen)"
    )


def _told(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p {p_value:.3f}"
