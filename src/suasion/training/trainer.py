"""The loop: collect replies, turn R_total into advantages, update policy and value, note everything down."""

import random
import statistics
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from suasion.agents.intent import IntentAgent
from suasion.config import RunConfig
from suasion.counterpart.negotiations import Negotiations
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.policy.processor import release_memory
from suasion.rewards.suite import RewardSuite
from suasion.training.alarms import alarms
from suasion.training.checkpoint import POLICY, Checkpoint
from suasion.training.contexts import ContextPool
from suasion.training.experience import Experience, collect
from suasion.training.methods import METHODS, advantages, ahead
from suasion.training.ppo import adapt_kl
from suasion.training.progress import Progress
from suasion.training.schedule import minibatches, policy_rate
from suasion.training.telemetry import Tracker, describe_prospects, describe_step
from suasion.training.trajectories import describe_played, fold, hold
from suasion.training.unread import TooManyUnreadError, check_enough, unread_shares
from suasion.training.update import Minibatch, Notes, fit_value, policy_gradient, value_gradient
from suasion.training.validation import Validation
from suasion.training.value_head import Ridge

VALUE = "value"
RECENT = 3  # steps whose KL decides the next one's weight


class Trainer:
    """The loop of every method: reply credit, KL per token outside R_total, adapters only.

    Replies are to prefixes that others wrote, and to `training.negotiations` that the policy leads itself.
    """

    def __init__(
        self,
        backbone: Backbone,
        suite: RewardSuite,
        pack: Pack,
        config: RunConfig,
        checked_by: RewardSuite | None = None,
    ) -> None:
        """`checked_by` measures the policies among which the best is kept, instead of what pays them."""
        self.backbone, self.suite, self.pack, self.config = backbone, suite, pack, config
        self.checked_by = checked_by or suite
        self.first = config.origin.steps if config.origin else 0  # its draws go on where the last run's ended
        settings = config.training
        under_way = settings.negotiations if settings.credit == "reply" else 0
        self.negotiations = Negotiations(pack, under_way, config.seed)
        backbone.add_adapter(POLICY)  # without effect at first: the reference is the model without it
        self.method = METHODS[settings.method]
        self.value = Reader(backbone, VALUE, adapter=settings.value_adapter) if self.method.critic else None
        self.ridge = Ridge(backbone.hidden_size, settings.value_decay, settings.value_memory)
        self.kl = settings.kl
        self.policy_parameters = list(backbone.adapter(POLICY).values())
        self.optimizers = {
            POLICY: torch.optim.AdamW(self.policy_parameters, settings.learning_rate, weight_decay=0.0)
        }
        if self.value and settings.value_adapter:
            rate = settings.value_learning_rate
            self.optimizers[VALUE] = torch.optim.AdamW(self.value.parameters(), rate, weight_decay=0.0)

    def run(
        self,
        contexts: Sequence[Dialogue],
        folder: Path,
        resume: bool = False,
        validation: Sequence[Dialogue] = (),
        patched: Sequence[Dialogue] = (),
    ) -> list[dict[str, Any]]:
        """Train for the configured steps; returns one record a step, also written to `steps.jsonl`.

        `patched` are the contexts of the patches that it goes on under. With `training.validate_every` the
        policy is afterwards the one that did best on `validation`. An alarm may end the training early
        (`alarms.action`).
        """
        settings = self.config.training
        share = self.config.origin.patch_share if self.config.origin else 0.0
        pool = ContextPool(contexts, self.pack, settings.draw, patched, share)
        check = Validation(self.backbone, POLICY, self.checked_by, self.config, validation)
        checkpoint = Checkpoint(folder, self)
        records = checkpoint.restore() if resume else []
        checkpoint.write_log(records)
        for count in range(1, len(records) + 1):
            self._adapt(records[:count])
        with (
            closing(Tracker(settings, folder, len(records))) as tracker,
            Progress(settings.method) as progress,
        ):
            while len(records) < settings.steps and not (records and "stopped_by" in records[-1]):
                try:
                    record = self._next(len(records), pool, check)
                except TooManyUnreadError:
                    checkpoint.save(records)  # the step that failed changed nothing
                    raise
                records.append(record)
                self._adapt(records)
                self._look(records)
                check.keep(folder, records)
                release_memory()
                checkpoint.write_log(records)
                last = len(records) == settings.steps or "stopped_by" in record
                if last or len(records) % settings.checkpoint_every == 0:
                    checkpoint.save(records)
                tracker.log(record)
                progress.at(
                    len(records), settings.steps, f"R_total {record['r_total']:+.2f}  KL {record['kl']:.2f}"
                )
        check.restore_best(folder, records)
        return records

    def _next(self, step: int, pool: ContextPool, check: Validation) -> dict[str, Any]:
        """One step and, where it is due, what the policy is worth after it."""
        start = perf_counter()
        record = self.step(step, self._draw(pool, step))
        if check.due(step):
            record["validation"] = check.measure()
        return record | {"step": step, "time_s": perf_counter() - start}

    def _look(self, records: list[dict[str, Any]]) -> None:
        """Note the alarms of the last step in its record; tell those that have not rung before."""
        found = alarms(records, self.config.alarms)
        if not found:
            return
        records[-1]["alarms"] = found
        known = {name for record in records[:-1] for name in record.get("alarms", {})}
        for name in sorted(set(found) - known):
            sys.stderr.write(f"\nalarm after step {len(records)}: {name}: {found[name]}\n")
        if self.config.alarms.action == "stop":
            records[-1]["stopped_by"] = sorted(found)

    def _adapt(self, records: list[dict[str, Any]]) -> None:
        """The weight of the KL for the step after these: one step's replies alone say little of it."""
        settings = self.config.training
        if settings.kl_target:
            recent = statistics.mean(record["kl"] for record in records[-RECENT:])
            self.kl = adapt_kl(self.kl, recent, settings.kl_target, settings.kl)

    def _warms_up(self, step: int) -> bool:
        return self.value is not None and step < self.config.training.value_warmup_steps

    def _draw(self, pool: ContextPool, step: int) -> list[Dialogue]:
        """A step's given contexts; while the value warms up more, each answered once."""
        settings = self.config.training
        count = settings.contexts_per_step
        count *= settings.replies_per_context if self._warms_up(step) else 1
        rng = random.Random(self.config.seed * 100_003 + self.first + step)
        return pool.draw(count - settings.negotiations, rng)

    def step(self, step: int, given: Sequence[Dialogue]) -> dict[str, Any]:
        """One update on fresh replies in the negotiations under way and to the `given` contexts."""
        config, settings = self.config, self.config.training
        warming_up = self._warms_up(step)
        copies = 1 if warming_up else settings.replies_per_context
        if settings.credit == "trajectory":
            batch, played = hold(
                self.backbone,
                POLICY,
                self.pack,
                self.suite,
                self.value,
                config,
                self.method.reward,
                self.first + step,
                copies,
            )
        else:
            batch, played = self._answer(step, given, copies), []
        judging, unread = self.suite.judge_report(), unread_shares(batch, self.suite)
        check_enough(step, unread, config.rewards.max_unread, judging)
        if settings.credit == "trajectory":
            paid, about = fold(batch, played, copies, settings.outcome), describe_played(played)
            aims, returns = map(paid.unfold, advantages(paid, settings, self.kl, warming_up))
            valid = paid.valid
        else:
            ahead_of, about = self._say(batch, copies)
            totals = batch.totals + settings.outcome * ahead_of
            aims, returns = advantages(replace(batch, totals=totals), settings, self.kl, warming_up)
            valid = batch.mask & batch.kept[:, None]
        whole = Minibatch(batch, tuple(range(len(batch.trees))), aims, returns, valid)
        learned = perf_counter()
        notes = self._learn(step, whole, warming_up)
        return {
            **notes,
            **describe_step(batch, returns, self.suite, self.kl),
            **about,
            "update_s": perf_counter() - learned,
            **{f"share_unread_{name}": share for name, share in unread.items()},
            **(judging.as_record() if judging else {}),
        }

    def _answer(self, step: int, given: Sequence[Dialogue], copies: int) -> Experience:
        """Replies to what stands in the negotiations under way, then to the given contexts."""
        config = self.config
        return collect(
            self.backbone,
            [*self.negotiations.contexts(), *given],
            copies,
            self.pack,
            self.suite,
            self.value,
            config.exploring,
            POLICY,
            config.seed * 7_919 + self.first + step,
            2 * config.batch_tokens,
            self.method.reward,
        )

    def _say(self, batch: Experience, copies: int) -> tuple[Tensor, dict[str, float]]:
        """Of the replies to each negotiation one is said, unseen; returns how far each was ahead: (R,)."""
        own = len(self.negotiations.talks)
        prospects = self._prospects(batch, copies, own)
        said = [sample.text for sample in batch.samples[::copies]]
        self.negotiations.say(said[:own])
        return ahead(prospects, batch.totals), describe_prospects(prospects)

    def _learn(self, step: int, whole: Minibatch, warming_up: bool) -> Notes:
        """Fit or train the value model, train the policy; the means of what was noted on the way."""
        config, settings = self.config, self.config.training
        fitted: Notes = {}
        if self.value and (warming_up or not settings.value_adapter):
            fitted = fit_value(self.value, self.ridge, whole)
        if warming_up:
            return fitted
        warm_up = settings.value_warmup_steps if self.value else 0
        self.optimizers[POLICY].param_groups[0]["lr"] = policy_rate(settings, step, warm_up)
        notes = [
            self._update(replace(whole, contexts=part))
            for epoch in range(settings.epochs)
            for part in minibatches(
                len(whole.contexts), settings.minibatches, f"{config.seed}:{step}:{epoch}"
            )
        ]
        return fitted | {key: statistics.mean(note[key] for note in notes) for key in notes[0]}

    def _prospects(self, batch: Experience, copies: int, own: int) -> list[list[float]]:
        """What each reply to the `own` first contexts, its negotiations, is worth to the rest of them."""
        settings = self.config.training
        if not settings.outcome or copies == 1:
            return []
        texts = [sample.text for sample in batch.samples[: own * copies]]
        groups = [texts[start : start + copies] for start in range(0, len(texts), copies)]
        return self.negotiations.prospects(groups, IntentAgent(self.pack), settings.rollouts)

    def _update(self, part: Minibatch) -> Notes:
        """One optimizer step of the policy, and one of a value model that has an adapter."""
        settings, budget = self.config.training, self.config.batch_tokens
        notes: Notes = {}
        if self.value and settings.value_adapter:
            notes = value_gradient(self.value, part, settings, budget)
            notes["value_grad_norm"] = self._apply(VALUE, self.value.parameters())
        temperature = settings.temperature
        notes |= policy_gradient(self.backbone, POLICY, part, settings, temperature, budget)
        notes["policy_grad_norm"] = self._apply(POLICY, self.policy_parameters)
        return notes

    def _apply(self, role: str, parameters: list[nn.Parameter]) -> float:
        norm = nn.utils.clip_grad_norm_(parameters, self.config.training.max_grad_norm)
        self.optimizers[role].step()
        self.optimizers[role].zero_grad()
        return float(norm)
