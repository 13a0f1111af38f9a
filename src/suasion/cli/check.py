"""`suasion data check`: whether data files repeat themselves, leak into one another, or lean to one side."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, example
from suasion.evaluation.data_limits import Limits

if TYPE_CHECKING:
    from rich.table import Table

    from suasion.data.survey import Split
    from suasion.evaluation.data_check import Finding
    from suasion.running.progress import Progress

MANY = 2000  # lines from which on progress is told


def _limits(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each limit."""
    for one in reversed(fields(Limits)):
        count = isinstance(one.default, int)
        command = click.option(
            "--max-" + one.name.replace("_", "-"),
            one.name,
            type=click.IntRange(0) if count else click.FloatRange(0, 1),
            default=one.default,
            show_default=True,
            help=one.metadata["help"],
        )(command)
    return command


@click.command("check", epilog=example("suasion data check examples/log.jsonl --json runs/check.json"))
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=FILE)
@click.option("--pack", "pack_name", default="hotel", show_default=True, help="built-in pack or folder")
@click.option("--split-by", help="field of briefs that no two files may share a value of; else the pack's")
@click.option(
    "--near",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="similarity from which on two records are nearly equal (Jaccard, of word 4-grams)",
)
@click.option("--json", "json_path", type=FILE, help="everything that was found")
@_limits
def data_check(
    paths: tuple[Path, ...],
    pack_name: str,
    split_by: str | None,
    near: float,
    json_path: Path | None,
    **limits: float,
) -> None:
    """Find duplicates, leaks between files, imbalances, and a length bias of pairs.

    FILE has dialogue records or preference pairs; several are taken as the splits of one data set. Exit code
    1 where something is over its limit, or a line can't be read: each such line is named, the others are
    checked all the same.
    """
    from suasion.counterpart.world import FILE as WORLD
    from suasion.counterpart.world import load_world
    from suasion.data.survey import count_lines, survey
    from suasion.evaluation.data_check import as_json, findings
    from suasion.negotiation.pack import Pack
    from suasion.running.folder import write_json
    from suasion.running.progress import Progress

    pack, held = Pack.load(pack_name), Limits(**limits)  # type: ignore[arg-type]  # click made counts whole
    if split_by is None and pack.has(WORLD):
        split_by = load_world(pack).split_by
    total = sum(map(count_lines, paths))
    with Progress("data check", shown=total >= MANY) as progress:
        surveyed = survey(paths, pack, split_by, near, _complain, _percent(progress, total))
    found = findings(surveyed, held)
    if json_path:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        write_json(json_path, as_json(surveyed, held, found))
    _show(surveyed.splits, found)
    over, broken = sum(one.over for one in found), sum(split.broken for split in surveyed.splits)
    click.echo(f"{sum(split.records for split in surveyed.splits)} records, {over} findings over their limit")
    if broken:
        click.echo(f"not read, with a fault each: {broken}", err=True)
    if over or broken:
        raise SystemExit(1)


def _complain(error: object) -> None:
    click.echo(f"error: {error}", err=True)


def _percent(progress: "Progress", total: int) -> Callable[[int], None]:
    """Tells each percent of the lines once."""
    last = 0

    def tell(done: int) -> None:
        nonlocal last
        if 100 * done // total > last:
            last = 100 * done // total
            progress.at(last, 100, f"{done:,} of {total:,} lines")

    return tell


def _show(splits: "Sequence[Split]", found: "Sequence[Finding]") -> None:
    """What was measured beside its limit, then what was counted."""
    from rich.console import Console

    console = Console()
    console.print(_measures(found))
    for name in splits[0].counts:
        if any(split.counts[name] for split in splits):
            console.print(_counts(name, splits))


def _measures(found: "Sequence[Finding]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("", "measure", "file", "found", "limit", "where", title="measures", title_justify="left")
    for one in found:
        limit = str(one.limit) if isinstance(one.limit, int) else f"{100 * one.limit:g}%"
        row = ["over" if one.over else "", one.what, one.where, _told(one), limit]
        table.add_row(*map(Text, [*row, "\n".join(one.shown)]))
    return table


def _told(one: "Finding") -> str:
    if one.found is None:
        return "too few"
    if isinstance(one.limit, int):
        return str(one.found)
    if one.interval is None or one.interval.low is None or one.interval.high is None:
        return f"{one.found:.1%}"
    return f"{one.found:.1%} ({one.interval.low:.1%} to {one.interval.high:.1%})"


def _counts(name: str, splits: "Sequence[Split]") -> "Table":
    """A row a value, a column a file; what the pack has and no file is there with 0."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(name, *(escape(split.file) for split in splits), title=f"{name}s", title_justify="left")
    values = dict.fromkeys(value for split in splits for value, _ in split.counts[name].most_common())
    totals = [split.counts[name].total() or 1 for split in splits]
    for value in values:
        counts = [split.counts[name][value] for split in splits]
        shares = [f"{count} ({count / total:.1%})" for count, total in zip(counts, totals, strict=True)]
        table.add_row(*map(Text, [value, *shares]))
    return table
