"""`suasion demo`: a service with something to look at on every page."""

from pathlib import Path

import click

from suasion.cli.options import FOLDER, example


@click.command(epilog=example("suasion demo --output runs/demo --conversations 24 --contacts 12 --no-serve"))
@click.option("--output", type=FOLDER, default=Path("runs/demo"), show_default=True, help="its folder")
@click.option("--conversations", type=click.IntRange(12), default=160, show_default=True)
@click.option("--contacts", type=click.IntRange(4), default=80, show_default=True, help="about so many")
@click.option("--seed", type=int, default=0)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--serve/--no-serve", default=True, help="or fill the store only")
def demo(output: Path, conversations: int, contacts: int, seed: int, port: int, serve: bool) -> None:
    """Fill a store with simulated traffic and serve it on this machine. What is there already is kept."""
    import time

    from suasion.serving.demo import fill
    from suasion.serving.store import Store

    output.mkdir(parents=True, exist_ok=True)
    path = output / "suasion.db"
    is_there = path.exists()
    if is_there:
        click.echo(f"{path} is there already; remove {output} to fill it anew")
    else:
        began, part = time.perf_counter(), output / "filling.db"
        for left in output.glob("filling.db*"):  # of a run that was killed
            left.unlink()
        filling = Store(f"sqlite:///{part}")
        done = fill(filling, output / "incidents", conversations, contacts, seed)
        filling.close()
        part.replace(path)
        click.echo(
            f"{done.conversations} simulated conversations, {done.handed_over} of them handed over, "
            f"{done.incidents} incidents, {done.marks} marks of simulated raters; "
            f"{time.perf_counter() - began:.0f} s; {path}"
        )
    if not serve:
        return
    from suasion.cli.serve import run_app
    from suasion.serving.app import create_app
    from suasion.serving.assemble import Limits, assemble
    from suasion.serving.background import alongside
    from suasion.serving.demo import speakers
    from suasion.serving.hours import Reach
    from suasion.serving.logs import set_up_logs
    from suasion.serving.pages.workshop import Workshop

    set_up_logs()
    context = assemble(speakers(seed), Store(f"sqlite:///{path}"), None, Limits())
    context.service.roster.refresh()
    workshop = Workshop(output / "incidents", output / "patches")
    app = create_app(context, beside=alongside(context, Reach(), None), workshop=workshop)
    click.echo(f"http://127.0.0.1:{port}/pages/")
    run_app(app, "127.0.0.1", port)
