"""Whole negotiations as episodes: what they are paid, and how a number reaches every token of the agent's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suasion.agents.intent import IntentAgent
from suasion.config import GenerationConfig, RunConfig, TrainingConfig
from suasion.counterpart.credit import worth
from suasion.counterpart.simulate import MAX_REPLIES
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.generate import Sample
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import Experience
from suasion.training.methods import advantages
from suasion.training.trainer import POLICY, Trainer
from suasion.training.trajectories import Played, Trajectories, fold, play

SCORES = st.floats(-6, 6)
STORY = st.lists(st.tuples(SCORES, st.booleans()), min_size=1, max_size=12)


@given(STORY, st.data(), SCORES, st.floats(0, 1))
def test_a_harmless_turn_never_raises_what_is_paid(
    story: list[tuple[float, bool]], data: st.DataObject, score: float, won: float
) -> None:
    """Wherever it stands after the first reply, whatever R_total it has."""
    at = data.draw(st.integers(1, len(story)))
    longer = [*story[:at], (score, False), *story[at:]]
    before, after = (
        worth([r for r, _ in one], [moved for _, moved in one], won, 2.0) for one in (story, longer)
    )
    assert before is not None
    assert after is not None
    assert after <= before + 1e-9


@given(STORY, st.floats(0, 1), st.floats(0, 5))
def test_where_every_reply_moves_something_it_is_the_mean_and_the_outcome(
    story: list[tuple[float, bool]], won: float, outcome: float
) -> None:
    scores = [score for score, _ in story]
    found = worth(list(scores), [True] * len(scores), won, outcome)
    assert found == pytest.approx(sum(scores) / len(scores) + outcome * won)


def test_by_hand() -> None:
    assert worth([1.0, -3.0, 0.5], [True, False, True], 0.5, 2.0) == pytest.approx(
        0.75 - 3.75 / MAX_REPLIES + 1.0
    )
    assert worth([1.0, None, 2.0], [True, True, True], 0.0, 2.0) == pytest.approx(1.5)
    assert worth([None, 1.0], [True, False], 1.0, 2.0) is None, "only talk was read"


def batch(lengths: Sequence[int], totals: Sequence[float | None]) -> Experience:
    """Replies of these lengths, every value 0.5, no distance from the reference."""
    width = max(lengths)
    mask = torch.tensor([[t < length for t in range(width)] for length in lengths])
    return Experience(
        trees=(),
        samples=(),
        readings=(),
        dialogues=(),
        mask=mask,
        old=torch.zeros(mask.shape),
        reference=torch.zeros(mask.shape),
        states=torch.zeros(*mask.shape, 1),
        values=0.5 * mask,
        totals=torch.tensor([0.0 if total is None else total for total in totals]),
        kept=torch.tensor([total is not None for total in totals]),
    )


def stories(*moved: Sequence[bool], won: float = 0.0) -> list[Played]:
    one = cast("Sample", None)
    return [Played(samples=[one] * len(each), moved=list(each), won=won) for each in moved]


def test_gae_goes_from_one_reply_to_the_next() -> None:
    """The multi-turn case: two replies of five tokens, R = 1 at the end, lambda 0.95, V = 0.5 everywhere."""
    whole = fold(batch([5, 5], [1.0, 1.0]), stories([True, True]), 1, 0.0)
    assert whole.mask.shape == (1, 10)
    settings = TrainingConfig(lam=0.95, gamma=1.0, centring="batch")
    raw = whole.unfold(advantages(whole, settings, 0.0)[1]) - 0.5
    assert raw[0, 4] == pytest.approx(0.5 * 0.95**5, abs=1e-6)
    assert raw[1, 4] == pytest.approx(0.5, abs=1e-6)


def test_without_a_critic_a_negotiation_is_compared_with_the_others_of_its_hotel() -> None:
    found = fold(
        batch([2, 3, 1, 2], [1.0, 1.0, -1.0, 4.0]), stories([True, True], [True], [True], won=0.5), 3, 1.0
    )
    aims, _ = advantages(found, TrainingConfig(method="repo-group"), 0.0)
    spread = found.unfold(aims)
    assert spread[0, 0] == spread[1, 2], "every token of a negotiation alike"
    assert spread[0, 2] == 0.0, "nothing beyond a reply"
    assert spread[2, 0] < spread[0, 0] < spread[3, 0]
    assert found.totals.tolist() == pytest.approx([1.5, -0.5, 4.5])


def test_a_negotiation_without_a_reading_teaches_nothing_and_changes_no_other() -> None:
    with_it = fold(batch([2, 2, 2], [1.0, None, 3.0]), stories([True], [True], [True]), 1, 0.0)
    without = fold(batch([2, 2], [1.0, 3.0]), stories([True], [True]), 1, 0.0)
    assert not with_it.valid[1].any()
    settings = TrainingConfig(centring="batch")
    found = [one.unfold(advantages(one, settings, 0.0)[0]) for one in (with_it, without)]
    assert torch.allclose(found[0][[0, 2]], found[1])


def test_negotiations_are_played_to_their_end(hotel: Pack) -> None:
    agent = IntentAgent(hotel)

    def write(contexts: Sequence[Dialogue], number: int) -> list[Sample]:
        texts = [str(getattr(one, "text", one)) for one in agent.reply(contexts, number)]
        return [Sample((1,), (0.0,), text, False) for text in texts]

    played = play(write, hotel, 0, range(4, 24), 2)
    assert len(played) == 40
    assert {story.contexts[0].brief.hotel for story in played[:2]} == {played[0].contexts[0].brief.hotel}
    assert all(len(s.contexts) == len(s.samples) == len(s.moved) <= MAX_REPLIES for s in played)
    assert all(not context.turns for context in (story.contexts[0] for story in played))
    assert any(story.won > 0 for story in played)
    assert any(not all(story.moved) for story in played), "a silent hotel is moved by no reminder"
    assert [story.won for story in play(write, hotel, 0, range(4, 24), 2)] == [s.won for s in played]


def test_a_trajectory_unfolds_to_where_its_tokens_came_from() -> None:
    found: Trajectories = fold(batch([2, 3, 1], [1.0, 1.0, 1.0]), stories([True, True], [True]), 1, 0.0)
    marked = torch.arange(found.mask.numel(), dtype=torch.float32).view(found.mask.shape)
    assert found.unfold(marked).tolist() == [[0, 1, 0], [2, 3, 4], [5, 0, 0]]


class Likes:
    """R_model: 1 for every reply."""

    version = "likes"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [1.0 for _ in dialogues]


def settings_of(**changes: object) -> RunConfig:
    training = {
        "steps": 2, "contexts_per_step": 8, "replies_per_context": 2, "method": "ppo", "tracker": "none",
        "credit": "trajectory", "outcome": 2.0, "value_adapter": False, "checkpoint_every": 1,
    }  # fmt: skip
    return RunConfig(
        generation=GenerationConfig(max_new_tokens=6),
        training=TrainingConfig.model_validate(training | changes),
    )


@pytest.mark.parametrize("how", [{"method": "ppo"}, {"method": "grpo"}, {"method": "ppo", "kl_in": "loss"}])
def test_it_trains_and_resumes_in_the_same_bytes(
    how: dict[str, str], another: Callable[[], Backbone], hotel: Pack, tmp_path: Path
) -> None:
    suite = RewardSuite(hotel, model=Likes())
    whole, half, again = another(), another(), another()
    records = Trainer(whole, suite, hotel, settings_of(**how)).run([], tmp_path / "whole")
    Trainer(half, suite, hotel, settings_of(**how, steps=1)).run([], tmp_path / "half")
    Trainer(again, suite, hotel, settings_of(**how)).run([], tmp_path / "half", resume=True)
    assert [record["step"] for record in records] == [0, 1]
    assert 0 <= records[-1]["won"] <= 1
    assert records[-1]["negotiation_replies"] >= 1
    for key, value in whole.adapter(POLICY).items():
        assert torch.equal(value, again.adapter(POLICY)[key]), key
