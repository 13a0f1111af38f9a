"""PPO's mathematics: advantages and losses as pure functions of tensors (Schulman et al. 2016, 2017)."""

import torch
from torch import Tensor

HEAVIEST = 16.0  # times the configured weight of the KL


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalised advantage estimates (arXiv 1506.02438, eq. 16) over the agent's tokens only.

    Args:
        rewards, values: (B, T); the value after the last agent token is 0.
        mask: (B, T), true on the agent's tokens. Others are stepped over: neither decayed through nor valued.

    Returns (B, T), 0 where the mask is false. Raises ValueError for shapes that differ.
    """
    rewards, values = torch.as_tensor(rewards), torch.as_tensor(values)
    mask = torch.as_tensor(mask).bool()
    if not rewards.shape == values.shape == mask.shape or rewards.dim() != 2:
        raise ValueError(f"expected three (B, T), found {rewards.shape}, {values.shape}, {mask.shape}")
    rewards = rewards.to(values.dtype if values.is_floating_point() else torch.float32)
    advantages = torch.zeros_like(rewards)
    carry = next_value = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        acting = mask[:, t]
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        here = delta + gamma * lam * carry
        advantages[:, t] = torch.where(acting, here, 0.0)
        carry = torch.where(acting, here, carry)  # counterpart tokens carry no action: GAE steps over them
        next_value = torch.where(acting, values[:, t].to(here.dtype), next_value)
    return advantages


def centre(advantages: Tensor, mask: Tensor, copies: int) -> Tensor:
    """Take off what the replies to one context have in common, (B, T) -> (B, T), 0 where the mask is false.

    Rows are `copies` replies to each context, in order; a reply counts once, whatever its length, and one
    without a valid token not at all. With a value model that knows its contexts this changes little.
    """
    tokens = mask.sum(1)  # (B,)
    replies = (advantages * mask).sum(1) / tokens.clamp(min=1)
    counted = (tokens > 0).to(advantages.dtype).view(-1, copies)
    means = (replies.view(-1, copies) * counted).sum(1) / counted.sum(1).clamp(min=1)
    return torch.where(mask, advantages - means.repeat_interleave(copies)[:, None], 0.0)


def normalise(advantages: Tensor, mask: Tensor) -> Tensor:
    """Zero mean and unit spread over the valid tokens; (B, T) -> (B, T), 0 elsewhere."""
    valid = advantages[mask]
    return torch.where(mask, (advantages - valid.mean()) / (valid.std(unbiased=False) + 1e-8), 0.0)


def group_normalise(returns: Tensor, mask: Tensor, copies: int) -> Tensor:
    """GRPO's advantages: zero mean and unit spread over the replies to each context; (B, T) -> (B, T).

    Rows and masks as in `centre`. Replies that all fare the same teach nothing.
    """
    centred = centre(returns, mask, copies)
    tokens = mask.sum(1)
    replies = (centred * mask).sum(1) / tokens.clamp(min=1)
    counted = (tokens > 0).view(-1, copies)
    spread = (replies.view(-1, copies).square() * counted).sum(1) / counted.sum(1).clamp(min=1)
    return torch.where(mask, centred / (spread.sqrt() + 1e-4).repeat_interleave(copies)[:, None], 0.0)


def policy_loss(logprobs: Tensor, old: Tensor, advantages: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """PPO's clipped surrogate per token, and whether the clip was active; all (N,)."""
    ratio = torch.exp(logprobs - old)
    plain, clipped = ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages
    return -torch.minimum(plain, clipped), (clipped < plain).float()


def value_loss(values: Tensor, old: Tensor, returns: Tensor, clip: float) -> Tensor:
    """Squared error per token, pessimistic about changes beyond `clip`; all (N,)."""
    near = old + (values - old).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns).square(), (near - returns).square())


def kl_estimate(logprobs: Tensor, reference: Tensor) -> Tensor:
    """k3 of the KL to the reference per sampled token (Schulman 2020): unbiased, never negative; (N,)."""
    gap = reference - logprobs
    return torch.exp(gap) - 1 - gap


def adapt_kl(weight: float, kl: float, target: float, least: float) -> float:
    """The next step's weight of the KL: up to half as much again above the target, as little as half below.

    Proportional to the error, which is clipped (Ziegler et al. 2019, section 2.2, with steps that suit short
    runs), and between `least` and HEAVIEST times that: drift lags behind its weight, which must not wind up.
    """
    error = max(-1.0, min(1.0, kl / target - 1))
    return min(HEAVIEST * least, max(least, weight * (1 + 0.5 * error)))


def explained_variance(values: Tensor, returns: Tensor) -> float:
    """1 - Var(return - value) / Var(return); 0 where all returns are the same."""
    spread = float(returns.var(unbiased=False))
    return 1 - float((returns - values).var(unbiased=False)) / spread if spread > 1e-12 else 0.0
