"""The reward suite inside OpenRLHF, written for 0.11.2: a file with a `reward_func`.

    --reward.remote_url .../suasion/integrations/openrlhf.py   with $SUASION_REWARD set on every node, or
    --reward.remote_url DIR/reward_func.py                     as `suasion export openrlhf` writes it

OpenRLHF loads the file by its path, outside sys.modules, and calls it from threads, a sample at a time.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from suasion.errors import InputError
from suasion.integrations.scorer import Payment, scorer_of

LEAST = 16  # characters of a prompt that must be found before the reply, where its beginning was cut off
_log = logging.getLogger("suasion")


class RewardFunc(Protocol):
    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
    ) -> dict[str, Any]: ...


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """`rewards`, `scores` and `extra_logs` of one sample, by the settings that $SUASION_REWARD names.

    queries: prompt and reply, special tokens included. labels: the dialogue record as JSON.
    Raises InputError for a label that is no record, and UnreadError as `Scorer.submit` does.
    """
    return _reward(None, queries, prompts, labels)


def reward_function(settings: str | Path) -> RewardFunc:
    """The same by the settings of a file."""

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        return _reward(settings, queries, prompts, labels)

    return reward_func


def _reward(
    settings: str | Path | None, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
) -> dict[str, Any]:
    try:
        return _logs(_payment(settings, queries, prompts, labels))
    except Exception as error:
        # OpenRLHF notes it at level info and goes on to a reward of None, which fails later and elsewhere.
        _log.error("no reward: %s", error)
        raise


def _payment(
    settings: str | Path | None, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
) -> Payment:
    if not len(queries) == len(prompts) == len(labels) == 1:
        raise InputError(
            "takes one sample at a time, as OpenRLHF 0.11 calls it; "
            f"found {len(queries)} queries, {len(prompts)} prompts, {len(labels)} labels"
        )
    scorer = scorer_of(settings)
    reply = reply_of(queries[0], prompts[0], scorer.settings.special_tokens)
    return scorer.submit(labels[0], reply, "labels", 1).result()


def _logs(payment: Payment) -> dict[str, Any]:
    """OpenRLHF's logs take numbers alone, and the same keys of each sample.

    So what the judge added to E is logged, with whether it was read: an unread one adds nothing.
    """
    reading = payment.reading
    numbers = {"r_model": reading.r_model, "e_func": reading.e_func, "e_enh": reading.e_enh}
    logs = {name: value for name, value in numbers.items() if value is not None}
    logs["read"] = float(payment.read)
    logs["judge_read"] = float(reading.e_judge is not None)
    logs["e_judge_counted"] = reading.e_judge if reading.e_judge is not None else 0.0
    return {"rewards": payment.value, "scores": payment.value, "extra_logs": logs}


def reply_of(query: str, prompt: str, special_tokens: Sequence[str]) -> str:
    """What follows the prompt, up to the first special token.

    A prompt that was too long lost its beginning: the longest end of it that the query starts with counts.
    Raises InputError where there is none, or where no special tokens are known.
    """
    if not special_tokens:
        raise InputError("name the tokenizer's: the first one ends a reply", field="special_tokens")
    cuts = range(max(1, len(prompt) - LEAST + 1))
    start = next((cut for cut in cuts if query.startswith(prompt[cut:])), None)
    if start is None:
        raise InputError(f"does not start with its prompt, which ends in {prompt[-40:]!r}", "queries", 1)
    reply = query[len(prompt) - start :]
    return min((reply.split(token, 1)[0] for token in special_tokens), key=len)
