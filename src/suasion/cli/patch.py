"""`suasion patch`: from an incident to a changed pack, seeing first what the change would have done."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.backtest import patch_backtest
from suasion.cli.incident import now
from suasion.cli.options import FILE, FOLDER, example

if TYPE_CHECKING:
    from suasion.incidents.check import Checked
    from suasion.incidents.patch import PatchFile

_pack = click.option("--pack", "pack_name", required=True, help="built-in pack or folder")
_own = click.option("--pack", "pack_name", required=True, help="a pack folder of your own")
_NEW = (
    "suasion patch new --incident examples/incidents/2026-11-26-names-an-internal-project.json --pack hotel "
    "--output runs/patch.yaml"
)


@click.group(epilog=example("suasion patch check examples/patch.yaml --pack hotel"))
def patch() -> None:
    """Changes of one rule or criterion, as files."""


@patch.command("new", epilog=example(_NEW))
@click.option("--incident", "name", required=True, help="id, or path of its file")
@_pack
@click.option("--output", type=FILE, required=True, help="the patch, a YAML file; never overwritten")
@click.option("--rule", help="add the marked words to this rule of the pack, instead of a new rule")
@click.option("--removes", help="remove this rule, which should not have objected")
@click.option("--criterion", help="a yes/no question for the judge, instead of a rule")
@click.option("--points", type=float, default=-40.0, show_default=True, help="of the criterion, for a yes")
@click.option("--who", help="who writes the patch; the one who filed the incident by default")
@click.option("--store", type=FOLDER, default="incidents", show_default=True, help="folder of the incidents")
def patch_new(
    name: str,
    pack_name: str,
    output: Path,
    rule: str | None,
    removes: str | None,
    criterion: str | None,
    points: float,
    who: str | None,
    store: Path,
) -> None:
    """Draft a patch from an incident: read it, mend it, check it."""
    from suasion.incidents import draft
    from suasion.incidents.incident import load_incident
    from suasion.negotiation.pack import Pack

    if sum(one is not None for one in (rule, removes, criterion)) > 1:
        raise click.UsageError("choose one of --rule, --removes and --criterion")
    incident, pack = load_incident(name, store), Pack.load(pack_name)
    pack.check_brief(incident.dialogue.brief)
    writer = who or incident.who
    if criterion is not None:
        text = draft.draft_criterion(incident, criterion, points, writer, now())
    elif removes is not None:
        text = draft.draft_removal(incident, pack, removes, writer, now())
    elif rule is not None:
        text = draft.draft_change(incident, pack, rule, writer, now())
    else:
        text = draft.draft_rule(incident, pack, writer, now())
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with output.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise click.BadParameter("exists; name another", param_hint="--output") from None
    click.echo(output)


@patch.command("check", epilog=example("suasion patch check examples/patch.yaml --pack hotel"))
@click.argument("paths", metavar="PATCH...", type=FILE, nargs=-1, required=True)
@_pack
@click.option("--floor", type=click.FloatRange(-1, 1), default=0.6, show_default=True, help="least kappa")
def patch_check(paths: tuple[Path, ...], pack_name: str, floor: float) -> None:
    """Try patches, one after the other, on a pack: their examples, the pack's own, and those in force.

    For a criterion the local judge is fitted on its verdicts and asked about its hits and passes; exit code
    1 when its kappa is below the floor.
    """
    from suasion.incidents.apply import patches_in_force
    from suasion.incidents.check import check_all
    from suasion.incidents.patch import load_patch
    from suasion.incidents.patched import read_files
    from suasion.negotiation.pack import find_pack

    found, folder = [load_patch(path) for path in paths], find_pack(pack_name)
    unread = False
    checks = check_all(found, read_files(folder), folder, patches_in_force(folder))
    for one, checked in zip(found, checks, strict=True):
        what = f"{one.patch.change} {one.patch.kind} {one.patch.target!r}"
        click.echo(f"{one.patch.id}: {what}; pack {checked.before} -> {checked.after}")
        if one.patch.kind == "criterion":
            unread |= not _tell_agreement(one, checked, floor)
            continue
        click.echo(f"{checked.flips} flip, {checked.stays} stay")
        for names in filter(None, checked.also):
            click.echo(f"also objected to by {', '.join(names)}")
    if unread:
        raise SystemExit(1)


def _tell_agreement(one: "PatchFile", checked: "Checked", floor: float) -> bool:
    """Fit the judge, say how far it agrees, and try it on hits and passes; whether a reward may use it."""
    from suasion.cli.criterion import local_judge
    from suasion.incidents.check import judge_cases

    with local_judge(one, floor) as (found, asked):
        kappa = "none" if found.kappa is None else f"{found.kappa:.2f}"
        ends = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
        read = found.read_at(floor)
        told = "read" if read else f"unread: below the floor of {floor:g}"
        click.echo(f"local judge on {checked.verdicts} verdicts: kappa {kappa}{ends}, {told}")
        if checked.to_judge:
            tried = judge_cases(one, checked, asked)
            click.echo(f"{tried.flips} flip, {tried.stays} stay")
    return read


@patch.command("apply", epilog=example("suasion patch apply examples/patch.yaml --pack my-pack"))
@click.argument("path", metavar="PATCH", type=FILE)
@_own
@click.option("--who", help="who applies it; the patch's writer by default")
def patch_apply(path: Path, pack_name: str, who: str | None) -> None:
    """Check the patch, change the pack's file, and enter it in the pack's history."""
    from suasion.cli.criterion import asking
    from suasion.incidents.apply import apply_patch, own_folder
    from suasion.incidents.patch import load_patch

    one, folder = load_patch(path), own_folder(pack_name)
    entry = apply_patch(one, folder, who, asking(one))
    click.echo(f"{entry.patch} applied: pack {entry.before} -> {entry.after}")


@patch.command(
    "revert",
    epilog=example("suasion patch revert add-x --pack my-pack --who Mei --why 'objects to good replies'"),
)
@click.argument("name", metavar="ID")
@_own
@click.option("--who", required=True, help="who takes it back")
@click.option("--why", required=True)
def patch_revert(name: str, pack_name: str, who: str, why: str) -> None:
    """Take back a patch that is in force; the history keeps both."""
    from suasion.incidents.apply import own_folder, revert_patch

    entry = revert_patch(name, own_folder(pack_name), who, why)
    click.echo(f"{entry.patch} reverted: pack {entry.before} -> {entry.after}")


@patch.command("log", epilog=example("suasion patch log --pack hotel"))
@_pack
def patch_log(pack_name: str) -> None:
    """What became of the pack, oldest first."""
    from suasion.incidents.history import History
    from suasion.negotiation.pack import Pack, find_pack

    for entry in History(find_pack(pack_name)).entries():
        click.echo(f"{entry.number:>4}  {entry.when}  {entry.action:<7}{entry.after}  {entry.patch or ''}")
        click.echo(f"      {entry.who}: {entry.why}")
    click.echo(f"the pack is {Pack.load(pack_name).version}")


@patch.command(
    "rebuild", epilog=example("suasion patch rebuild 0123456789ab --pack my-pack --output runs/old")
)
@click.argument("version")
@_own
@click.option("--output", type=FOLDER, required=True, help="a new folder")
def patch_rebuild(version: str, pack_name: str, output: Path) -> None:
    """Write the pack as it was at a version of its history."""
    from suasion.incidents.history import rebuild
    from suasion.negotiation.pack import find_pack

    rebuild(find_pack(pack_name), version, output)
    click.echo(output)


patch.add_command(patch_backtest)
