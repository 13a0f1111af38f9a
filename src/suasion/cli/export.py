"""`suasion export`: the same rewards in another framework, ready to run; and the trained model."""

from collections.abc import Callable
from pathlib import Path

import click

from suasion.cli.options import FILE, FOLDER, example

EXAMPLE = "suasion export {} --dialogues examples/replies.jsonl --output runs/{}"


@click.group("export", epilog=example(EXAMPLE.format("verl", "verl")))
def export_group() -> None:
    """Train with another framework on Suasion's rewards; see docs/integrations.md."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--dialogues", type=FILE, required=True, help="records: contexts, or whole dialogues"),
        click.option("--pack", default="hotel", help="built-in pack or folder"),
        click.option("--preference", default="none", help="none, or a run directory with a reward model"),
        click.option("--judge", default="none", help="none, local (of the run) or a URL"),
        click.option("--unread", type=float, help="paid for a reply without a reading; else the run stops"),
        click.option("--model", help="to train: a folder or a hub name; by default that of the run"),
        click.option("--output", type=FOLDER, required=True),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _add(framework: str, text: str) -> None:
    @export_group.command(framework, help=text, epilog=example(EXAMPLE.format(framework, framework)))
    @_options
    def _(
        dialogues: Path,
        pack: str,
        preference: str,
        judge: str,
        unread: float | None,
        model: str | None,
        output: Path,
    ) -> None:
        from suasion.integrations.export import export
        from suasion.integrations.settings import RewardSettings

        settings = RewardSettings(
            pack=pack,
            preference=preference,
            judge=judge,
            unread=unread,
            paid="e_enh" if preference == "none" else "r_total",
        )
        made = export(framework, dialogues, settings, model, output)
        click.echo(f"{made.train} contexts to train on, {made.validation} to validate, paid {made.paid}")
        if made.paid == "e_enh":
            click.echo("no reward model (--preference): judge and rules alone are paid", err=True)
        if made.shares_briefs:
            click.echo("there is only one brief: validation has it, too", err=True)
        click.echo(made.command)


_add("verl", "Parquet, and verl's trainer with our reward manager.")
_add("openrlhf", "JSONL with the record as label, a reward_func file, and OpenRLHF's trainer.")
_add("trl", "JSONL, and a script with TRL's GRPOTrainer.")


@export_group.command(
    "model", epilog=example("suasion export model --run runs/quickstart --output runs/model")
)
@click.option("--run", type=FOLDER, required=True, help="a finished run")
@click.option("--as", "kind", type=click.Choice(["merged", "adapter"]), default="merged", show_default=True)
@click.option("--output", type=FOLDER, required=True)
def model_command(run: Path, kind: str, output: Path) -> None:
    """The trained policy for plain transformers, or as one adapter for plain PEFT.

    merged: a folder that any program loads, vLLM and the other trainers' --model among them. adapter: SFT and
    what was learnt upon it as one low-rank adapter over the untouched model.
    """
    from suasion.pipeline import load_agent
    from suasion.policy.portable import save_adapter, save_merged
    from suasion.rewards.saved import SFT
    from suasion.training.checkpoint import POLICY

    agent, _ = load_agent(run)
    if kind == "merged":
        save_merged(agent.backbone, POLICY, output)
    else:
        save_adapter(agent.backbone, [run / f"{name}.safetensors" for name in (SFT, POLICY)], output)
    click.echo(f"{kind} model in {output}")
