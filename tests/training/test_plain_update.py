"""One update against the same written out plainly: sequences one by one, sums in Python, no code shared.

From the rewards' formula to the gradient of the adapter, in float32, for every method of the table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from suasion.config import GenerationConfig, RewardsConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import Experience, collect
from suasion.training.methods import METHODS, advantages
from suasion.training.update import Minibatch, policy_gradient

COPIES, TEMPERATURE, KL, LAM, GAMMA, CLIP, ENTROPY = 3, 0.3, 0.3, 0.9, 0.97, 0.2, 0.05
SETTINGS = {"lam": LAM, "gamma": GAMMA, "clip": CLIP, "entropy": ENTROPY}


class Fickle:
    """R_model from the reply's words alone; of one reply in seven it has none."""

    version = "fickle"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float | None]:
        sums = [sum(map(int, (dialogue.reply or "").split())) for dialogue in dialogues]
        return [None if total % 7 == 0 else math.sin(total) for total in sums]


def ready(backbone: Backbone) -> tuple[Backbone, Reader]:
    """The same adapter and value head each time; the adapter has an effect."""
    backbone.add_adapter("policy")
    value = Reader(backbone, "value", adapter=False)
    drawn = torch.Generator().manual_seed(5)
    torch.nn.init.normal_(value.head.weight, generator=drawn)
    for key, parameter in backbone.adapter("policy").items():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.1, generator=drawn)
    return backbone, value


def move(backbone: Backbone) -> None:
    """As an earlier minibatch would have, so that ratios leave 1 and the clip bites."""
    drawn = torch.Generator().manual_seed(6)
    for parameter in backbone.adapter("policy").values():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=drawn)


def found_gradient(
    method: str, batch: Experience, backbone: Backbone, budget: int, kl_in: str
) -> list[Tensor]:
    settings = TrainingConfig.model_validate(SETTINGS | {"method": method})
    in_loss = KL if kl_in == "loss" else 0.0
    aims, returns = advantages(batch, settings, KL - in_loss)
    whole = Minibatch(batch, (1, 0), aims, returns, batch.mask & batch.kept[:, None], kl=in_loss)
    policy_gradient(backbone, "policy", whole, settings, TEMPERATURE, budget)
    return [torch.as_tensor(parameter.grad) for parameter in backbone.adapter("policy").values()]


@dataclass
class Row:
    """A reply as the plain implementation has it."""

    prompt: list[int]
    tokens: list[int]
    old: list[float]
    reward: float | None
    group: int
    advantages: list[float]
    frozen: Tensor  # (tokens, V), the frozen model's log-probabilities


