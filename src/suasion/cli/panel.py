"""`suasion panel`: raters' blinded sheets, what they wrote into them, and what it says."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suasion.cli.options import FILE, FOLDER, command_line, example
from suasion.cli.serve import STORE
from suasion.files import beside

if TYPE_CHECKING:
    from suasion.serving.panels import Exhibit


@click.group(
    epilog=example(
        "suasion panel export --method intent=runs/intent.jsonl --method repo=runs/repo.jsonl "
        "--output runs/panel --key runs/panel-key.json"
    )
)
def panel() -> None:
    """Ratings from people, or from models named as such, over blinded dialogues."""


@panel.command(
    "export",
    epilog=example(
        "suasion panel export --method intent=runs/intent.jsonl --method repo=runs/repo.jsonl "
        "--output runs/panel --key runs/panel-key.json"
    ),
)
@click.option(
    "--method", "methods", multiple=True, required=True, help="name=dialogues of `simulate`; repeat"
)
@click.option("--raters", type=click.IntRange(1), default=3, show_default=True)
@click.option("--sample", type=click.IntRange(1), help="so many dialogues of each method, the same of all")
@click.option("--seed", type=int, default=0, help="of sample, names and order")
@click.option("--output", type=FOLDER, required=True, help="a sheet for each rater, and the guide")
@click.option("--key", type=FILE, required=True, help="whose dialogue is whose; not for raters")
@click.option("--guide", type=FILE, help="how to rate, in the domain's words; one for any domain by default")
def panel_export(
    methods: tuple[str, ...],
    raters: int,
    sample: int | None,
    seed: int,
    output: Path,
    key: Path,
    guide: Path | None,
) -> None:
    """Write blinded, shuffled CSV sheets with an anchored guide."""
    from suasion.evaluation.panel import export

    named = dict(map(_method, methods))
    if len(named) < len(methods):
        raise click.BadParameter("the same name twice", param_hint="--method")
    count = export(named, raters, seed, sample, output, key, guide)
    click.echo(f"{count} dialogues for each of {raters} raters in {output}; the key is {key}")


@panel.command(
    "import",
    epilog=example(
        "suasion panel import --key runs/panel-key.json --sheet runs/panel/rater-1.csv "
        "--sheet runs/panel/rater-2.csv --output runs/ratings.jsonl"
    ),
)
@click.option("--key", type=FILE, required=True)
@click.option(
    "--sheet", "sheets", type=FILE, multiple=True, required=True, help="filled in; its name: the rater"
)
@click.option("--skipped", is_flag=True, help="take sheets in which dialogues were left out on purpose")
@click.option("--output", type=FILE, required=True)
def panel_import(key: Path, sheets: tuple[Path, ...], skipped: bool, output: Path) -> None:
    """Check every cell of the sheets. With a fault nothing is written, and the exit code is 1."""
    from suasion.evaluation.panel import read_key
    from suasion.evaluation.ratings import read_sheets, write_ratings

    known = read_key(key)
    read = read_sheets(sheets, known)
    for fault in read.faults:
        click.echo(f"error: {fault}", err=True)
    for rater, names in read.skipped.items():
        click.echo(f"{rater} left out {len(names)}: {', '.join(names)}", err=True)
    if read.skipped and not skipped:
        click.echo("have them filled in, or take the sheets as they are with --skipped", err=True)
    if read.faults or (read.skipped and not skipped):
        raise SystemExit(1)
    write_ratings(output, read.ratings)
    if len(sheets) < known.raters:
        click.echo(f"{len(sheets)} of {known.raters} raters", err=True)
    click.echo(f"{len(read.ratings)} ratings of {len(known.dialogues)} dialogues in {output}")


@panel.command(
    "report",
    epilog=example(
        "suasion panel report --ratings runs/ratings.jsonl --raters people --json runs/panel.json"
    ),
)
@click.option("--ratings", type=FILE, required=True, help="of `panel import`")
@click.option("--raters", required=True, help='what the raters are, such as "AI raters": it heads the table')
@click.option("--seed", type=int, default=0, help="of the bootstrap")
@click.option("--queue", "queue_file", type=FILE, help="CSV of dialogues on which the raters differ")
@click.option("--resolved", type=FILE, help="that CSV with `agreed_rating` filled in")
@click.option("--json", "target", type=FILE, required=True)
def panel_report(
    ratings: Path, raters: str, seed: int, queue_file: Path | None, resolved: Path | None, target: Path
) -> None:
    """Ratings by method, agreement, disagreements, and methods in pairs."""
    from suasion.evaluation import panel_report as panels
    from suasion.evaluation.ratings import read_ratings
    from suasion.running.folder import provenance, write_json

    read = read_ratings(ratings)
    settled = panels.read_resolved(resolved, [one.dialogue for one in read]) if resolved else {}
    found = panels.report(read, raters, settled, seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, {"seed": seed, **provenance(command_line()), **found})
    if queue_file:
        _write_queue(queue_file, panels.queue(read))
    _tell(found)


@panel.command(
    "open",
    epilog=example(
        "suasion panel open --title December --raters people --method intent=runs/intent.jsonl "
        "--method repo=runs/repo.jsonl --store sqlite:///suasion.db"
    ),
)
@click.option("--title", required=True)
@click.option("--raters", required=True, help='what they are, such as "our trainers"')
@click.option("--method", "methods", multiple=True, help="name=dialogues of `simulate`; repeat")
@click.option(
    "--cases", type=FILE, help="bad cases, graded as well; checks.yaml beside them, if there is one"
)
@click.option("--replies", multiple=True, help="name=JSON of `evaluate bad-cases` on these cases; repeat")
@click.option("--sample", type=click.IntRange(1), help="so many dialogues of each method, the same of all")
@click.option("--seed", type=int, default=0, help="of sample, names and order")
@click.option("--pack", "pack_name", default="hotel", show_default=True, help="of the bad cases")
@STORE
def panel_open(
    title: str,
    raters: str,
    methods: tuple[str, ...],
    cases: Path | None,
    replies: tuple[str, ...],
    sample: int | None,
    seed: int,
    pack_name: str,
    url: str,
) -> None:
    """Put dialogues, and replies to bad cases, before the raters of a service, blinded."""
    from datetime import UTC, datetime

    from suasion.evaluation.panel import read_methods
    from suasion.serving.panels import Opening, exhibits_of, open_panel
    from suasion.serving.store import Store

    if bool(cases) != bool(replies) or not (methods or cases):
        raise click.UsageError("give --method, or --cases with --replies, or all of them")
    exhibits = exhibits_of(read_methods(dict(map(_method, methods)), sample, seed)) if methods else []
    if cases:
        exhibits += _graded(cases, dict(map(_method, replies)), pack_name)
    store = Store(url)
    opened = open_panel(store, Opening(title, raters, seed), exhibits, datetime.now(UTC))
    store.close()
    click.echo(f"panel {opened.id}: {len(opened.items)} items; raters need keys of scope rater")


def _graded(source: Path, replies: dict[str, Path], pack_name: str) -> "list[Exhibit]":
    import json

    from suasion.errors import InputError
    from suasion.evaluation.bad_cases import load_cases, load_checks
    from suasion.evaluation.grading import NO_CHECKS
    from suasion.negotiation.pack import Pack
    from suasion.serving.panels import exhibits_of_cases

    beside = source.with_name("checks.yaml")
    checks = load_checks(beside) if beside.is_file() else NO_CHECKS
    cases, found = load_cases(source, Pack.load(pack_name), checks), []
    for method, path in replies.items():
        try:
            read = json.loads(path.read_text(encoding="utf-8"))["replies"]
            said = {name: str(one["reply"]) for name, one in read.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not the JSON of `evaluate bad-cases`: {error!r}", str(path)) from None
        found += exhibits_of_cases(method, said, cases)
    return found


@panel.command(
    "marks",
    epilog=example(
        "suasion panel marks p-0123456789abcdef --output runs/ratings.jsonl --store sqlite:///suasion.db"
    ),
)
@click.argument("panel_id")
@click.option("--output", type=FILE, required=True, help="ratings, as `panel report` reads them")
@STORE
def panel_marks(panel_id: str, output: Path, url: str) -> None:
    """Take the ratings that count out of a service's store; what was undone or replaced stays there."""
    from suasion.errors import InputError
    from suasion.evaluation.ratings import write_ratings
    from suasion.serving.asked import RefusedError
    from suasion.serving.panels import find_panel, marks_of
    from suasion.serving.review import ratings
    from suasion.serving.store import Store

    store = Store(url)
    try:
        found = ratings(find_panel(store, panel_id), marks_of(store, panel_id))
    except RefusedError as error:
        raise InputError(error.message, panel_id) from None
    finally:
        store.close()
    write_ratings(output, found)
    click.echo(f"{len(found)} ratings in {output}")


