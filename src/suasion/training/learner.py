"""What learns from a batch: the policy's adapter and the value model, their optimizers, their memory."""

import statistics
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from suasion.config import RunConfig
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.running.processes import Team
from suasion.training.checkpoint import POLICY
from suasion.training.diverged import DivergedError, check_sound
from suasion.training.memory import Budget
from suasion.training.methods import METHODS
from suasion.training.schedule import minibatches, policy_rate
from suasion.training.update import Minibatch, Notes, fit_value, policy_gradient, value_gradient
from suasion.training.value_head import Ridge

VALUE = "value"


class Learner:
    """Optimizer steps on a batch that all processes of the team have: each takes the gradient of its share.

    usual: the norm of each role's gradient in the steps before; see `check_sound`.
    """

    def __init__(self, backbone: Backbone, config: RunConfig, team: Team, budget: Budget) -> None:
        self.backbone, self.config, self.team, self.budget = backbone, config, team, budget
        settings = config.training
        backbone.add_adapter(POLICY)  # without effect at first: the reference is the model without it
        critic = METHODS[settings.method].critic
        self.value = Reader(backbone, VALUE, adapter=settings.value_adapter) if critic else None
        self.ridge = Ridge(backbone.hidden_size, settings.value_decay, settings.value_memory)
        self.usual: Mapping[str, float] = {}
        self.parameters = {POLICY: list(backbone.adapter(POLICY).values())}
        rates = {POLICY: settings.learning_rate}
        if self.value and settings.value_adapter:
            self.parameters[VALUE], rates[VALUE] = self.value.parameters(), settings.value_learning_rate
        self.optimizers = {
            role: torch.optim.AdamW(self.parameters[role], rate, weight_decay=0.0)
            for role, rate in rates.items()
        }

    def warms_up(self, step: int) -> bool:
        return self.value is not None and step < self.config.training.value_warmup_steps

    def learn(self, step: int, whole: Minibatch) -> Notes:
        """Fit or train the value model, train the policy; the means of what was noted on the way.

        Raises DivergedError, with the batch, before the optimizer step that would do harm.
        """
        config, settings = self.config, self.config.training
        fitted: Notes = {}
        try:
            if self.value and (self.warms_up(step) or not settings.value_adapter):
                fitted = fit_value(self.value, self.ridge, whole)
                self._check(fitted)
            if self.warms_up(step):
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
        except DivergedError as error:
            error.batch = whole
            raise
        means = {key: statistics.mean(note[key] for note in notes) for key in notes[0]}
        # Before the first optimizer step sampler and trainer are the same policy.
        return fitted | means | {"sampler_gap": notes[0]["sampler_gap"]}

    def _update(self, part: Minibatch) -> Notes:
        """One optimizer step of the policy, and one of a value model that has an adapter."""
        settings, value = self.config.training, self.value
        notes: Notes = {}
        if value and settings.value_adapter:
            notes = self.budget.within(
                lambda tokens: value_gradient(value, part, settings, tokens), self.optimizers[VALUE].zero_grad
            )
            notes = self._apply(VALUE, notes)
        policy = self.budget.within(
            lambda tokens: policy_gradient(
                self.backbone, POLICY, part, settings, settings.temperature, tokens
            ),
            self.optimizers[POLICY].zero_grad,
        )
        return notes | self._apply(POLICY, policy)

    def _apply(self, role: str, notes: Notes) -> Notes:
        """Sum up gradient and notes of the team, look at them, and do the optimizer step."""
        parameters = self.parameters[role]
        notes = self._of_all(parameters, notes)
        norm = nn.utils.clip_grad_norm_(parameters, self.config.training.max_grad_norm)
        notes[f"{role}_grad_norm"] = float(norm)
        self._check(notes)
        self.optimizers[role].step()
        self.optimizers[role].zero_grad()
        return notes

    def _check(self, notes: Notes) -> None:
        settings = self.config.training
        check_sound(notes, self.usual, settings.max_grad_norm, settings.explode)

    def _of_all(self, parameters: list[nn.Parameter], notes: Notes) -> Notes:
        """What the processes have, added up: each divided by all valid tokens, so shares may be unequal."""
        if self.team.size == 1:
            return notes
        for parameter in parameters:
            if parameter.grad is None:  # its share was empty
                parameter.grad = torch.zeros_like(parameter)
        sums = torch.tensor([notes.get(name, 0.0) for name in sorted(notes)], dtype=torch.float64)
        self.team.add_up([parameter.grad for parameter in parameters if parameter.grad is not None])
        self.team.add_up([sums])
        return dict(zip(sorted(notes), sums.tolist(), strict=True))
