"""The loop: collect replies, turn R_total into advantages, update policy and value, note everything down."""

import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from suasion.config import RunConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import ScalarRole
from suasion.policy.model import Backbone
from suasion.policy.trees import batches
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite
from suasion.training.checkpoint import Checkpoint
from suasion.training.experience import Experience, collect, state_values, token_logprobs
from suasion.training.ppo import explained_variance, gae, kl_estimate, normalise, policy_loss, value_loss
from suasion.training.progress import Progress

METHODS = {"repo": "r_total", "ppo": "r_model"}  # which part of a Reading is the reward
POLICY, REFERENCE, VALUE = "policy", "sft", "value"
_RULES = Source.RULES


class TooManyUnreadError(RuntimeError):
    """More replies went unread than the configuration allows."""


class Trainer:
    """REPO as PPO with a value model: reply credit, KL per token outside R_total, adapters only."""

    def __init__(self, backbone: Backbone, suite: RewardSuite, pack: Pack, config: RunConfig) -> None:
        self.backbone, self.suite, self.pack, self.config = backbone, suite, pack, config
        settings = config.training
        backbone.add_adapter(POLICY, copy_of=REFERENCE)
        self.value = ScalarRole(backbone, VALUE)
        self.policy_parameters = list(backbone.adapter(POLICY).values())
        self.optimizers = {
            POLICY: torch.optim.AdamW(self.policy_parameters, settings.learning_rate, weight_decay=0.0),
            VALUE: torch.optim.AdamW(self.value.parameters(), settings.value_learning_rate, weight_decay=0.0),
        }

    def run(self, contexts: Sequence[Dialogue], folder: Path, resume: bool = False) -> list[dict[str, Any]]:
        """Train for the configured steps; returns one record a step, also written to `steps.jsonl`."""
        settings = self.config.training
        checkpoint = Checkpoint(folder, self)
        records = checkpoint.restore() if resume else []
        checkpoint.write_log(records)
        with Progress(settings.method) as progress:
            for step in range(len(records), settings.steps):
                start = time.perf_counter()
                rng = random.Random(self.config.seed * 100_003 + step)
                chosen = rng.sample(list(contexts), min(settings.contexts_per_step, len(contexts)))
                record = self.step(step, chosen) | {"step": step, "time_s": time.perf_counter() - start}
                records.append(record)
                checkpoint.write_log(records)
                if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
                    checkpoint.save(records)
                progress.at(
                    step + 1, settings.steps, f"R_total {record['r_total']:+.2f}  KL {record['kl']:.2f}"
                )
        return records

    def step(self, step: int, contexts: Sequence[Dialogue]) -> dict[str, Any]:
        """One update on fresh replies to `contexts`."""
        config, settings = self.config, self.config.training
        started = time.perf_counter()
        batch = collect(
            self.backbone,
            contexts,
            settings.replies_per_context,
            self.pack,
            self.suite,
            self.value,
            config.generation,
            (POLICY, REFERENCE),
            config.seed * 7_919 + step,
            2 * config.batch_tokens,
            METHODS[settings.method],
        )
        collected = time.perf_counter() - started
        unread = 1 - float(batch.kept.float().mean())
        if unread > config.rewards.max_unread:
            raise TooManyUnreadError(
                f"step {step}: {unread:.0%} of the replies have no reward; is the judge up?"
            )
        advantages, returns = self._advantages(batch)
        scale = min(1.0, (step + 1) / max(1, settings.warmup_steps))
        for optimizer, rate in (
            (self.optimizers[POLICY], settings.learning_rate if step >= settings.value_warmup_steps else 0.0),
            (self.optimizers[VALUE], settings.value_learning_rate),
        ):
            optimizer.param_groups[0]["lr"] = rate * scale
        notes = [
            self._pass(batch, advantages, returns, settings, step * 31 + e) for e in range(settings.epochs)
        ]
        return self._record(batch, returns, notes[-1]) | {"collect_s": collected, "share_unscored": unread}

    def _advantages(self, batch: Experience) -> tuple[Tensor, Tensor]:
        """Normalised advantages and returns, (R, T): R_total at the last token, the KL at every one."""
        settings = self.config.training
        rewards = -settings.kl * (batch.old - batch.reference) * batch.mask
        last = batch.mask.sum(1) - 1
        rewards[torch.arange(len(last)), last] += batch.totals
        raw = gae(rewards, batch.values, batch.mask, settings.gamma, settings.lam)
        valid = batch.mask & batch.kept[:, None]
        return normalise(raw, valid), raw + batch.values

    def _pass(
        self, batch: Experience, advantages: Tensor, returns: Tensor, settings: TrainingConfig, seed: int
    ) -> dict[str, float]:
        """One pass over the batch in minibatches of whole contexts, in micro-batches by tokens."""
        order = random.Random(seed).sample(range(len(batch.trees)), len(batch.trees))
        size = -(-len(order) // settings.minibatches)
        notes: list[dict[str, float]] = []
        for start in range(0, len(order), size):
            part = order[start : start + size]
            notes.append(self._update(batch, part, advantages, returns, settings))
        return {key: statistics.mean(note[key] for note in notes) for key in notes[0]}

    def _update(
        self,
        batch: Experience,
        part: list[int],
        advantages: Tensor,
        returns: Tensor,
        settings: TrainingConfig,
    ) -> dict[str, float]:
        """One optimizer step of policy and value on contexts `part`; losses are means over valid tokens."""
        copies = settings.replies_per_context
        valid = batch.mask & batch.kept[:, None]
        rows_of = {tree: list(range(tree * copies, (tree + 1) * copies)) for tree in part}
        count = max(1, sum(int(valid[row].sum()) for rows in rows_of.values() for row in rows))
        sums: defaultdict[str, float] = defaultdict(float)
        for role in (POLICY, VALUE):
            frozen = role == POLICY and self.optimizers[POLICY].param_groups[0]["lr"] == 0.0
            with self.backbone.role(role, train=True):
                for indices, layout in batches([batch.trees[i] for i in part], self.config.batch_tokens):
                    rows = [row for index in indices for row in rows_of[part[index]]]
                    on = torch.cat([valid[row][batch.mask[row]] for row in rows])
                    pick = torch.cat([torch.arange(batch.mask.shape[1])[batch.mask[row]] for row in rows])
                    line = torch.cat([torch.full((int(batch.mask[row].sum()),), row) for row in rows])
                    take = (line[on], pick[on])
                    if role == POLICY:
                        with torch.set_grad_enabled(not frozen):
                            logs, entropy = token_logprobs(
                                self.backbone, layout, self.config.generation.temperature
                            )
                        new = logs.cpu()[on]
                        loss, clipped = policy_loss(new, batch.old[take], advantages[take], settings.clip)
                        sums["clip_fraction"] += float(clipped.sum())
                        sums["entropy"] += float(entropy.cpu()[on].sum())
                        sums["policy_loss"] += float(loss.detach().sum())
                    else:
                        new = state_values(self.value, self.backbone, layout).cpu()[on]
                        loss = value_loss(new, batch.values[take], returns[take], settings.value_clip)
                        sums["value_loss"] += float(loss.detach().sum())
                    if not frozen:
                        (loss.sum() / count).backward()
            sums[f"{role}_grad_norm"] = float(self._apply(role, settings)) * count
        return {key: value / count for key, value in sums.items()}

    def _apply(self, role: str, settings: TrainingConfig) -> Tensor:
        parameters = self.policy_parameters if role == POLICY else self.value.parameters()
        norm = nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimizer = self.optimizers[role]
        if optimizer.param_groups[0]["lr"] > 0:
            optimizer.step()
        optimizer.zero_grad()
        return norm

    def _record(self, batch: Experience, returns: Tensor, notes: dict[str, float]) -> dict[str, Any]:
        readings, samples = batch.readings, batch.samples
        hits = Counter(e.name for reading in readings for e in reading.scores[_RULES].evidence)
        e_enh = [reading.e_enh for reading in readings if reading.e_enh is not None]
        r_model = [reading.r_model for reading in readings if reading.r_model is not None]
        n = self.suite.config.n
        return notes | {
            "r_total": float(batch.totals[batch.kept].mean()),
            "r_model": _mean(r_model),
            "e_judge": _mean([r.e_judge for r in readings if r.e_judge is not None]),
            "e_func": _mean([r.e_func for r in readings if r.e_func is not None]),
            "share_clipped": _mean([float(abs(e) >= n) for e in e_enh]),
            "share_near_zero": _mean([float(abs(r) < 0.1) for r in r_model]),
            "violations_per_100": 100 * sum(hits.values()) / len(readings),
            "rule_hits": dict(hits),
            "kl": float(kl_estimate(batch.old, batch.reference)[batch.mask].sum() / len(samples)),
            "explained_variance": explained_variance(batch.values[batch.mask], returns[batch.mask]),
            "reply_tokens": _mean([len(sample.tokens) for sample in samples]),
            "share_truncated": _mean([float(sample.truncated) for sample in samples]),
            "suite_version": self.suite.version,
        }


def _mean(values: Sequence[float]) -> float | None:
    return statistics.mean(values) if values else None
