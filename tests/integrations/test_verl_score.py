"""`compute_score` as verl's own managers call it; verl itself is not needed (see test_verl.py for it)."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suasion.errors import InputError
from suasion.integrations.verl import Info, compute_score
from suasion.negotiation.dialogue import Dialogue, dump_dialogue

Lines = Callable[..., list[dict[str, Any]]]


async def scored(replies: list[Dialogue], settings: Path) -> list[Info]:
    return await asyncio.gather(
        *(
            compute_score(
                "suasion/hotel", one.reply or "", one.id, row_of(row, one), settings=str(settings), router="x"
            )
            for row, one in enumerate(replies)
        )
    )


def row_of(row: int, dialogue: Dialogue) -> dict[str, object]:
    return {"index": row, "split": "train", "dialogue": dump_dialogue(dialogue.with_reply(""))}


def test_each_component_is_what_suasion_score_says(
    settings: Path, run_folder: Path, replies: list[Dialogue], score_lines: Lines
) -> None:
    together = asyncio.run(scored(replies, settings))
    alone = [asyncio.run(scored([one], settings))[0] for one in replies]
    for found in (together, alone):
        for line, info in zip(score_lines(replies, run_folder), found, strict=True):
            assert info["score"] == info["r_total"] == pytest.approx(line["r_total"], abs=1e-6)
            for name in ("r_model", "e_judge", "e_func", "e_enh"):
                assert info[name] == pytest.approx(line[name], rel=1e-6, abs=1e-6), name
            assert {key: info[key] for key in ("stage", "suite_version", "read")} == {
                "stage": line["stage"], "suite_version": line["suite_version"], "read": 1.0,
            }  # fmt: skip
            assert {key.removeprefix("status_"): told for key, told in info.items() if "status" in key} == (
                line["status"]
            )


def test_a_row_without_a_record_is_named(settings: Path) -> None:
    with pytest.raises(
        InputError, match=r"extra_info:5: dialogue: expected a record as JSON, found NoneType"
    ):
        asyncio.run(compute_score("suasion/hotel", "Hello.", "d1", {"index": 5}, settings=str(settings)))
    broken = {"index": 6, "dialogue": "{"}
    with pytest.raises(InputError, match=r"extra_info.dialogue:6: not valid JSON"):
        asyncio.run(compute_score("suasion/hotel", "Hello.", "d1", broken, settings=str(settings)))


def test_it_needs_neither_verl_nor_torch() -> None:
    told = "import sys, suasion.integrations.verl; print({'verl', 'torch', 'ray'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
