"""Sampling replies in batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from transformers import GenerationConfig as HfGenerationConfig

from suasion.config import GenerationConfig
from suasion.policy.model import Backbone


@dataclass(frozen=True, slots=True)
class Sample:
    """A sampled reply: its tokens with the end token unless it was cut off, and its text."""

    tokens: tuple[int, ...]
    text: str
    truncated: bool


def sample(
    backbone: Backbone, prompts: Sequence[Sequence[int]], config: GenerationConfig, seed: int, copies: int = 1
) -> list[list[Sample]]:
    """`copies` replies to each prompt (token lists) under the backbone's present role.

    The same seed, prompts and batch size give the same replies.
    """
    results: list[list[Sample]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))  # like lengths pad least
    per_batch = max(1, config.batch_size // copies)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for start in range(0, len(order), per_batch):
            group = order[start : start + per_batch]
            for index, samples in zip(
                group, _batch(backbone, [prompts[i] for i in group], config, copies), strict=True
            ):
                results[index] = samples
    return results


def _batch(
    backbone: Backbone, prompts: Sequence[Sequence[int]], config: GenerationConfig, copies: int
) -> list[list[Sample]]:
    width = max(map(len, prompts))
    pad = backbone.end
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    settings = HfGenerationConfig(
        do_sample=True,
        temperature=config.temperature,
        top_k=0,
        max_new_tokens=config.max_new_tokens,
        num_return_sequences=copies,
        eos_token_id=backbone.end,
        pad_token_id=pad,
    )
    with torch.autocast(backbone.device.type, dtype=torch.bfloat16, enabled=backbone.dtype == torch.bfloat16):
        write = cast("Callable[..., Tensor]", backbone.model.generate)
        output = write(
            input_ids=ids.to(backbone.device),
            attention_mask=mask.to(backbone.device),
            generation_config=settings,
        )
    rows = [_read(backbone, row) for row in output[:, width:].tolist()]
    return [rows[i * copies : (i + 1) * copies] for i in range(len(prompts))]


def _read(backbone: Backbone, row: list[int]) -> Sample:
    """Cut at the end token, which padding may repeat; without one the reply was cut off."""
    ended = backbone.end in row
    tokens = row[: row.index(backbone.end) + 1] if ended else row
    words = tokens[:-1] if ended else tokens
    text = str(backbone.tokenizer.decode(words, skip_special_tokens=True))
    return Sample(tuple(tokens), text.strip(), not ended)
