"""`suasion evaluate`: the verdict on a run, and how an agent mends what went wrong once."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suasion.cli.options import FILE, FOLDER, command_line, example
from suasion.cli.speaker import load_speaker

if TYPE_CHECKING:
    from suasion.evaluation.bad_cases import CaseResult
    from suasion.evaluation.statistics import Interval


@click.group(invoke_without_command=True, epilog=example("suasion evaluate --run runs/mine"))
@click.option("--run", "folder", type=FOLDER, help="directory of a finished run")
@click.pass_context
def evaluate(ctx: click.Context, folder: Path | None) -> None:
    """With --run: the verdict on a finished run once more, base, SFT and REPO on held-out contexts and
    negotiations."""
    if ctx.invoked_subcommand:
        if folder is not None:
            raise click.UsageError(f"--run does not go with `{ctx.invoked_subcommand}`: name the --agent")
        return
    if folder is None:
        raise click.UsageError("Missing option '--run', or a command: bad-cases")
    from suasion.comparison import evaluate_run

    click.echo(evaluate_run(folder, command_line()).headline)
    click.echo(folder / "report.html")


@evaluate.command(
    "bad-cases",
    epilog=example(
        "suasion evaluate bad-cases --agent intent --cases benchmarks/hotel/bad_cases.jsonl "
        "--json runs/bad-cases.json"
    ),
)
@click.option("--agent", required=True, help="run directory, or `intent`")
@click.option("--pack", "pack_name", default="hotel", help="for the intent agent")
@click.option("--cases", "source", type=FILE, required=True, help="one case a line; see docs/evaluation.md")
@click.option("--checks", type=FILE, help="moves and faults; checks.yaml beside the cases by default")
@click.option("--seed", type=int, default=0, help="of the replies")
@click.option(
    "--json", "target", type=FILE, required=True, help="shares, classes, every reply and its faults"
)
@click.option("--against", type=FILE, help="another method's JSON: paired comparison on the same cases")
def bad_cases(
    agent: str,
    pack_name: str,
    source: Path,
    checks: Path | None,
    seed: int,
    target: Path,
    against: Path | None,
) -> None:
    """Reply to each case and grade the reply: fixed or not, and whether something new is broken."""
    from suasion.evaluation import bad_cases as cases
    from suasion.evaluation.grading import NO_CHECKS
    from suasion.evaluation.lock import instrument
    from suasion.running.folder import provenance, write_json

    beside = source.with_name("checks.yaml")
    checks = checks or (beside if beside.is_file() else None)
    files = [instrument(path) for path in (source, checks) if path is not None]
    found = cases.load_checks(checks) if checks else NO_CHECKS
    other = _read_results(against, [one.sha256 for one in files]) if against else None
    speaker, pack = load_speaker(agent, pack_name)
    results = cases.try_agent(speaker, cases.load_cases(source, pack, found), found, pack, seed)
    content: dict[str, Any] = {
        "agent": agent,
        "seed": seed,
        "pack": pack.version,
        "instruments": [{"file": one.file, "sha256": one.sha256, "lock": one.held} for one in files],
        **provenance(command_line()),
        **cases.as_json(results),
    }
    if other is not None:
        content["against"] = {"agent": other["agent"], "seed": other["seed"]}
        pairs = cases.against(other["replies"], results)
        content["against"] |= {name: asdict(one) for name, one in pairs.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, content)
    _tell(results, content)
    for one in files:
        if one.held == "changed":
            click.echo(f"{one.file} is not what its LOCK says", err=True)
    click.echo(target)


def _read_results(path: Path, digests: list[str]) -> dict[str, Any]:
    from suasion.errors import InputError

    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured = [one["sha256"] for one in content["instruments"]]
        _ = content["agent"], content["seed"], {row["grade"] for row in content["replies"].values()}
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(f"not the JSON of `evaluate bad-cases`: {error!r}", str(path)) from None
    if measured != digests:
        raise InputError("was measured with other cases or checks", str(path), field="instruments")
    return content


def _tell(results: "list[CaseResult]", content: dict[str, Any]) -> None:
    from suasion.evaluation.bad_cases import summarise

    for name, one in summarise(results).items():
        click.echo(f"{name.replace('_', ' '):<20}{_share(one)}")
    width = max(map(len, content["classes"]))
    click.echo(f"{'':<{width}}  clean minor major unresolved severe")
    for name, counts in content["classes"].items():
        cells = [counts[grade] for grade in ("clean", "minor", "major", "unresolved", "severe")]
        click.echo("{:<{}}  {:5} {:5} {:5} {:10} {:6}".format(name, width, *cells))
    for name in ("fixed", "clean") if "against" in content else ():
        pair = content["against"][name]
        low, middle, high = (100 * pair["difference"][end] for end in ("low", "estimate", "high"))
        click.echo(
            f"{name} against {content['against']['agent']}: {pair['gained']} gained, {pair['lost']} lost, "
            f"{middle:+.1f} points (95 % {low:+.1f} to {high:+.1f}), McNemar p {pair['p_value']:.3f}; "
            f"{100 * pair['detectable']:.1f} could be seen"
        )


def _share(one: "Interval") -> str:
    hits = round(one.estimate * one.n)
    return f"{hits:3} of {one.n}  {one.estimate:6.1%}  (95 % {one.low:.1%} to {one.high:.1%})"
