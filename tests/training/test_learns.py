"""A check that can't lie: the best reply is known. Every method finds it, none does with shuffled rewards."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State
from suasion.policy.model import Backbone
from suasion.rewards.enhance import enhance
from suasion.rewards.score import Score, Source, Status
from suasion.rewards.suite import RewardSuite
from suasion.training.methods import METHODS
from suasion.training.trainer import Trainer

POINTS = 50.0
STEPS = 60


def share(reply: str | None, holds: Callable[[int], bool]) -> float:
    """From -1, where no word of the reply holds, to 1, where all do. The tiny tokenizer says numbers."""
    words = [int(word) for word in (reply or "").split()]
    return 2 * sum(map(holds, words)) / len(words) - 1 if words else -1.0


class LikesEven:
    """R_model: even words, 1 at best."""

    version = "even"
    luck: random.Random | None = None  # shuffles

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        scores = [share(dialogue.reply, lambda word: word % 2 == 0) for dialogue in dialogues]
        return self.luck.sample(scores, len(scores)) if self.luck else scores


class LikesSmall:
    """E_judge: words below 32, POINTS at best."""

    version = "small"
    luck: random.Random | None = None

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        points = [POINTS * share(dialogue.reply, lambda word: word < 32) for dialogue in dialogues]
        points = self.luck.sample(points, len(points)) if self.luck else points
        return [Score(Source.JUDGE, Status.READ, one) for one in points]


class NoRules:
    """E_func: nothing to object to."""

    def check(self, dialogue: Dialogue, state: State | None = None) -> Score:
        return Score(Source.RULES, Status.READ, 0.0)


def reached(
    backbone: Backbone,
    contexts: list[Dialogue],
    folder: Path,
    method: str,
    operator: str,
    shuffled: bool = False,
    seed: int = 0,
) -> float:
    """What the last ten steps are paid, as a share of the most that a reply can be paid."""
    pack = Pack.load("generic")
    model, judge = LikesEven(), LikesSmall()
    if shuffled:
        model.luck, judge.luck = random.Random(seed), random.Random(seed)  # the two go on together
    rewards = RewardsConfig.model_validate({"operator": operator})
    config = RunConfig(
        seed=seed,
        generation=GenerationConfig(max_new_tokens=4),
        rewards=rewards,
        training=TrainingConfig.model_validate(
            {
                "method": method, "steps": STEPS, "contexts_per_step": 4, "replies_per_context": 8,
                "learning_rate": 1e-2, "schedule": "linear", "temperature": 0.04, "kl": 0.0,
                "value_adapter": False, "draw": "uniform", "checkpoint_every": STEPS, "tracker": "none",
            }
        ),
    )  # fmt: skip
    suite = RewardSuite(pack, judge, model, rewards)
    suite.rules = NoRules()  # type: ignore[assignment]
    trainer = Trainer(backbone, suite, pack, config)
    records = trainer.run(contexts, folder)
    paid = METHODS[method].reward
    best = enhance(1.0, POINTS, 0.0, rewards.n, operator) if paid == "r_total" else 1.0
    return sum(record[paid] for record in records[-10:]) / 10 / best


@pytest.fixture
def contexts(dialogues: list[Dialogue]) -> list[Dialogue]:
    return [
        dialogue.model_copy(update={"id": str(n), "brief": dialogue.brief.model_copy(update={"tickets": ()})})
        for n, dialogue in enumerate(one.with_reply("") for one in dialogues)
    ]


CELLS = [
    ("repo", "paper"), ("repo", "closed-hole"), ("repo", "sum"),
    ("repo-group", "paper"), ("repo-group", "closed-hole"), ("repo-group", "sum"),
    ("ppo", "paper"), ("grpo", "paper"),  # R_model alone is paid: the operator has no say
]  # fmt: skip


@pytest.mark.parametrize(("method", "operator"), CELLS)
def test_it_finds_the_best_reply(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path, method: str, operator: str
) -> None:
    assert reached(another(), contexts, tmp_path, method, operator) >= 0.95


@pytest.mark.parametrize(("method", "operator"), CELLS)
def test_with_shuffled_rewards_it_finds_nothing(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path, method: str, operator: str
) -> None:
    """One run may end at the best reply by drift alone; three don't."""
    found = [
        reached(another(), contexts, tmp_path / str(seed), method, operator, shuffled=True, seed=seed)
        for seed in range(3)
    ]
    assert sum(found) / 3 < 0.7


def test_every_method_is_tried() -> None:
    assert {method for method, _ in CELLS} == set(METHODS)
