"""verl's reward manager with the suite behind it (tried with 0.9.1).

reward.reward_manager.source=importlib
reward.reward_manager.name=SuasionRewardManager
reward.reward_manager.module.path=pkg://suasion.integrations.verl.manager
+reward.reward_kwargs.settings=/path/to/reward.json
+reward.reward_kwargs.actor=NAME     of the Ray actor that has the rewards (rewards.py)
"""

import asyncio
from typing import Any

from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from suasion.integrations.scorer import Payment, scorer_of
from suasion.integrations.verl import record_of, reward_info
from suasion.integrations.verl.story import Story, story_info, story_of


class SuasionRewardManager(RewardManagerBase):  # type: ignore[misc]  # verl ships no types
    """Pays what the suite says of each reply, reward model included; samples in flight are one batch.

    Raises InputError at the start where the settings or the run that they name are not sound, and ValueError
    where no actor of that name is there.
    """

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **_: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        asked = config.reward.get("reward_kwargs") or {}
        self.keeper: Any = None
        if asked.get("actor"):
            import ray

            self.keeper = ray.get_actor(asked["actor"])
        else:
            self.scorer = scorer_of(asked.get("settings"))

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """`reward_score` and `reward_extra_info` of one sample: of several sequences the last one's."""
        item = data[-1:][0]
        told = item.non_tensor_batch
        story = story_of(told.get("tool_extra_fields"))
        if story is not None:
            info = await self._pay_story(story)
            return {"reward_score": info["score"], "reward_extra_info": info}
        responses = item.batch["responses"]
        said = int(item.batch["attention_mask"][-responses.shape[-1] :].sum())
        reply = await asyncio.to_thread(self.tokenizer.decode, responses[:said], skip_special_tokens=True)
        record, row = record_of(told.get("extra_info") or {})
        payment = await self._score(record, reply, "extra_info.dialogue", row)
        return {"reward_score": payment.value, "reward_extra_info": reward_info(payment)}

    async def _pay_story(self, story: Story) -> dict[str, Any]:
        pairs = enumerate(zip(story.contexts, story.replies, strict=True))
        payments = await asyncio.gather(
            *(self._score(record, reply, "negotiation", place) for place, (record, reply) in pairs)
        )
        return story_info(story, payments)

    async def _score(self, record: str, reply: str, file: str, row: int) -> Payment:
        if self.keeper is None:
            return await asyncio.wrap_future(self.scorer.submit(record, reply, file, row))
        payment: Payment = await self.keeper.score.remote(record, reply, file, row)
        return payment
