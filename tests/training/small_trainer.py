"""A trainer of a tiny model, which is paid for even tokens."""

from collections.abc import Sequence

from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import Trainer


class LikesEven:
    """R_model: the share of even tokens in a reply, from -1 to 1 (the tiny tokenizer says token numbers)."""

    version = "even"
    unread = False

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        shares = []
        for dialogue in dialogues:
            words = (dialogue.reply or "").split()
            shares.append(2 * sum(int(word) % 2 == 0 for word in words) / max(1, len(words)) - 1)
        return shares


def settings(**changes: object) -> RunConfig:
    training = {
        "steps": 3,
        "contexts_per_step": 2,
        "replies_per_context": 4,
        "checkpoint_every": 1,
        "learning_rate": 3e-3,
        "value_learning_rate": 1e-3,
        "warmup_steps": 1,
        "method": "ppo",
        "kl": 0.0,
        "temperature": 0.1,
    }
    return RunConfig(
        generation=GenerationConfig(max_new_tokens=8),
        training=TrainingConfig.model_validate(training | changes),
    )


def trainer(backbone: Backbone, config: RunConfig) -> Trainer:
    pack = Pack.load("hotel")
    return Trainer(backbone, RewardSuite(pack, None, LikesEven(), RewardsConfig()), pack, config)
