"""`suasion export`: dialogues and rewards as data and configuration that another framework runs as is."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suasion.config import GenerationConfig, ModelConfig
from suasion.data.synthesize import examples_of
from suasion.errors import InputError
from suasion.files import beside
from suasion.integrations.settings import RewardSettings
from suasion.integrations.trl import training_rows
from suasion.negotiation.dialogue import Dialogue, load_dialogues
from suasion.negotiation.pack import Pack
from suasion.running.folder import load_run_config, write_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HELD_OUT = 10  # of every so many briefs one is for validation
BATCH, ROUND = 64, 64  # prompts a step at most; prompt lengths are rounded up to a multiple
SETTINGS = "reward.json"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """How many contexts were written, whether the two sets share briefs, and how training is started."""

    train: int
    validation: int
    shares_briefs: bool
    paid: str
    command: str


@dataclass(frozen=True, slots=True)
class Framework:
    """row: a context's row from TRL's one, the pack's id, the split and its number; suffix: of the data."""

    row: Callable[[Row, str, str, int], Row]
    suffix: str
    templates: tuple[str, ...]
    command: str


def verl_row(row: Row, pack: str, split: str, index: int) -> Row:
    """A row of TRL's as verl's datasets have it; the dialogue goes along as JSON in `extra_info`."""
    name = json.loads(row["dialogue"])["id"]
    return {
        "data_source": f"suasion/{pack}",
        "prompt": row["prompt"],
        "ability": "negotiation",
        "reward_model": {"style": "model", "ground_truth": name},
        "extra_info": {"index": index, "split": split, "dialogue": row["dialogue"]},
    }


def _openrlhf_row(row: Row, pack: str, split: str, index: int) -> Row:
    return {"prompt": row["prompt"], "label": row["dialogue"], "datasource": f"suasion/{pack}"}


def _trl_row(row: Row, pack: str, split: str, index: int) -> Row:
    return row


FRAMEWORKS = {
    "verl": Framework(verl_row, ".parquet", ("train.sh",), "sh {}/train.sh"),
    "openrlhf": Framework(_openrlhf_row, ".jsonl", ("train.sh", "reward_func.py"), "sh {}/train.sh"),
    "trl": Framework(_trl_row, ".jsonl", ("train.py",), "python {}/train.py"),
}


def export(
    framework: str, dialogues: Path, settings: RewardSettings, model: str | None, output: Path
) -> Exported:
    """Write rows for training and validation, the reward settings and what starts the training to `output`.

    dialogues: contexts as they are; of whole dialogues every turn of the agent becomes one.
    model: of the policy, a folder or a hub name; by default that of the run, or the embedded one.
    Raises InputError for broken records, a run that is none or of another pack, a model without tokenizer.
    """
    made, pack = FRAMEWORKS[framework], Pack.load(settings.pack)
    config = (
        load_run_config(Path(settings.preference)).model if settings.preference != "none" else ModelConfig()
    )
    path, tokenizer = load_tokenizer(model or config.name)
    settings = resolved(settings, tokenizer)
    contexts = _contexts(dialogues, pack)
    train, validation, shares = _split(contexts)
    output.mkdir(parents=True, exist_ok=True)
    longest = 0
    for split, part in (("train", train), ("val", validation)):
        rows = training_rows(part, pack, tokenizer, config.max_context_tokens)
        longest = max(longest, *(prompt_length(row["prompt"], tokenizer) for row in rows))
        write_rows(
            output / (split + made.suffix),
            [made.row(row, pack.id, split, index) for index, row in enumerate(rows)],
        )
    write_text(output / SETTINGS, settings.model_dump_json(indent=1) + "\n")
    values = {
        "model": path,
        "longest": rounded(longest),
        "reply": GenerationConfig().max_new_tokens,
        "batch": min(BATCH, len(train)),
    }
    for name in made.templates:
        write_text(output / name, _render(f"{framework}.{name}.j2", values))
    command = made.command.format(shlex.quote(str(output)))
    return Exported(len(train), len(validation), shares, settings.paid, command)


def resolved(settings: RewardSettings, tokenizer: "PreTrainedTokenizerBase") -> RewardSettings:
    """As workers in other directories understand them."""
    changes: dict[str, Any] = {"special_tokens": tuple(tokenizer.all_special_tokens)}
    if Path(settings.pack, "pack.yaml").is_file():  # a folder; else it is a built-in one's name
        changes["pack"] = str(Path(settings.pack).resolve())
    if settings.preference != "none":
        changes["preference"] = str(Path(settings.preference).resolve())
    return settings.model_copy(update=changes)


def load_tokenizer(name: str) -> "tuple[str, PreTrainedTokenizerBase]":
    """The model's whole path, or its name on a hub, and its tokenizer."""
    from transformers import AutoTokenizer

    from suasion.policy.install import EMBEDDED, install_model

    path = str(install_model()) if name == EMBEDDED else name
    path = str(Path(path).resolve()) if Path(path).is_dir() else path
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise InputError(f"has no tokenizer: {str(error).splitlines()[0]}", path) from None
    if not tokenizer.chat_template:
        raise InputError("its tokenizer has no chat template: take an instruction-tuned model", path)
    return path, tokenizer


def _contexts(path: Path, pack: Pack) -> list[Dialogue]:
    """What the policy is to answer; a whole dialogue ends, or its last word is the agent's."""
    found: list[Dialogue] = []
    for record in load_dialogues(path, pack.check_brief):
        whole = (
            record.reply is None
            and bool(record.turns)
            and (record.outcome is not None or record.turns[-1].speaker == "agent")
        )
        found += [one.dialogue for one in examples_of([record], pack)] if whole else [record]
    if not found:
        raise InputError("has no dialogue", str(path))
    return found


def _split(contexts: Sequence[Dialogue]) -> tuple[list[Dialogue], list[Dialogue], bool]:
    """Training and validation, neither empty; no brief is in both, unless there is only one."""
    briefs = [one.brief.model_dump_json() for one in contexts]
    places = {brief: place for place, brief in enumerate(dict.fromkeys(briefs))}
    shares = len(places) == 1
    order = range(len(contexts)) if shares else [places[brief] for brief in briefs]
    held = [place % HELD_OUT == 1 for place in order]
    train = [one for one, kept in zip(contexts, held, strict=True) if not kept]
    validation = [one for one, kept in zip(contexts, held, strict=True) if kept]
    return train, validation or train, shares


def prompt_length(
    prompt: Any, tokenizer: "PreTrainedTokenizerBase", template: Mapping[str, bool] | None = None
) -> int:
    """Tokens of a prompt of chat messages, under these arguments of the chat template."""
    named: dict[str, Any] = {"add_generation_prompt": True, "return_dict": False, **(template or {})}
    return len(tokenizer.apply_chat_template(list(prompt), **named))


def rounded(length: int) -> int:
    """A prompt's length, up to the next multiple of ROUND."""
    return -(-length // ROUND) * ROUND


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """As Parquet or JSON lines, by the path's suffix."""
    if path.suffix != ".parquet":
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    import pyarrow as pa
    from pyarrow import parquet

    with beside(path) as part:
        parquet.write_table(pa.Table.from_pylist(list(rows)), part)


def _render(template: str, values: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("suasion.integrations", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - shell and Python, each value by its own quotes
    )
    environment.filters |= {"quote": shlex.quote, "repr": repr}
    return environment.get_template(template).render(values)