def _method(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise click.BadParameter(f"expected name=file, found {text!r}", param_hint="--method")
    return name, Path(path)


def _write_queue(path: Path, rows: list[dict[str, str]]) -> None:
    import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as part, part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ("dialogue", "why", "ratings", "agreed_rating"))
        writer.writeheader()
        writer.writerows(rows)


def _tell(found: dict[str, Any]) -> None:
    click.echo(f"{found['raters']}: {', '.join(found['names'])}; {found['consensus']}")
    for name, one in found["methods"].items():
        click.echo(
            f"{name:<12} rating {_ends(one['rating'])}  human-like {_ends(one['human_like'])}  "
            f"excellent {_ends(one['excellent'], 100)} %  n {one['dialogues']}"
        )
    for what, one in found["agreement"].items():
        if one["value"] is None:
            click.echo(f"alpha of {what.replace('_', '-')}: none, nothing varies")
        else:
            click.echo(f"alpha of {what.replace('_', '-')}: {_ends({**one, 'estimate': one['value']})}")
    for name, one in found["pairs"].items():
        seen = "" if one["detectable"] is None else f", {one['detectable']:.2f} could be seen"
        click.echo(
            f"{name}: rating {_ends(one['rating'])}, p {one['p_value']:.3f}, "
            f"Holm {one['adjusted_p']:.3f}{seen}; excellent {_ends(one['excellent'], 100)} points, "
            f"p {one['excellent_p']:.3f}, {100 * one['excellent_detectable']:.0f} could be seen"
        )
    click.echo(f"{found['queue']} dialogues on which the raters differ, {found['resolved']} settled")


def _ends(one: dict[str, Any], scale: float = 1) -> str:
    places = 0 if scale == 100 else 2
    middle = f"{scale * one['estimate']:.{places}f}"
    if one["low"] is None:
        return f"{middle} (no interval)"
    return f"{middle} ({scale * one['low']:.{places}f} to {scale * one['high']:.{places}f})"
