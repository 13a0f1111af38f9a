"""`suasion patch backtest` and `suasion pack diff`: what a change would have done to logged dialogues."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, example

if TYPE_CHECKING:
    from suasion.incidents.findings import Backtest
    from suasion.incidents.limits import Limits

SHARE = click.FloatRange(0, 1)
_BACKTEST = (
    "suasion patch backtest examples/patch.yaml --pack hotel --dialogues examples/log.jsonl "
    "--json runs/backtest.json --html runs/backtest.html"
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """What both commands ask for."""
    options = (
        click.option("--pairs", type=FILE, help="preference pairs, as `data/examples.py` writes them"),
        click.option("--preference", default="none", help="run directory with a reward model, for R_total"),
        click.option("--judge", default="none", help="none, local (of that run) or a URL"),
        click.option("--json", "json_path", type=FILE, help="everything that was found"),
        click.option("--html", "html_path", type=FILE, help="one page with plots, to read"),
        click.option("--max-share", type=SHARE, help="of replies newly objected to"),
        click.option("--min-precision", type=SHARE, help="of labelled replies objected to"),
        click.option("--max-saturated", type=SHARE, help="of replies whose E is clipped, after"),
        click.option("--max-broken-pairs", type=SHARE, help="of pairs that come into a worse order"),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("backtest", epilog=example(_BACKTEST))
@click.argument("path", metavar="PATCH", type=FILE)
@click.option("--pack", "pack_name", required=True, help="built-in pack or folder, without the patch")
@click.option(
    "--dialogues", type=FILE, required=True, help="the log: records with a reply, or whole dialogues"
)
@_options
def patch_backtest(
    path: Path,
    pack_name: str,
    dialogues: Path,
    pairs: Path | None,
    preference: str,
    judge: str,
    json_path: Path | None,
    html_path: Path | None,
    **limits: float | None,
) -> None:
    """What the patch would have done to logged dialogues. Exit code 1 unless all limits that are set hold."""
    from suasion.cli.criterion import asked_of
    from suasion.incidents.backtest import Sources, backtest_patch
    from suasion.incidents.patch import load_patch
    from suasion.negotiation.pack import Pack
    from suasion.rewards.saved import load_suite

    patch = load_patch(path)
    suite = load_suite(Pack.load(pack_name), judge, preference)
    with asked_of(patch, judge) as (asked, notes):
        sources = Sources(dialogues, pairs, _over(patch.patch.limits, limits))
        found = backtest_patch(patch, suite, sources, asked, notes)
    _tell(found, json_path, html_path)


@click.command("diff", epilog=example("suasion pack diff generic hotel"))
@click.argument("old")
@click.argument("new")
@click.option("--dialogues", type=FILE, help="a log to try both on, as `suasion patch backtest` does")
@_options
def pack_diff(
    old: str,
    new: str,
    dialogues: Path | None,
    pairs: Path | None,
    preference: str,
    judge: str,
    json_path: Path | None,
    html_path: Path | None,
    **limits: float | None,
) -> None:
    """What differs between two packs or versions of one, and what that does to logged dialogues.

    Exit code 1 unless all limits that are set hold.
    """
    from suasion.incidents.backtest import Sources, backtest_packs
    from suasion.incidents.difference import changed_rules, differences
    from suasion.incidents.limits import Limits
    from suasion.negotiation.pack import Pack
    from suasion.rewards.saved import load_suite

    before, after = Pack.load(old), Pack.load(new)
    changes = differences(before, after)
    click.echo(f"{old} {before.version} -> {new} {after.version}: {len(changes)} changes")
    for change in changes:
        click.echo(str(change))
    if dialogues is None:
        if pairs or json_path or html_path or any(one is not None for one in limits.values()):
            raise click.UsageError("there is nothing to measure without --dialogues")
        return
    sources = Sources(dialogues, pairs, _over(Limits(), limits))
    suite = load_suite(before, judge, preference)
    _tell(backtest_packs(suite, after, changed_rules(changes), sources), json_path, html_path)


def _over(limits: "Limits", given: dict[str, float | None]) -> "Limits":
    """The limits, those given as options instead of the patch's."""
    return limits.model_copy(update={name: one for name, one in given.items() if one is not None})


def _tell(found: "Backtest", json_path: Path | None, html_path: Path | None) -> None:
    from suasion.incidents.findings import as_json
    from suasion.incidents.page import render_backtest
    from suasion.running.folder import write_json, write_text

    for error in found.broken:
        click.echo(f"error: {error}", err=True)
    for path in (json_path, html_path):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
    if json_path:
        write_json(json_path, as_json(found))
    if html_path:
        write_text(html_path, render_backtest(found))
    click.echo(found.headline)
    for line in found.lines():
        click.echo(f"  {line}")
    for path in (json_path, html_path):
        if path:
            click.echo(path)
    if found.state in ("over the limits", "not all measured") or found.broken:
        raise SystemExit(1)
