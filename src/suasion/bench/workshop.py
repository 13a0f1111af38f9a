"""Where the methods are trained: one SFT start, one set of rewards and one set of data for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from suasion.agents.intent import IntentAgent
from suasion.agents.llm import PolicyAgent
from suasion.bench.payment import Payment
from suasion.bench.plan import Shard
from suasion.bench.preset import Preset
from suasion.config import RunConfig
from suasion.counterpart.simulate import Agent
from suasion.data.splits import Data, prepare
from suasion.errors import InputError
from suasion.fitting.dpo import fit_dpo
from suasion.lineage import save_policy
from suasion.negotiation.pack import Pack
from suasion.pipeline import fine_tune, fit_rewards, preferences
from suasion.policy.model import UNTOUCHED, Backbone, load_backbone
from suasion.policy.processor import choose_dtype
from suasion.rewards.saved import load_adapter, load_start, suite_of_run
from suasion.rewards.suite import RewardSuite
from suasion.running.folder import describe_run, load_run_config, read_figures, write_json
from suasion.settle import check_same
from suasion.training.checkpoint import POLICY
from suasion.training.methods import METHODS
from suasion.training.trainer import Trainer
from suasion.training.validation import Validation

START = "start"  # folder of what all share
WEIGHTS = "policy.safetensors"


@dataclass
class Workshop:
    """Trains what a shard needs, in folders of `work`. For one shard: a backbone has one policy."""

    preset: Preset
    work: Path
    command: str

    @property
    def start(self) -> Path:
        return self.work / START

    @cached_property
    def config(self) -> RunConfig:
        """The preset's, in the dtype that the first shard settled for all."""
        if (self.start / "run.json").exists():
            settled = load_run_config(self.start)
            kept = settled.model_copy(update={"model": self.preset.run.model})
            if kept != self.preset.run:
                raise InputError("was made with other settings of the preset", str(self.start / "run.json"))
            return settled
        settled = self.preset.run
        if settled.model.dtype == "auto":
            dtype = str(choose_dtype()).removeprefix("torch.")
            model = settled.model.model_copy(update={"dtype": dtype})
            settled = settled.model_copy(update={"model": model})
        self.start.mkdir(parents=True, exist_ok=True)
        write_json(self.start / "run.json", describe_run(settled, self.command, [], self.preset.run))
        return settled

    @cached_property
    def pack(self) -> Pack:
        return Pack.load(self.config.pack)

    @cached_property
    def data(self) -> Data:
        return prepare(self.pack, self.config)

    @cached_property
    def backbone(self) -> Backbone:
        """As SFT left it, with the rewards' roles."""
        backbone = load_backbone(self.config.model, self.config.seed)
        load_start(backbone, self.start)
        return backbone

    @cached_property
    def suite(self) -> RewardSuite:
        """RM + RJ + RF as fitted: what measures every method, and what REPO is paid with."""
        return suite_of_run(self.backbone, self.pack, self.config, self.start)

    def fit_start(self) -> None:
        """SFT. What is there already is kept."""
        backbone = load_backbone(self.config.model, self.config.seed)
        fine_tune(backbone, self.data, self.pack, self.config, self.start, resume=True)

    def fit_rewards(self) -> dict[str, Any]:
        """Reward model and judge; what was found of them."""
        fit_rewards(self.backbone, self.data, self.pack, self.config, self.start, resume=True)
        return read_figures(self.start)

    def settings(self, shard: Shard) -> RunConfig:
        """What the shard trains with. Methods with a critic get the steps beside that it warms up in."""
        changes = dict(shard.method.training)
        training = self.config.training.model_copy(update=changes)
        if shard.method.kind == "rl" and METHODS[training.method].critic:
            changes["steps"] = training.steps + training.value_warmup_steps
        checked = type(training).model_validate({**training.model_dump(), **changes})
        return self.config.model_copy(update={"seed": shard.seed, "training": checked})

    def train(self, shard: Shard) -> tuple[Agent, list[dict[str, Any]], RewardSuite]:
        """The shard's agent, its learning curve (none for what learns nothing) and what it was paid with."""
        row, folder = shard.method, self.work / shard.name
        paid = Payment(self.suite, row) if row.kind == "rl" else self.suite
        if row.kind in ("base", "sft", "intent"):
            return self.speaker(shard), [], paid
        config = self.settings(shard)
        self._open(folder, config)
        self.backbone.seed = shard.seed
        if row.kind == "dpo":
            start = PolicyAgent(self.backbone, None, self.pack, config.exploring)
            pairs, _ = preferences(start, self.data, self.config)
            check = self._check(config)
            records = fit_dpo(self.backbone, pairs, self.pack, config, check, folder)
        else:
            trainer = Trainer(self.backbone, paid, self.pack, config, checked_by=self.suite)
            records = trainer.run(self.data.contexts, folder, True, self.data.validation_contexts)
        save_policy(self.backbone, folder)
        return self._agent(POLICY), records, paid

    def _open(self, folder: Path, config: RunConfig) -> None:
        """A training's folder, gone on with where it is the same one. Raises InputError where it is not."""
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "run.json").exists():
            check_same(config, load_run_config(folder), folder)
        else:
            write_json(folder / "run.json", describe_run(config, self.command, []))

    def speaker(self, shard: Shard) -> Agent:
        """The agent of a method that is trained already, or that needs no training.

        Raises InputError where its weights are not there.
        """
        row = shard.method
        if row.kind == "intent":
            return IntentAgent(self.pack)
        if row.kind in ("base", "sft"):
            return self._agent(UNTOUCHED if row.kind == "base" else None)
        folder = self.work / f"{row.name}-{shard.seed}"
        if not (folder / WEIGHTS).exists():
            raise InputError(f"has no {WEIGHTS}: run the shard {folder.name} here first", str(folder))
        load_adapter(self.backbone, POLICY, folder / WEIGHTS)
        return self._agent(POLICY)

    def _agent(self, adapter: str | None) -> PolicyAgent:
        return PolicyAgent(self.backbone, adapter, self.pack, self.config.generation)

    def _check(self, config: RunConfig) -> Validation:
        contexts: Sequence[Any] = self.data.validation_contexts
        return Validation(self.backbone, POLICY, self.suite, config, contexts)
