"""`suasion experiment`: A/B tests on live traffic, as the store of a service has them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, example
from suasion.cli.serve import STORE

if TYPE_CHECKING:
    from suasion.serving.experiments import ChangeKind

ID = click.argument("experiment_id")
WHY = click.option("--why", required=True, help="kept with the experiment")


@click.group(epilog=example("suasion experiment check examples/experiment.yaml"))
def experiment() -> None:
    """Experiments on live traffic; a running service hears of a change within a second."""


@experiment.command("check", epilog=example("suasion experiment check examples/experiment.yaml"))
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Read an experiment's file as `suasion serve --experiment` does."""
    from suasion.serving.experiments import read_experiment

    read = read_experiment(file)
    arms = ", ".join(f"{arm} {share:g}" for arm, share in read.shares.items())
    click.echo(f"{read.id}: {arms}; control {read.control}")


@experiment.command("list", epilog=example("suasion experiment list --store sqlite:///suasion.db"))
@STORE
def list_experiments(url: str) -> None:
    """A line for each: id, whether it goes on, shares, arms that were stopped."""
    from suasion.serving.store import Store
    from suasion.serving.trials import courses

    store = Store(url)
    for one in courses(store):
        shares = ", ".join(f"{arm} {share:g}" for arm, share in one.shares.items())
        stopped = f"; stopped: {', '.join(sorted(one.stopped))}" if one.stopped else ""
        click.echo(f"{one.experiment.id}  {'ended' if one.ended else 'goes on'}  {shares}{stopped}")
    store.close()


@experiment.command(
    "stop",
    epilog=example('suasion experiment stop new-agent new --why "annoys people" --store sqlite:///s.db'),
)
@ID
@click.argument("arm")
@WHY
@STORE
def stop(experiment_id: str, arm: str, why: str, url: str) -> None:
    """Stop an arm: no word of it leaves any more; its conversations go on with the control's agent."""
    from suasion.serving.experiments import ChangeKind

    _change(url, experiment_id, ChangeKind.ARM_STOPPED, why, arm)
    click.echo(f"{arm} stopped")


@experiment.command(
    "end", epilog=example('suasion experiment end new-agent --why "decided" --store sqlite:///s.db')
)
@ID
@WHY
@STORE
def end(experiment_id: str, why: str, url: str) -> None:
    """Draw nobody any more; open conversations go on with the agent that they have."""
    from suasion.serving.experiments import ChangeKind

    _change(url, experiment_id, ChangeKind.ENDED, why)
    click.echo(f"{experiment_id} ended")


@experiment.command(
    "export",
    epilog=example("suasion experiment export new-agent --output runs/ab.jsonl --store sqlite:///s.db"),
)
@ID
@click.option("--pack", "pack_name", default="hotel", show_default=True)
@click.option("--output", type=FILE, required=True, help="JSONL, as `suasion ab analyze` reads it")
@STORE
def export(experiment_id: str, pack_name: str, output: Path, url: str) -> None:
    """The conversations that count, one a line, and the shares to analyse them with."""
    from datetime import UTC, datetime

    from suasion.cli.ab import write_log
    from suasion.errors import InputError
    from suasion.negotiation.pack import Pack
    from suasion.rewards.rules import RuleSet
    from suasion.serving.asked import RefusedError
    from suasion.serving.results import Results
    from suasion.serving.store import Store
    from suasion.serving.trials import find_course

    store, pack = Store(url), Pack.load(pack_name)
    try:
        course = find_course(store, experiment_id)
    except RefusedError as error:
        raise InputError(error.message, experiment_id) from None
    results = Results(store, pack, RuleSet.load(pack))
    log = results.log(course, datetime.now(UTC))
    write_log(output, log)
    shares = " ".join(f"--share {arm}={share:g}" for arm, share in results.meant(course, log).items())
    store.close()
    click.echo(f"{len(log)} conversations in {output}")
    if log:
        click.echo(f"suasion ab analyze {output} --control {course.experiment.control} {shares}")


def _change(url: str, experiment_id: str, kind: "ChangeKind", why: str, arm: str | None = None) -> None:
    from datetime import UTC, datetime

    from suasion.errors import InputError
    from suasion.serving.asked import RefusedError
    from suasion.serving.store import Store
    from suasion.serving.trials import Asks, change_experiment

    store = Store(url)
    try:
        change_experiment(store, experiment_id, Asks(kind, why, arm), datetime.now(UTC))
    except RefusedError as error:
        raise InputError(error.message, experiment_id, field=error.field) from None
    finally:
        store.close()
