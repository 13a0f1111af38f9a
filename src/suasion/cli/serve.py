"""`suasion serve`, its keys, and what its store holds."""

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, FOLDER, example
from suasion.errors import InputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from suasion.serving.experiments import Experiment
    from suasion.serving.service import Service
    from suasion.serving.store import Store

STORE = click.option(
    "--store", "url", default="sqlite:///suasion.db", show_default=True, help="address of the database"
)


@click.command(epilog=example("suasion serve --agent intent --store sqlite:///suasion.db --port 8000"))
@click.option(
    "--agent",
    "agents",
    multiple=True,
    default=("intent",),
    show_default=True,
    help="run directory, or `intent`; `NAME=` before it names it; several for an experiment",
)
@click.option(
    "--experiment", "experiment_file", type=FILE, help="YAML: which agents share the contacts; see docs/ab.md"
)
@click.option("--pack", "pack_name", default="hotel", show_default=True, help="for the intent agent")
@STORE
@click.option("--host", default="127.0.0.1", show_default=True, help="beyond loopback only with keys")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--rate", type=click.FloatRange(0), default=100.0, show_default=True, help="requests/s of a key; 0: any"
)
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="dialogues at once")
@click.option(
    "--withhold",
    type=click.Choice(["critical", "high"]),
    default="critical",
    show_default=True,
    help="severity from which a rule holds a reply back",
)
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="drafts of the agent that the guard may withhold; then the intent agent speaks",
)
@click.option("--webhook", help="address told of what happens; signed with $SUASION_WEBHOOK_SECRET")
@click.option(
    "--quiet", default="21:00-08:00", show_default=True, help='nobody is written to first; "": never'
)
@click.option("--zone", default="UTC", show_default=True, help="time zone of the quiet hours")
@click.option(
    "--contact-open",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="conversations with one contact that are not over, at which none is begun with it",
)
@click.option(
    "--contact-begun",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="conversations begun with one contact in --contact-days, at which none is",
)
@click.option("--contact-days", type=click.IntRange(1, 3650), default=7, show_default=True)
@click.option(
    "--incidents", type=FOLDER, default="incidents", show_default=True, help="where pages file them"
)
@click.option("--patches", type=FOLDER, default="patches", show_default=True, help="where pages draft them")
def serve(
    agents: tuple[str, ...],
    experiment_file: Path | None,
    pack_name: str,
    url: str,
    host: str,
    port: int,
    rate: float,
    batch: int,
    withhold: str,
    attempts: int,
    webhook: str | None,
    quiet: str,
    zone: str,
    contact_open: int,
    contact_begun: int,
    contact_days: int,
    incidents: Path,
    patches: Path,
) -> None:
    """Hold real conversations behind an API, guarded by the pack's rules, with pages for people at /pages/.

    Stops at SIGTERM or Ctrl-C, once what was asked is answered."""
    from datetime import timedelta

    from suasion.rewards.score import Severity
    from suasion.serving.app import LOOPBACK, create_app
    from suasion.serving.assemble import LOOPBACK_ADDRESSES, Limits, assemble, check_exposure, load_speaker
    from suasion.serving.background import alongside
    from suasion.serving.experiments import read_experiment
    from suasion.serving.hours import Reach, parse_quiet
    from suasion.serving.logs import set_up_logs
    from suasion.serving.pages.workshop import Workshop, suite_of
    from suasion.serving.store import Store
    from suasion.serving.webhook import SECRET, Target

    experiment = read_experiment(experiment_file) if experiment_file else None
    reach = Reach(parse_quiet(quiet, zone), contact_open, contact_begun, timedelta(contact_days))
    target = Target(webhook, os.environ.get(SECRET, "")) if webhook else None
    speakers = [load_speaker(agent, pack_name) for agent in agents]
    store = Store(url, tells=target is not None)
    check_exposure(host, store)
    set_up_logs()
    is_local = host in LOOPBACK_ADDRESSES
    limits = Limits(rate, batch, attempts, Severity(withhold))
    context = assemble(speakers, store, None if is_local else True, limits)
    if experiment:
        _begin(context.service, store, experiment, str(experiment_file))
    check_arms(context.service)
    workshop = Workshop(incidents, patches, suite_of(agents[0].rpartition("=")[2]))
    beside = alongside(context, reach, target)
    run_app(create_app(context, LOOPBACK if is_local else None, beside, workshop), host, port)


def _begin(service: "Service", store: "Store", experiment: "Experiment", file: str) -> None:
    """By its rule an experiment may have ended: no reason not to serve."""
    from suasion.serving.trials import begin_experiment

    service.roster.check_has(experiment, file)
    course = begin_experiment(store, experiment, service.pack.id, service.clock())
    if course.ended:
        click.echo(f"experiment {course.experiment.id} ended at {course.ended}: nobody is drawn", err=True)


def check_arms(service: "Service") -> None:
    """Raises InputError where an arm has no agent, or the statistics of its results are not installed."""
    service.roster.check_arms()
    if service.roster.course:
        import suasion.evaluation.ab  # noqa: F401 - told now, not at the first result


