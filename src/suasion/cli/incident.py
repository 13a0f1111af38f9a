"""`suasion incident`: what went wrong, filed with the words that should not have been said."""

from pathlib import Path

import click

from suasion.cli.options import FILE, FOLDER, example

_store = click.option(
    "--store", type=FOLDER, default="incidents", show_default=True, help="folder of the incidents"
)
_FILE = (
    'suasion incident file --input examples/log.jsonl --record leak --turn 4 --span "Project Walnut" '
    '--wrong "names an internal project" --severity critical --who Mei --store runs/incidents'
)
_LIST = "suasion incident list --store examples/incidents"


@click.group(epilog=example(_LIST))
def incident() -> None:
    """What went wrong in a dialogue, as files."""


@incident.command("file", epilog=example(_FILE))
@click.option("--input", "source", type=FILE, required=True, help="dialogue records, one JSON a line")
@click.option("--record", help="id of the record, where the file has several")
@click.option(
    "--turn", type=click.IntRange(0), help="the agent's turn, counted from 0; the `reply` by default"
)
@click.option("--span", "marked", required=True, help="the words as they stand in the reply, or start:end")
@click.option("--wrong", required=True, help="what is wrong, in plain words; its beginning is the id's")
@click.option("--severity", type=click.Choice(["low", "high", "critical"]), required=True)
@click.option("--who", required=True, help="who says so")
@click.option("--when", help="date or time (ISO 8601); now by default")
@_store
def incident_file(
    source: Path,
    record: str | None,
    turn: int | None,
    marked: str,
    wrong: str,
    severity: str,
    who: str,
    when: str | None,
    store: Path,
) -> None:
    """File an incident; prints its path. One that is there is never overwritten."""
    from suasion.incidents.incident import choose_reply, file_incident, make_incident
    from suasion.negotiation.dialogue import load_dialogues

    dialogue = choose_reply(load_dialogues(source), str(source), record, turn)
    made = make_incident(dialogue, marked, wrong, severity, who, when or now(), store)
    click.echo(file_incident(made, store))


def now() -> str:
    """This second, as it stands in files."""
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")


@incident.command("list", epilog=example(_LIST))
@_store
def incident_list(store: Path) -> None:
    """All incidents, oldest first: id, severity, who, the marked words."""
    from suasion.incidents.incident import list_incidents

    found = list_incidents(store)
    if not found:
        click.echo(f"no incidents in {store}: `suasion incident file` notes one", err=True)
    for one in found:
        click.echo(f"{one.id}  {one.severity}  {one.who}  {one.text!r}")


@incident.command(
    "show",
    epilog=example("suasion incident show 2026-11-26-names-an-internal-project --store examples/incidents"),
)
@click.argument("name")
@_store
def incident_show(name: str, store: Path) -> None:
    """One incident: the dialogue, the reply with the words marked, what is wrong."""
    from suasion.incidents.incident import load_incident

    one = load_incident(name, store)
    click.echo(f"{one.id}: {one.wrong} ({one.severity}; {one.who}, {one.when})\n")
    for turn in one.dialogue.turns:
        told = turn.text if turn.text is not None else f"(no reply for {turn.silence_minutes:g} minutes)"
        click.echo(f"{turn.speaker:>12}  {told}")
    start, end = one.span
    reply = one.dialogue.reply or ""
    click.echo(f"{'reply':>12}  {reply[:start]}>>{reply[start:end]}<<{reply[end:]}")
