"""`suasion train repo --engine verl`: the same run on a cluster."""

import shutil
from pathlib import Path

import click

from suasion.cli.options import command_line

CHECKPOINTS = "checkpoints"  # verl's, in the run directory


def train_by_verl(
    config_path: Path,
    output: Path,
    seed: int | None,
    records: Path | None,
    resume: bool,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Compose, check and print; then submit to Ray, unless it is a dry run."""
    from suasion.config import load_config
    from suasion.errors import InputError
    from suasion.integrations.verl.launch import describe, plan, submit, versions
    from suasion.running.folder import describe_run, write_json
    from suasion.running.lock import locked

    config = load_config(config_path, records, seed=seed)
    with locked(output):
        begun = (output / CHECKPOINTS).is_dir()
        if begun and not (resume or overwrite or dry_run):
            raise InputError("has checkpoints of an earlier run: --resume or --overwrite", str(output))
        made = plan(config, output, str(config_path))
        write_json(output / "run.json", describe_run(config, command_line(), []) | {"engine": versions()})
        click.echo(describe(made))
        if dry_run:
            click.echo(f"nothing was submitted; verl's configuration is in {output / 'verl.yaml'}")
            return
        if begun and overwrite:
            shutil.rmtree(output / CHECKPOINTS)
        submit(made)
