"""`suasion run`, and `suasion train`: the road, or a stage of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suasion.cli.options import FILE, FOLDER, command_line, example

if TYPE_CHECKING:
    from suasion.config import RunConfig
    from suasion.pipeline import Stage

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


@click.command("run", epilog=example("suasion run --config configs/quickstart.toml --output runs/quickstart"))
@click.option("--config", "config_path", type=FILE, required=True, help="TOML file; see src/suasion/config/")
@click.option("--output", type=FOLDER, required=True, help="run directory")
@click.option("--seed", type=int, help="instead of the file's")
@_resume
@_overwrite
def run_command(config_path: Path, output: Path, seed: int | None, resume: bool, overwrite: bool) -> None:
    """The whole road: data, SFT, reward model, judge, REPO, report."""
    _run(config_path, output, seed, resume, None, overwrite=overwrite)


@click.group(epilog=example("suasion train repo --config configs/quickstart.toml --output runs/mine"))
def train() -> None:
    """Train stage by stage: `sft`, then `rewards` and `repo --resume` go on with what the directory has."""


@train.command("sft", epilog=example("suasion train sft --config configs/quickstart.toml --output runs/mine"))
@_run_options
@_overwrite
def train_sft(
    config_path: Path, output: Path, seed: int | None, records: Path | None, overwrite: bool
) -> None:
    """SFT alone: the agent that every later stage stands on."""
    _run(config_path, output, seed, False, records, "SFT", overwrite)


@train.command(
    "rewards", epilog=example("suasion train rewards --config configs/quickstart.toml --output runs/mine")
)
@_run_options
def train_rewards(config_path: Path, output: Path, seed: int | None, records: Path | None) -> None:
    """Reward model and judge, on the directory's SFT, or on one that is trained first."""
    _run(config_path, output, seed, True, records, "rewards")


@train.command(
    "repo",
    epilog=example("suasion train repo --config configs/quickstart.toml --output runs/mine --resume"),
)
@click.option("--config", "config_path", type=FILE, help="TOML file; with --from, how it trains from now on")
@click.option("--output", type=FOLDER, required=True, help="run directory")
@click.option("--seed", type=int, help="instead of the file's")
@click.option("--records", type=FILE, help="learn from these records instead of synthetic ones")
@click.option("--from", "ancestor", type=FOLDER, help="go on from this finished run, under another --suite")
@click.option("--suite", help="with --from: the patched pack, or a version in the history of the run's own")
@click.option("--steps", type=click.IntRange(1), help="with --from: instead of the run's own")
@click.option(
    "--engine",
    type=click.Choice(["suasion", "verl"]),
    default="suasion",
    show_default=True,
    help="verl: on a cluster, under Ray, as [cluster] of the file says (docs/integrations.md)",
)
@click.option("--dry-run", is_flag=True, help="with --engine verl: compose, check and print, submit nothing")
@_resume
@_overwrite
def train_repo(
    config_path: Path | None,
    output: Path,
    seed: int | None,
    records: Path | None,
    ancestor: Path | None,
    suite: str | None,
    steps: int | None,
    engine: str,
    dry_run: bool,
    resume: bool,
    overwrite: bool,
) -> None:
    """REPO: RM, judge and rules as one reward, PPO with a value model; then the verdict.

    With --from and --suite it goes on from a finished run, under a pack that patches have changed.
    With --engine verl it goes to a cluster; what would be asked of that is told by, for example

    \b
        suasion train repo --engine verl --config configs/one-gpu.toml --output runs/one-gpu --dry-run
    """
    if ancestor is None:
        if suite is not None or steps is not None:
            raise click.UsageError("--suite and --steps go with --from")
        if config_path is None:
            raise click.UsageError("Missing option '--config', or --from and --suite")
        if engine == "verl":
            from suasion.cli.cluster import train_by_verl

            train_by_verl(config_path, output, seed, records, resume, overwrite, dry_run)
            return
        if dry_run:
            raise click.UsageError("--dry-run goes with --engine verl")
        _run(config_path, output, seed, resume, records, overwrite=overwrite)
        return
    if suite is None:
        raise click.UsageError("--from needs --suite: the pack to go on under")
    if engine == "verl" or dry_run:
        raise click.UsageError("--from goes on with our own trainer: leave out --engine and --dry-run")
    if seed is not None or records is not None:
        raise click.UsageError("a run that is gone on from keeps its data: leave out --seed and --records")
    from suasion.lineage import go_on

    _follow(go_on(ancestor, suite, output, config_path, steps), output, resume, overwrite=overwrite)


def _run(
    config_path: Path,
    output: Path,
    seed: int | None,
    resume: bool,
    records: Path | None,
    until: "Stage" = "evaluation",
    overwrite: bool = False,
) -> None:
    from suasion.config import load_config

    _follow(load_config(config_path, records, seed=seed), output, resume, until, overwrite)


def _follow(
    config: "RunConfig",
    output: Path,
    resume: bool,
    until: "Stage" = "evaluation",
    overwrite: bool = False,
) -> None:
    from suasion.pipeline import run

    report = run(config, output, resume, command_line(), until, overwrite)
    if report is None:
        click.echo(output)
        return
    click.echo(report.headline)
    click.echo(output / "report.html")
