"""Rows for verl's data set: contexts to answer, or briefs to negotiate, and which agent loop does it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suasion.config import RunConfig
from suasion.counterpart.briefs import Split, draw_briefs
from suasion.counterpart.credit import REPLIES
from suasion.data.splits import prepare
from suasion.errors import InputError
from suasion.integrations.export import prompt_length, rounded, verl_row, write_rows
from suasion.integrations.trl import training_rows
from suasion.integrations.verl.overrides import (
    LOOPS,
    NEGOTIATION,
    SINGLE,
    TRAIN,
    VALIDATION,
    Sizes,
    cluster_of,
    rows_of_a_step,
)
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.running.folder import write_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and how long it makes verl's sequences."""

    train: int
    validation: int
    longest: int
    sizes: Sizes


def write_data(
    config: RunConfig, pack: Pack, pack_name: str, tokenizer: "PreTrainedTokenizerBase", folder: Path
) -> Written:
    """Both Parquet files and the list of agent loops.

    pack_name: as workers in other directories find it. Raises InputError for too few contexts for a step.
    """
    cluster, whole = cluster_of(config), config.training.credit == "trajectory"
    make = _negotiations if whole else _contexts
    train, validation = make(config, pack, tokenizer)
    rows = rows_of_a_step(config)
    if len(train) < rows:
        raise InputError(
            f"found {len(train)} contexts to train on, a step takes {rows}: "
            "lower it, or raise data.dialogues",
            field="training.contexts_per_step",
        )
    template = cluster.template
    longest = max(prompt_length(row["prompt"], tokenizer, template) for row in (*train, *validation))
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / TRAIN, train)
    write_rows(folder / VALIDATION, validation)
    loop = {
        "name": NEGOTIATION,
        "_target_": "suasion.integrations.verl.negotiation.NegotiationLoop",
        "pack": pack_name,
        "longest_reply": config.generation.max_new_tokens,
        "outcome": config.training.outcome,
    }
    write_text(folder / LOOPS, json.dumps([loop], indent=1) + "\n")  # JSON is YAML
    sizes = Sizes(
        rows=rows,
        replies=config.training.replies_per_context,
        prompt=rounded(longest),
        response=cluster.conversation_tokens if whole else config.generation.max_new_tokens,
        steps_an_epoch=len(train) // rows,
    )
    return Written(len(train), len(validation), longest, sizes)


def _negotiations(
    config: RunConfig, pack: Pack, tokenizer: "PreTrainedTokenizerBase"
) -> tuple[list[Row], list[Row]]:
    """As many as the steps take, each brief negotiated in every pass."""
    steps = -(-config.training.steps // cluster_of(config).passes)
    sizes: dict[Split, int] = {
        "train": steps * rows_of_a_step(config),
        "validation": max(1, config.training.validation_contexts // REPLIES),
    }
    parts = []
    for split, count in sizes.items():
        briefs = draw_briefs(pack, count, config.seed, split)
        begun = [
            Dialogue(id=f"{config.seed}-{index:05d}", brief=brief, source="simulated")
            for index, brief in enumerate(briefs)
        ]
        rows = _rows(begun, pack, tokenizer, config, split, NEGOTIATION)
        for row, brief in zip(rows, briefs, strict=True):
            row["extra_info"] |= {"brief": brief.model_dump_json(), "seed": config.seed}
        parts.append(rows)
    return parts[0], parts[1]


def _contexts(
    config: RunConfig, pack: Pack, tokenizer: "PreTrainedTokenizerBase"
) -> tuple[list[Row], list[Row]]:
    """Those that our own trainer would answer."""
    data = prepare(pack, config)
    validation = [*data.validation_contexts][: config.training.validation_contexts]
    validation = validation or [one.with_reply("") for one in data.test_contexts[:1]]  # verl wants a file
    return (
        _rows(data.contexts, pack, tokenizer, config, "train", SINGLE),
        _rows(validation, pack, tokenizer, config, "validation", SINGLE),
    )


def _rows(
    dialogues: Sequence[Dialogue],
    pack: Pack,
    tokenizer: "PreTrainedTokenizerBase",
    config: RunConfig,
    split: str,
    loop: str,
) -> list[Row]:
    found = training_rows(dialogues, pack, tokenizer, config.model.max_context_tokens)
    return [verl_row(row, pack.id, split, index) | {"agent_name": loop} for index, row in enumerate(found)]
