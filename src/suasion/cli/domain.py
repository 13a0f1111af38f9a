"""`suasion data` and `suasion pack`: what is learnt from, and the domains that it is of."""

from pathlib import Path

import click

from suasion.cli.options import FILE, FOLDER, example


@click.group(epilog=example("suasion data synthesize --count 100 --output runs/dialogues.jsonl"))
def data() -> None:
    """Dialogues to learn from."""


@data.command(
    "synthesize", epilog=example("suasion data synthesize --count 100 --output runs/dialogues.jsonl")
)
@click.option("--pack", "pack_name", default="hotel")
@click.option("--count", type=click.IntRange(1), required=True)
@click.option("--seed", type=int, default=0)
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="train")
@click.option("--output", type=FILE, required=True)
def data_synthesize(pack_name: str, count: int, seed: int, split: str, output: Path) -> None:
    """Dialogues along the SOP, a scripted expert talking with the simulated counterpart."""
    from suasion.data.synthesize import synthesize
    from suasion.negotiation.dialogue import write_dialogues
    from suasion.negotiation.pack import Pack

    made = synthesize(Pack.load(pack_name), count, seed, split)  # type: ignore[arg-type]  # click checked the choice
    click.echo(f"{write_dialogues(output, made)} dialogues in {output}")


@data.command(
    "online", epilog=example("suasion data online --count 300 --seed 11 --output runs/online.jsonl")
)
@click.option("--pack", "pack_name", default="hotel")
@click.option("--count", type=click.IntRange(1), required=True)
@click.option("--seed", type=int, default=0)
@click.option("--output", type=FILE, required=True)
def data_online(pack_name: str, count: int, seed: int, output: Path) -> None:
    """Briefs of unseen hotels with counterparts of wider ranges than the pack's, for `simulate --briefs`."""
    from suasion.counterpart.online import draw_online
    from suasion.negotiation.dialogue import write_dialogues
    from suasion.negotiation.pack import Pack

    made = draw_online(Pack.load(pack_name), count, seed)
    click.echo(f"{write_dialogues(output, made)} briefs in {output}")


@data.command("import", epilog=example("suasion data import --source FOLDER --output runs/real.jsonl"))
@click.option("--source", type=FOLDER, required=True, help="folder with full_dialog.csv (PersuasionForGood)")
@click.option("--goal", default="persuade the other person to donate to a charity", help="said in the brief")
@click.option("--output", type=FILE, required=True)
def data_import(source: Path, goal: str, output: Path) -> None:
    """Real human dialogues as dialogue records."""
    from suasion.data.importers import import_persuasion_for_good
    from suasion.negotiation.dialogue import write_dialogues

    count = write_dialogues(output, import_persuasion_for_good(source, goal))
    click.echo(f"{count} dialogues in {output}")


@click.group("pack", epilog=example("suasion pack check hotel"))
def pack_group() -> None:
    """Domains as data."""


@pack_group.command("check", epilog=example("suasion pack check hotel"))
@click.argument("name")
@click.option("--sop", "shows_sop", is_flag=True, help="draw the SOP: stages, what they ask for, exits")
def pack_check(name: str, shows_sop: bool) -> None:
    """Load a pack, run the examples of its intents and rules, and say and hear each of its phrases."""
    from suasion.data.rubric import load_rubric
    from suasion.language.acts import load_hearing
    from suasion.language.check import check_phrases
    from suasion.negotiation.pack import Pack
    from suasion.rewards.rules import RuleSet

    pack = Pack.load(name)
    load_hearing(pack)
    rules = RuleSet.load(pack)
    check_phrases(pack)
    if pack.has("rubric.yaml"):
        load_rubric(pack)
    if shows_sop:
        from suasion.negotiation.diagram import draw_sop

        click.echo(draw_sop(pack.sop) + "\n")
    stages = len(pack.sop.stages) + len(pack.sop.side_states)
    acts = len(pack.intents.intents)
    click.echo(f"{pack.id} {pack.version}: {stages} stages, {acts} acts, {len(rules.rules)} rules")