def run_app(app: "ASGIApp", host: str, port: int) -> None:
    """Until SIGTERM or Ctrl-C."""
    import uvicorn

    check_free(host, port)
    # SQLite lets other threads run at every statement: it shall not wait 5 ms for each until it goes on
    sys.setswitchinterval(0.0005)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )


def check_free(host: str, port: int) -> None:
    """Raises InputError where nobody can listen there, before the server says so in a log."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise InputError(
            f"can't listen on {host}:{port} ({error.strerror or error}): another program may be there, so "
            "choose another --port",
            field="port",
        ) from None


@click.group(epilog=example("suasion key create --scope agent --store sqlite:///runs/suasion.db"))
def key() -> None:
    """API keys: only their hashes are kept."""


@key.command("create", epilog=example("suasion key create --scope agent --store sqlite:///suasion.db"))
@click.option(
    "--scope", type=click.Choice(["agent", "rater", "operator", "admin"]), required=True, help="what it opens"
)
@click.option("--label", default="", help="whose it is")
@STORE
def key_create(scope: str, label: str, url: str) -> None:
    """Make a key and show it, this once."""
    from suasion.serving.access import Scope, create_key
    from suasion.serving.store import Store

    store = Store(url)
    click.echo(create_key(store, Scope(scope), label))
    store.close()


@key.command("list", epilog=example("suasion key list --store sqlite:///suasion.db"))
@STORE
def key_list(url: str) -> None:
    """Id, scope, day and label of every key."""
    from suasion.serving.access import list_keys
    from suasion.serving.store import Store

    store = Store(url)
    for line in list_keys(store):
        click.echo(line)
    store.close()


@key.command("revoke", epilog=example("suasion key revoke 0123456789ab --store sqlite:///suasion.db"))
@click.argument("key_id")
@STORE
def key_revoke(key_id: str, url: str) -> None:
    """A key stops working within ten seconds."""
    from suasion.serving.access import revoke_key
    from suasion.serving.store import Store

    store = Store(url)
    found = revoke_key(store, key_id)
    store.close()
    if not found:
        raise click.BadParameter("no key of this id works", param_hint="KEY_ID")
    click.echo(f"{key_id} revoked")


@click.command(epilog=example("suasion outbound --input runs/briefs.jsonl --store sqlite:///suasion.db"))
@click.option("--input", "source", type=FILE, required=True, help="briefs, one JSON a line")
@click.option("--pack", "pack_name", default="hotel", show_default=True)
@STORE
@click.option("--key", help="the briefs enter the line once under it; by default it is made of their content")
def outbound(source: Path, pack_name: str, url: str, key: str | None) -> None:
    """Put briefs into the line: the service on this store begins their conversations as its limits allow.

    The same file again adds nothing, unless it comes under another key."""
    from datetime import UTC, datetime

    from suasion.negotiation.pack import Pack
    from suasion.serving.asked import KEY_CHARACTERS, RefusedError
    from suasion.serving.contracts import Queued
    from suasion.serving.outbound import enqueue, of_a_file, read_briefs
    from suasion.serving.store import Store

    if key and len(key) > KEY_CHARACTERS:
        raise click.BadParameter(f"at most {KEY_CHARACTERS} characters", param_hint="--key")
    pack = Pack.load(pack_name)
    briefs = read_briefs(source, pack)
    store = Store(url)
    try:
        answered = enqueue(store, pack, briefs, datetime.now(UTC), of_a_file(briefs, pack, key))
    except RefusedError as error:
        raise click.BadParameter(error.message, param_hint="--key") from None
    finally:
        store.close()
    line = Queued(**answered.body)
    if answered.replayed:
        click.echo("nothing added: these briefs were put into the line before; another --key adds them again")
    click.echo(f"{line.queued} in the line, {line.refused} left out: their contact has opted out")


@click.group("store", epilog=example("suasion store export --output runs/conversations.jsonl"))
def store_group() -> None:
    """What a service stored."""


@store_group.command("export", epilog=example("suasion store export --output runs/conversations.jsonl"))
@STORE
@click.option("--pack", "pack_name", default="hotel", show_default=True)
@click.option("--output", type=FILE, required=True, help="dialogue records, one JSON a line")
@click.option("--replies", "by_reply", is_flag=True, help="one for each reply, as `suasion score` reads them")
def store_export(url: str, pack_name: str, output: Path, by_reply: bool) -> None:
    """Every conversation as a dialogue record with its outcome so far."""
    from suasion.negotiation.dialogue import write_dialogues
    from suasion.negotiation.pack import Pack
    from suasion.serving.store import Store
    from suasion.serving.transcripts import records, replies_of

    store = Store(url)
    found = records(store, Pack.load(pack_name))
    if by_reply:
        found = (reply for record in found for reply in replies_of(record))
    count = write_dialogues(output, found)
    store.close()
    click.echo(f"{count} {'replies' if by_reply else 'conversations'} in {output}")
