"""The reward suite inside verl, tried with 0.9.1: `compute_score`, for verl's own reward managers.

    reward.custom_reward_function.path=pkg://suasion.integrations.verl
    +reward.custom_reward_function.reward_kwargs.settings=/path/to/reward.json

`verl/manager.py` has a reward manager of its own that does the same. Nothing here needs verl installed.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from suasion.errors import InputError
from suasion.integrations.scorer import Payment, Scorer, scorer_of

RECORD = "dialogue"  # the key of extra_info with the dialogue record as JSON
Info = dict[str, float | str | None]


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any],
    settings: str | None = None,
    **_: Any,
) -> Info:
    """`score`, which verl pays, and what stands behind it (see `reward_info`).

    extra_info: `dialogue`, the record as JSON; the reply to it is `solution_str`.
    settings: path of the reward settings; $SUASION_REWARD by default. Raises as `Scorer.submit` does.
    """
    scorer = await asyncio.to_thread(scorer_of, settings)
    return reward_info(await score_reply(scorer, extra_info, solution_str))


async def score_reply(scorer: Scorer, extra_info: Mapping[str, Any], reply: str) -> Payment:
    """Scored together with what other coroutines ask for meanwhile. Raises as `Scorer.submit` does."""
    record, row = record_of(extra_info)
    return await asyncio.wrap_future(scorer.submit(record, reply, f"extra_info.{RECORD}", row))


def record_of(extra_info: Mapping[str, Any]) -> tuple[str, int]:
    """A sample's dialogue record, as JSON, and its row. Raises InputError where there is none."""
    row, record = int(extra_info.get("index") or 0), extra_info.get(RECORD)
    if not isinstance(record, str):
        raise InputError(
            f"expected a record as JSON, found {type(record).__name__}; `suasion export verl` writes it",
            "extra_info", row, RECORD,
        )  # fmt: skip
    return record, row


def reward_info(payment: Payment) -> Info:
    """What verl logs of a sample, the same keys for each. None is `not read`: its means leave it out."""
    reading = payment.reading
    return {
        "score": payment.value,
        "read": float(payment.read),
        "r_total": reading.r_total,
        "r_model": reading.r_model,
        "e_judge": reading.e_judge,
        "e_func": reading.e_func,
        "e_enh": reading.e_enh,
        **{f"status_{source.value}": score.status.value for source, score in reading.scores.items()},
        "stage": reading.stage,
        "suite_version": reading.suite_version,
    }
