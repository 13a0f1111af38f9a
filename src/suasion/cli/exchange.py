"""`suasion data import` and `suasion data export`: dialogues and pairs from and to what others read."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from suasion.cli.options import FILE, example

if TYPE_CHECKING:
    from suasion.data.chat import BriefOf
    from suasion.errors import InputError
    from suasion.negotiation.dialogue import Dialogue
    from suasion.negotiation.pack import Pack

R = TypeVar("R")


@click.command(
    "import",
    epilog=example(
        "suasion data import --source examples/chat.jsonl --brief examples/brief.yaml --pack hotel "
        "--output runs/chat.jsonl"
    ),
)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    required=True,
    help="chat messages (.jsonl), turns (.csv), or a folder with the tables that a pack's import.yaml names",
)
@click.option(
    "--pack",
    "pack_name",
    help="how the tables are read and what briefs hold; without it tables are read as the built-in pack's "
    "that has them, with a goal as the whole brief, and briefs of files are not checked",
)
@click.option("--goal", help="said in the brief; of tables, instead of the pack's")
@click.option(
    "--brief", type=FILE, help="of files: one brief for all (YAML, JSON), or records by id (.jsonl)"
)
@click.option("--output", type=FILE, required=True)
def data_import(
    source: Path, pack_name: str | None, goal: str | None, brief: Path | None, output: Path
) -> None:
    """Logged dialogues as dialogue records."""
    from suasion.negotiation.dialogue import write_dialogues
    from suasion.negotiation.pack import Pack

    if goal is not None and brief is not None:
        raise click.UsageError("--goal and --brief both say what the agent was told: give one")
    pack = Pack.load(pack_name) if pack_name else None
    if source.suffix in (".jsonl", ".csv"):
        made = _from_file(source, pack, goal, brief)
    elif brief is None:
        made = _from_tables(source, pack, goal)
    else:
        raise click.UsageError("--brief is for a .jsonl or .csv file")
    click.echo(f"{write_dialogues(output, made)} dialogues in {output}")


def _from_tables(source: Path, pack: "Pack | None", goal: str | None) -> "Iterator[Dialogue]":
    from suasion.data.tables import import_tables, load_tables, pack_of_tables

    tables = load_tables(pack or pack_of_tables(source))
    return import_tables(source, tables, goal, whole_brief=pack is not None)


def _from_file(
    source: Path, pack: "Pack | None", goal: str | None, brief: Path | None
) -> "Iterator[Dialogue]":
    from suasion.data.chat import read_messages
    from suasion.data.turns import read_turns

    read = read_turns if source.suffix == ".csv" else read_messages
    return read(source, _briefs(pack, goal, brief))


def _briefs(pack: "Pack | None", goal: str | None, path: Path | None) -> "BriefOf":
    from suasion.data.given_briefs import given_briefs
    from suasion.negotiation.brief import Brief

    check = pack.check_brief if pack else None
    if path is not None:
        return given_briefs(path, check)
    brief = Brief() if goal is None else Brief.model_validate({"goal": goal})
    if check:
        check(brief)
    return lambda name: brief


@click.command(
    "export",
    epilog=example("suasion data export --as sft --input examples/log.jsonl --output runs/sft.jsonl"),
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["sft", "preference", "messages", "csv"]),
    required=True,
    help="sft: TRL's prompt and completion; preference: TRL's prompt, chosen and rejected; messages: whole "
    "dialogues as chat messages; csv: a turn a row",
)
@click.option(
    "--input",
    "source",
    type=FILE,
    required=True,
    help="dialogue records; for preference pairs, as `data/examples.py` writes them",
)
@click.option("--pack", "pack_name", default="hotel", show_default=True, help="built-in pack or folder")
@click.option(
    "--model", help="folder or hub name: its special tokens are taken out of every text of messages"
)
@click.option("--output", type=FILE, required=True)
def data_export(form: str, source: Path, pack_name: str, model: str | None, output: Path) -> None:
    """Dialogues and pairs in the formats of others; docs/data.md says what each holds and loses."""
    from suasion.data.chat import message_rows, preference_rows, sft_rows, write_rows
    from suasion.data.examples import each_pair
    from suasion.data.turns import write_turns
    from suasion.negotiation.dialogue import read_dialogues
    from suasion.negotiation.pack import Pack

    pack, special = Pack.load(pack_name), _special_tokens(model)
    if form == "csv":
        dialogues = _sound(read_dialogues(source, pack.check_brief))
        click.echo(f"{write_turns(output, dialogues)} dialogues in {output}")
        return
    if form == "preference":
        rows = preference_rows(_sound(each_pair(source, pack.check_brief)), pack, special)
    else:
        rows_of = {"sft": sft_rows, "messages": message_rows}[form]
        rows = rows_of(_sound(read_dialogues(source, pack.check_brief)), pack, special)
    click.echo(f"{write_rows(output, rows)} rows in {output}")


def _sound(records: "Iterable[tuple[int, R | InputError]]") -> Iterator[R]:
    """One after another; the first broken one is raised."""
    from suasion.errors import InputError

    for _, record in records:
        if isinstance(record, InputError):
            raise record
        yield record


def _special_tokens(model: str | None) -> Sequence[str]:
    if model is None:
        return ()
    from suasion.integrations.export import load_tokenizer

    return tuple(load_tokenizer(model)[1].all_special_tokens)
