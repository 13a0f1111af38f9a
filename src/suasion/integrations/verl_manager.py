"""verl's reward manager with the suite behind it; the one module here that needs verl (tried with 0.9.1).

reward.reward_manager.source=importlib
reward.reward_manager.name=SuasionRewardManager
reward.reward_manager.module.path=pkg://suasion.integrations.verl_manager
+reward.reward_kwargs.settings=/path/to/reward.json
"""

import asyncio
from typing import Any

from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from suasion.integrations.scorer import scorer_of
from suasion.integrations.verl import reward_info, score_reply


class SuasionRewardManager(RewardManagerBase):  # type: ignore[misc]  # verl ships no types
    """Pays what the suite says of each reply, reward model included; samples in flight are one batch.

    Raises InputError at the start where the settings or the run that they name are not sound.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **_: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        self.scorer = scorer_of((config.reward.get("reward_kwargs") or {}).get("settings"))

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """`reward_score` and `reward_extra_info` of one sample: of several sequences the last one's."""
        item = data[-1:][0]
        responses = item.batch["responses"]
        said = int(item.batch["attention_mask"][-responses.shape[-1] :].sum())
        reply = await asyncio.to_thread(self.tokenizer.decode, responses[:said], skip_special_tokens=True)
        payment = await score_reply(self.scorer, item.non_tensor_batch.get("extra_info") or {}, reply)
        return {"reward_score": payment.value, "reward_extra_info": reward_info(payment)}
