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
    """Dialogues along the SOP, a scripted expert talking with the simulated counterpart.

    Says how often they come through each stage and transition, and through which they never do.
    """
    from suasion.data.coverage import coverage
    from suasion.data.synthesize import synthesize
    from suasion.negotiation.dialogue import write_dialogues
    from suasion.negotiation.pack import Pack

    pack = Pack.load(pack_name)
    made = synthesize(pack, count, seed, split)  # type: ignore[arg-type]  # click checked the choice
    click.echo(f"{write_dialogues(output, made)} dialogues in {output}")
    for line in coverage(made, pack).lines():
        click.echo(line)


@data.command(
    "online", epilog=example("suasion data online --count 300 --seed 11 --output runs/online.jsonl")
)
@click.option("--pack", "pack_name", default="hotel")
@click.option("--count", type=click.IntRange(1), required=True)
@click.option("--seed", type=int, default=0)
@click.option("--output", type=FILE, required=True)
def data_online(pack_name: str, count: int, seed: int, output: Path) -> None:
    """Unseen briefs, with counterparts of wider ranges than the pack's, for `simulate --briefs`."""
    from suasion.counterpart.online import draw_online
    from suasion.negotiation.dialogue import write_dialogues
    from suasion.negotiation.pack import Pack

    made = draw_online(Pack.load(pack_name), count, seed)
    click.echo(f"{write_dialogues(output, made)} briefs in {output}")


@data.command(
    "replies", epilog=example("suasion data replies --input examples/gifts.jsonl --output runs/replies.jsonl")
)
@click.option("--input", "source", type=FILE, required=True, help="whole dialogues, one JSON a line")
@click.option("--output", type=FILE, required=True)
def data_replies(source: Path, output: Path) -> None:
    """Each reply of the agent as a record of its own, after what was said before it: for `suasion score`."""
    from suasion.negotiation.dialogue import load_dialogues, replies_of, write_dialogues

    made = (reply for dialogue in load_dialogues(source) for reply in replies_of(dialogue))
    click.echo(f"{write_dialogues(output, made)} replies in {output}")


@click.group("pack", epilog=example("suasion pack check hotel"))
def pack_group() -> None:
    """Domains as data."""


@pack_group.command("check", epilog=example("suasion pack check hotel"))
@click.argument("name")
@click.option(
    "--sop/--no-sop",
    "draws_sop",
    default=True,
    help="draw the SOP (default): stages, what they ask for, exits",
)
def pack_check(name: str, draws_sop: bool) -> None:
    """Load a pack, run the examples of its intents and rules, say and hear each of its phrases, and hold some
    conversations in its world. Code that it names for rewards and checks is loaded and run."""
    from suasion.data.rubric import load_rubric
    from suasion.data.synthesize import try_out
    from suasion.data.tables import load_tables
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
    if pack.has("import.yaml"):
        load_tables(pack)
    if pack.has("briefs.yaml") and pack.has("counterpart.yaml"):
        try_out(pack)
    if draws_sop:
        from suasion.negotiation.diagram import draw_sop

        click.echo(draw_sop(pack.sop) + "\n")
    stages = len(pack.sop.stages) + len(pack.sop.side_states)
    acts = len(pack.intents.intents)
    own = f", {len(rules.own)} of its own rewards" if rules.own else ""
    click.echo(f"{pack.id} {pack.version}: {stages} stages, {acts} acts, {len(rules.rules)} rules{own}")


@pack_group.command("new", epilog=example("suasion pack new mine --from generic --output runs/packs/mine"))
@click.argument("name")
@click.option("--from", "source", required=True, help="the pack that is copied: a built-in one or a folder")
@click.option("--title", help="what the domain is, in a sentence")
@click.option("--output", type=FOLDER, required=True, help="the pack's folder; must not have anything")
def pack_new(name: str, source: str, title: str | None, output: Path) -> None:
    """Begin a pack of your own as a copy of another. Then change its files, and `suasion pack check` it."""
    from suasion.negotiation.new_pack import new_pack

    pack = new_pack(name, source, output, title)
    click.echo(f"{pack.id} in {output}; next: suasion pack check {output}")


@pack_group.command(
    "train-acts",
    epilog=example(
        "suasion pack train-acts hotel --labelled benchmarks/labelled/acts.jsonl --output runs/acts.yaml"
    ),
)
@click.argument("name")
@click.option("--labelled", type=FILE, required=True, help="utterances with their acts, one JSON a line")
@click.option(
    "--floor", type=click.FloatRange(0, 1), default=0.5, help="held-out F1 of an act to be believed"
)
@click.option("--output", type=FILE, required=True, help="acts.yaml; put it into the pack's folder to use it")
def pack_train_acts(name: str, labelled: Path, floor: float, output: Path) -> None:
    """Train an ear for a pack's dialogue acts, and say how well it hears each in voices held out."""
    from suasion.fitting.fit_acts import fit_acts, load_utterances, write_acts
    from suasion.negotiation.pack import Pack

    pack = Pack.load(name)
    made = fit_acts(pack, load_utterances(labelled, pack), floor)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_acts(made, output)
    for speaker in ("agent", "counterpart"):
        for act, one in made.of(speaker).held_out.items():
            kept = "" if act in made.believed(speaker) else "  not believed"
            click.echo(
                f"{speaker}.{act}: F1 {one.f1:.2f} of {one.count}, patterns {one.by_patterns:.2f}{kept}"
            )
