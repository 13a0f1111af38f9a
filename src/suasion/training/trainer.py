"""The loop: collect replies, turn R_total into advantages, update policy and value, note everything down."""

import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor

from suasion.agents.intent import IntentAgent
from suasion.config import GenerationConfig, RunConfig
from suasion.counterpart.negotiations import Negotiations
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.policy.processor import release_memory
from suasion.rewards.judge_report import JudgeReport
from suasion.rewards.suite import RewardSuite
from suasion.running.processes import ALONE, Team
from suasion.running.progress import Progress
from suasion.running.stopping import Stopped, stop
from suasion.training.alarms import alarms
from suasion.training.checkpoint import POLICY, Checkpoint
from suasion.training.contexts import ContextPool
from suasion.training.diverged import DivergedError, bury, usual_norms
from suasion.training.experience import Experience, collect
from suasion.training.learner import Learner
from suasion.training.memory import Budget
from suasion.training.methods import METHODS, advantages, ahead
from suasion.training.parcel import Parcel, shared, together
from suasion.training.ppo import adapt_kl
from suasion.training.telemetry import Tracker, describe_prospects, describe_step
from suasion.training.trajectories import Played, describe_played, fold, hold
from suasion.training.unread import TooManyUnreadError, check_enough, unread_shares
from suasion.training.update import Minibatch
from suasion.training.validation import Validation

RECENT = 3  # steps whose KL decides the next one's weight, where it is estimated from sampled tokens
Records = list[dict[str, Any]]


