"""What is compared, as rows of one table: trainings differ by what their row says, and by nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from suasion.rewards.score import Source

Kind = Literal["base", "sft", "intent", "dpo", "rl"]


@dataclass(frozen=True, slots=True)
class Row:
    """training, rewards: what differs from the preset's; without: rewards that are not paid.

    `ablation` rows are the paper's open questions, compared with `repo`.
    """

    name: str
    kind: Kind
    says: str
    training: Mapping[str, Any] = field(default_factory=dict)
    rewards: Mapping[str, Any] = field(default_factory=dict)
    without: frozenset[Source] = frozenset()
    calibrated: bool = True
    ablation: bool = False


def _rl(name: str, method: str, says: str) -> Row:
    return Row(name, "rl", says, {"method": method})


def _ablation(name: str, says: str, **changes: Any) -> Row:
    training = {"method": "repo", **changes.pop("training", {})}
    return Row(name, "rl", says, training, ablation=True, **changes)


_ALL = (
    Row("intent", "intent", "intent-driven: act recognition, SOP state machine, templates"),
    Row("base", "base", "the untouched model"),
    Row("sft", "sft", "SFT, the start of all that follow"),
    Row("dpo", "dpo", "DPO on the reward model's pairs"),
    _rl("ppo", "ppo", "PPO: critic, RM alone"),
    _rl("grpo", "grpo", "GRPO: group-relative, RM alone"),
    _rl("repo", "repo", "REPO: critic, RM + RJ + RF"),
    _rl("repo-group", "repo-group", "critic-free REPO: group-relative, RM + RJ + RF"),
    _ablation("without-rm", "REPO without RM: E alone", without=frozenset({Source.MODEL})),
    _ablation("without-rj", "REPO without RJ", without=frozenset({Source.JUDGE})),
    _ablation("without-rf", "REPO without RF", without=frozenset({Source.RULES})),
    _ablation("sum", "plain sum in the place of the enhancement", rewards={"operator": "sum"}),
    _ablation("closed-hole", "the closed-hole operator", rewards={"operator": "closed-hole"}),
    _ablation("n-50", "E clipped at 50", rewards={"n": 50}),
    _ablation("n-200", "E clipped at 200", rewards={"n": 200}),
    _ablation("uncalibrated", "RM as it was fitted, not calibrated", calibrated=False),
    _ablation(
        "trajectory", "credit for whole negotiations", training={"credit": "trajectory", "outcome": 2.0}
    ),
)
ROWS: dict[str, Row] = {row.name: row for row in _ALL}