def plain_gradient(
    method: str, batch: Experience, prompts: list[list[int]], backbone: Backbone, kl_in: str
) -> tuple[list[Tensor], float]:
    """The gradient, and the share of tokens at which the clip is active."""
    backbone, value = ready(backbone)
    model = backbone.model
    rows = [
        Row(
            prompts[i // COPIES],
            list(one.tokens),
            list(one.logprobs),
            plain_reward(method, reading),
            i // COPIES,
            [],
            torch.zeros(0),
        )
        for i, (one, reading) in enumerate(zip(batch.samples, batch.readings, strict=True))
    ]
    for row in rows:
        with torch.no_grad(), model.disable_adapter():
            out = model(input_ids=torch.tensor([row.prompt + row.tokens]), output_hidden_states=True)
        start = len(row.prompt) - 1
        row.frozen = torch.log_softmax(out.logits[0, start:-1] / TEMPERATURE, -1)
        reference = [float(row.frozen[t, token]) for t, token in enumerate(row.tokens)]
        values = (out.hidden_states[-1][0, start:-1] @ value.head.weight[0] + value.head.bias[0]).tolist()
        row.advantages = plain_advantages(method, row, reference, values, KL if kl_in == "reward" else 0.0)
    compare(method, rows)
    move(backbone)
    valid = [row for row in rows if row.reward is not None]
    count, loss, clipped = sum(len(row.tokens) for row in valid), torch.zeros(()), 0
    model.set_adapter("policy")
    for row in valid:
        logits = model(input_ids=torch.tensor([row.prompt + row.tokens])).logits[0, len(row.prompt) - 1 : -1]
        probabilities = torch.softmax(logits / TEMPERATURE, -1)
        for t, token in enumerate(row.tokens):
            ratio = probabilities[t, token] / math.exp(row.old[t])
            bounded = min(max(ratio, torch.tensor(1 - CLIP)), torch.tensor(1 + CLIP))
            loss = loss - torch.minimum(ratio * row.advantages[t], bounded * row.advantages[t])
            loss = loss + ENTROPY * (probabilities[t] * probabilities[t].log()).sum()
            if kl_in == "loss":
                loss = loss + KL * (probabilities[t] * (probabilities[t].log() - row.frozen[t])).sum()
            clipped += bool(bounded * row.advantages[t] < ratio * row.advantages[t])
    return list(torch.autograd.grad(loss / count, list(backbone.adapter("policy").values()))), clipped / count


def plain_reward(method: str, reading: object) -> float | None:
    """R_model alone, or R_model (1 + s E / 100) with E between -100 and 100."""
    scores = reading.scores  # type: ignore[attr-defined]
    r_model, points = scores[Source.MODEL].value, scores[Source.RULES].value
    if r_model is None or method in ("ppo", "grpo"):
        return r_model
    e = max(-100.0, min(100.0, points))
    return r_model + abs(r_model) * e / 100


def plain_advantages(
    method: str, row: Row, reference: list[float], values: list[float], kl: float
) -> list[float]:
    rewards = [-kl * (old - ref) for old, ref in zip(row.old, reference, strict=True)]
    rewards[-1] += row.reward or 0.0
    alone = method in ("grpo", "repo-group")
    values = [0.0] * len(values) if alone else values
    lam, found, later = (1.0 if alone else LAM), [0.0] * len(values), 0.0
    for t in reversed(range(len(values))):
        following = values[t + 1] if t + 1 < len(values) else 0.0
        later = rewards[t] + GAMMA * following - values[t] + GAMMA * lam * later
        found[t] = later
    return found


def compare(method: str, rows: list[Row]) -> None:
    """Take off a context's mean, replies counting alike; then divide by the spread of its group or of all."""
    valid = [row for row in rows if row.reward is not None]
    for group in {row.group for row in valid}:
        members = [row for row in valid if row.group == group]
        means = [sum(row.advantages) / len(row.advantages) for row in members]
        middle = sum(means) / len(means)
        spread = math.sqrt(sum((mean - middle) ** 2 for mean in means) / len(means)) + 1e-4
        for row in members:
            divisor = spread if method in ("grpo", "repo-group") else 1.0
            row.advantages = [(advantage - middle) / divisor for advantage in row.advantages]
    if method in ("ppo", "repo"):
        every = [advantage for row in valid for advantage in row.advantages]
        middle = sum(every) / len(every)
        spread = math.sqrt(sum((one - middle) ** 2 for one in every) / len(every))
        for row in valid:
            row.advantages = [(advantage - middle) / spread for advantage in row.advantages]


WHOLE, SPLIT = 10_000, 1  # tokens of a micro-batch
CASES = [(method, budget, "reward") for method in sorted(METHODS) for budget in (WHOLE, SPLIT)]
CASES += [("repo", WHOLE, "loss"), ("grpo", SPLIT, "loss")]


@pytest.mark.parametrize(("method", "budget", "kl_in"), CASES)
def test_the_gradient_of_an_update_is_the_plain_one(
    method: str,
    budget: int,
    kl_in: str,
    dialogues: list[Dialogue],
    hotel: Pack,
    small: Callable[[str, str], Backbone],
) -> None:
    backbone, value = ready(small("Llama", "grouped"))
    contexts = [dialogue.with_reply("") for dialogue in dialogues[:2]]
    generation = GenerationConfig(max_new_tokens=10, temperature=TEMPERATURE)
    suite = RewardSuite(hotel, None, Fickle(), RewardsConfig(missing="neutral"))
    critic = value if METHODS[method].critic else None
    batch = collect(
        backbone, contexts, COPIES, hotel, suite, critic, generation, "policy", 5, 300, METHODS[method].reward
    )
    assert 0 < int((~batch.kept).sum()) < len(batch.kept), "a reply without a reward must be among them"
    move(backbone)
    found = found_gradient(method, batch, backbone, budget, kl_in)
    prompts = [backbone.context(context, hotel) for context in contexts]
    expected, clipped = plain_gradient(method, batch, prompts, small("Llama", "eager"), kl_in)
    assert 0 < clipped < 1
    wrong = sum(float((one - other).square().sum()) for one, other in zip(found, expected, strict=True))
    size = sum(float(one.square().sum()) for one in expected)
    assert math.sqrt(wrong / size) < 1e-5