class Trainer:
    """The loop of every method: reply credit, KL per token outside R_total, adapters only.

    Replies are to prefixes that others wrote, and to `training.negotiations` that the policy leads itself.
    In a team every process runs the same loop: it collects a share of each batch, and the first one writes.
    """

    def __init__(
        self,
        backbone: Backbone,
        suite: RewardSuite,
        pack: Pack,
        config: RunConfig,
        team: Team = ALONE,
        checked_by: RewardSuite | None = None,
    ) -> None:
        """`checked_by` measures the policies among which the best is kept, instead of what pays them."""
        self.backbone, self.suite, self.pack, self.config = backbone, suite, pack, config
        self.checked_by = checked_by or suite
        self.first = config.origin.steps if config.origin else 0  # its draws go on where the last run's ended
        settings, self.team = config.training, team
        if settings.contexts_per_step < team.size:
            raise InputError(
                f"{settings.contexts_per_step} contexts a step can't be shared by {team.size} processes",
                field="training.contexts_per_step",
            )
        if settings.credit == "trajectory" and team.size > 1:
            raise InputError("whole negotiations are held by one process", field="training.credit")
        under_way = settings.negotiations if settings.credit == "reply" else 0
        self.negotiations = Negotiations(pack, under_way, config.seed)
        self.method = METHODS[settings.method]
        self.budget = Budget(config.batch_tokens)
        self.learner = Learner(backbone, config, team, self.budget)
        self.kl = settings.kl

    def run(
        self,
        contexts: Sequence[Dialogue],
        folder: Path,
        resume: bool = False,
        validation: Sequence[Dialogue] = (),
        patched: Sequence[Dialogue] = (),
    ) -> Records:
        """Train for the configured steps; returns one record a step, also written to `steps.jsonl`.

        `patched` are the contexts of the patches that it goes on under. With `training.validate_every` the
        policy is afterwards the one that did best on `validation`. Alarms (`alarms.action`) and measurements
        that get no better (`patience`) may end it early. A request to stop ends it after the step, or, while
        replies are collected, at once; then Stopped is raised, and what was done is in the checkpoint.
        """
        settings = self.config.training
        share = self.config.origin.patch_share if self.config.origin else 0.0
        pool = ContextPool(contexts, self.pack, settings.draw, patched, share)
        check = Validation(self.backbone, POLICY, self.checked_by, self.config, validation, self.team)
        checkpoint = Checkpoint(folder, self)
        records = checkpoint.restore() if resume else []
        checkpoint.write_log(records)
        for count in range(1, len(records) + 1):
            self._adapt(records[:count])
        with (
            closing(Tracker(settings, folder, len(records), self.team)) as tracker,
            Progress(settings.method, self.team.first) as progress,
            self._saving(checkpoint, records),
        ):
            while len(records) < settings.steps and not (records and "stopped_by" in records[-1]):
                records.append(self._next(len(records), pool, check))
                self._adapt(records)
                self._look(records)
                check.wait(records)
                check.keep(folder, records)
                release_memory()
                checkpoint.write_log(records)
                last = len(records) == settings.steps or "stopped_by" in records[-1]
                if last or len(records) % settings.checkpoint_every == 0:
                    checkpoint.save(records)
                tracker.log(records[-1])
                progress.at(
                    len(records),
                    settings.steps,
                    f"R_total {records[-1]['r_total']:+.2f}  KL {records[-1]['kl']:.2f}",
                )
                if not last and self.team.any(stop.asked):
                    raise Stopped
        check.restore_best(folder, records)
        return records

    @contextmanager
    def _saving(self, checkpoint: Checkpoint, records: Records) -> Iterator[None]:
        """Nothing is lost of the steps that were done, whatever ends the training."""
        try:
            with stop.held():
                yield
        except TooManyUnreadError:
            checkpoint.save(records)  # the step that failed changed nothing
            raise
        except Stopped:
            checkpoint.save(records)  # nor did the one that was left
            done = f"after {len(records)} of {self.config.training.steps} steps, which are saved"
            raise Stopped(done) from None
        except DivergedError as error:
            adapter = self.backbone.adapter(POLICY) if self.team.first else None
            raise bury(error, len(records), checkpoint.path.parent, adapter) from None

    def _next(self, step: int, pool: ContextPool, check: Validation) -> dict[str, Any]:
        """One step and, where it is due, what the policy is worth after it."""
        start = perf_counter()
        record = self.step(step, self._draw(pool, step))
        if check.due(step):
            record["validation"] = check.measure()
        return record | {"step": step, "time_s": perf_counter() - start}

    def _look(self, records: Records) -> None:
        """Note the alarms of the last step in its record; tell those that have not rung before."""
        found = alarms(records, self.config.alarms)
        if not found:
            return
        records[-1]["alarms"] = found
        known = {name for record in records[:-1] for name in record.get("alarms", {})}
        for name in sorted(set(found) - known) if self.team.first else ():
            sys.stderr.write(f"\nalarm after step {len(records)}: {name}: {found[name]}\n")
        if self.config.alarms.action == "stop":
            records[-1]["stopped_by"] = sorted(found)

    def _adapt(self, records: Records) -> None:
        """What the step after these is told by them: the KL's weight, the usual gradient, and the
        micro-batches that fit into memory.
        """
        settings = self.config.training
        if settings.kl_target:
            steps = 1 if settings.kl_in == "loss" else RECENT
            recent = statistics.mean(record["kl"] for record in records[-steps:])
            self.kl = adapt_kl(self.kl, recent, settings.kl_target, settings.kl)
        self.learner.usual = usual_norms(records)
        self.budget.tokens = min(self.budget.tokens, records[-1].get("batch_tokens", self.budget.asked))

    def _draw(self, pool: ContextPool, step: int) -> list[Dialogue]:
        """A step's given contexts; while the value warms up more, each answered once."""
        settings = self.config.training
        count = settings.contexts_per_step
        count *= settings.replies_per_context if self.learner.warms_up(step) else 1
        rng = random.Random(self.config.seed * 100_003 + self.first + step)
        return pool.draw(count - settings.negotiations, rng)

    def step(self, step: int, given: Sequence[Dialogue]) -> dict[str, Any]:
        """One update on fresh replies in the negotiations under way and to the `given` contexts."""
        config, settings = self.config, self.config.training
        warming_up = self.learner.warms_up(step)
        copies = 1 if warming_up else settings.replies_per_context
        played: list[Played] = []
        with stop.held(hold=self.team.size > 1):  # of a team none may leave while others wait for it
            if settings.credit == "trajectory":
                batch, judging, played = self._hold(step, copies)
            else:
                batch, judging = self._collect(step, [*self.negotiations.contexts(), *given], copies)
        in_loss = self.kl if settings.kl_in == "loss" else 0.0
        in_reward = self.kl - in_loss
        unread = unread_shares(batch, self.suite)
        check_enough(step, unread, config.rewards.max_unread, judging)
        if settings.credit == "trajectory":
            paid, about = fold(batch, played, copies, settings.outcome), describe_played(played)
            aims, returns = map(paid.unfold, advantages(paid, settings, in_reward, warming_up))
            valid = paid.valid
        else:
            lead, about = self._say(batch, copies)
            totals = batch.totals + settings.outcome * lead
            aims, returns = advantages(replace(batch, totals=totals), settings, in_reward, warming_up)
            valid = batch.mask & batch.kept[:, None]
        whole = Minibatch(batch, tuple(range(len(batch.trees))), aims, returns, valid, self.team, in_loss)
        learned = perf_counter()
        notes = self.learner.learn(step, whole)
        if "token_kl" in notes:  # of the whole vocabulary, in the place of the sampled tokens' estimate
            about["kl"] = notes.pop("token_kl") * float(valid.sum() / valid.any(1).sum().clamp(min=1))
        return {
            **notes,
            **describe_step(batch, returns, self.suite, self.kl),
            **about,
            "update_s": perf_counter() - learned,
            "batch_tokens": self.team.least(self.budget.tokens),
            **{f"share_unread_{name}": share for name, share in unread.items()},
            **(judging.as_record() if judging else {}),
        }

    def _hold(self, step: int, copies: int) -> tuple[Experience, JudgeReport | None, list[Played]]:
        """Whole negotiations of the policy, with all its replies scored."""

        def within(tokens: int) -> tuple[Experience, list[Played]]:
            return hold(
                self.backbone,
                POLICY,
                self.pack,
                self.suite,
                self.learner.value,
                self.config,
                self._sized(tokens),
                self.first + step,
                copies,
                2 * tokens,
                self.method.reward,
            )

        batch, played = self.budget.within(within)
        return batch, self.suite.judge_report(), played

    def _sized(self, tokens: int) -> GenerationConfig:
        """How replies are written where passes have so many tokens; rewards are read in such passes, too."""
        self.suite.read_within(2 * tokens)
        exploring = self.config.exploring
        return exploring.model_copy(update={"batch_size": self.budget.scaled(exploring.batch_size)})

    def _say(self, batch: Experience, copies: int) -> tuple[Tensor, dict[str, float]]:
        """Of the replies to each negotiation one is said, unseen; returns how far each was ahead: (R,)."""
        own = len(self.negotiations.talks)
        prospects = self._prospects(batch, copies, own)
        said = [sample.text for sample in batch.samples[::copies]]
        self.negotiations.say(said[:own])
        return ahead(prospects, batch.totals), describe_prospects(prospects)

    def _collect(self, step: int, contexts: Sequence[Dialogue], copies: int) -> Parcel:
        """Replies to this process's share of the contexts, scored; put together with those of the others."""

        def within(tokens: int) -> Experience:
            return collect(
                self.backbone,
                self.team.share(contexts),
                copies,
                self.pack,
                self.suite,
                self.learner.value,
                self._sized(tokens),
                POLICY,
                self.config.seed * 7_919 + self.first + step + self.team.rank * 15_485_863,
                2 * tokens,
                self.method.reward,
            )

        batch = self.budget.within(within)
        return together(self.team, batch, self.suite.judge_report())

    def _prospects(self, batch: Experience, copies: int, own: int) -> list[list[float]]:
        """What each reply to the `own` first contexts, its negotiations, is worth to the rest of them."""
        settings = self.config.training
        if not settings.outcome or copies == 1:
            return []
        texts = [sample.text for sample in batch.samples[: own * copies]]
        groups = [texts[start : start + copies] for start in range(0, len(texts), copies)]
        return shared(
            self.team,
            groups,
            lambda some: self.negotiations.prospects(some, IntentAgent(self.pack), settings.rollouts),
        )
