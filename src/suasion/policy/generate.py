"""Sampling replies in batches: a prompt is read once for all its replies, finished ones leave in groups."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import Cache

from suasion.config import GenerationConfig
from suasion.policy.attention import attending_by_groups
from suasion.policy.cache import Prefixes, roomy_cache
from suasion.policy.model import Backbone
from suasion.policy.processor import release_memory

PASS_TOKENS = 1200  # of prompts that a processor reads in one pass; a GPU reads them all at once
BLOCK = 256  # tokens of the vocabulary whose probabilities are summed at once
CROWDED = 0.85  # rows leave a batch together, once fewer than this share still write: leaving copies


@dataclass(frozen=True, slots=True)
class Sample:
    """A sampled reply: its tokens with the end token unless it was cut off, and its text.

    logprobs: of each token under the sampling distribution, in nats.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    truncated: bool


def sample(
    backbone: Backbone,
    adapter: str | None,
    prompts: Sequence[Sequence[int]],
    config: GenerationConfig,
    seed: int,
    copies: int = 1,
    names: Sequence[str] | None = None,
) -> list[list[Sample]]:
    """`copies` replies to each prompt (token lists), written by the backbone with that adapter.

    The seed and a prompt's name, its place by default, decide the dice of its replies, whatever else is in
    the batch; prompts of one name are told apart by their order. So two policies that answer under one seed
    and name differ by what they are and seldom by luck: the common random numbers of simulation (Glasserman
    and Yao 1992).
    """
    results: list[list[Sample]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))  # like lengths pad least
    per_batch = max(1, config.batch_size // copies)
    dice = _dice(seed, names or [str(i) for i in range(len(prompts))], copies, config.max_new_tokens)
    with torch.no_grad(), backbone.merged(adapter):
        for start in range(0, len(order), per_batch):
            group = order[start : start + per_batch]
            rows = _write(backbone, [prompts[i] for i in group], config, copies, dice[group].flatten(0, 1))
            release_memory()  # each token has shapes of its own: what they leave behind adds up
            for place, index in enumerate(group):
                mine = rows[place * copies : (place + 1) * copies]
                results[index] = [_read(backbone, tokens, logs) for tokens, logs in mine]
    return results


def _dice(seed: int, names: Sequence[str], copies: int, length: int) -> Tensor:
    """Uniform numbers for each token of each reply: (prompts, copies, length)."""
    seen: Counter[str] = Counter()
    rows = []
    for name in names:
        rng = random.Random(f"{seed}:{name}:{seen[name]}")  # one name twice is two prompts
        rows.append([[rng.random() for _ in range(length)] for _ in range(copies)])
        seen[name] += 1
    return torch.tensor(rows)


def _write(
    backbone: Backbone,
    prompts: Sequence[Sequence[int]],
    config: GenerationConfig,
    copies: int,
    dice: Tensor,
) -> list[tuple[list[int], list[float]]]:
    """Tokens and log-probabilities of `copies` replies to each prompt, in order; dice: (rows, tokens)."""
    end, device = backbone.end, backbone.device
    prefixes, logits = _read_prompts(backbone, prompts, copies)
    cache = roomy_cache(len(prefixes.keys), config.max_new_tokens)
    ends = torch.tensor([len(prompt) for prompt in prompts for _ in range(copies)], device=device)
    rows: list[tuple[list[int], list[float]]] = [([], []) for _ in range(len(ends))]
    present = list(range(len(rows)))  # rows of the batch, some of which may have ended
    dice = dice.to(device)
    for number in range(config.max_new_tokens):
        chosen, logs = draw(logits / config.temperature, dice[present, number, None])
        for row, token, log in zip(present, chosen[:, 0].tolist(), logs[:, 0].tolist(), strict=True):
            if rows[row][0][-1:] != [end]:
                rows[row][0].append(token)
                rows[row][1].append(log)
        going = [place for place, row in enumerate(present) if rows[row][0][-1] != end]
        if not going or len(rows[present[going[0]]][0]) == config.max_new_tokens:
            break
        if len(going) < CROWDED * len(present):
            keep = torch.tensor(going, device=device)
            cache.batch_select_indices(keep)
            prefixes.keep(keep, CROWDED)
            ends, chosen = ends[keep], chosen[keep]
            present = [present[place] for place in going]
        with attending_by_groups(backbone.plain):
            logits = _next_logits(backbone, chosen, None, ends[:, None], cache, prefixes=prefixes)
        ends = ends + 1
    return rows


def _read_prompts(
    backbone: Backbone, prompts: Sequence[Sequence[int]], copies: int
) -> tuple[Prefixes, Tensor]:
    """What the model knows after each prompt, and its logits there, `copies` times over: (rows, V).

    A few prompts at a time: what a layer needs for a pass would fill gigabytes, and many gain no time.
    """
    layers = int(backbone.plain.config.get_text_config().num_hidden_layers)
    device, end = backbone.device, backbone.end
    parts, logits = [], []
    budget = PASS_TOKENS if device.type == "cpu" else sum(map(len, prompts)) * len(prompts)
    for some in _parts(prompts, budget):
        width = max(map(len, some))
        ids = torch.tensor([[end] * (width - len(p)) + list(p) for p in some], device=device)
        seen = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in some], device=device)
        cache = roomy_cache(layers, 0)
        logits.append(_next_logits(backbone, ids, seen, (seen.cumsum(1) - 1).clamp(min=0), cache))
        parts.append(cache)
    return Prefixes(parts, list(map(len, prompts)), copies), torch.cat(logits).repeat_interleave(copies, 0)


def _parts(prompts: Sequence[Sequence[int]], budget: int) -> Iterator[list[Sequence[int]]]:
    """The prompts in order, cut so that a part with its padding stays within `budget` tokens."""
    part: list[Sequence[int]] = []
    for prompt in prompts:
        if part and (len(part) + 1) * max(map(len, [*part, prompt])) > budget:
            yield part
            part = []
        part.append(prompt)
    yield part


def draw(logits: Tensor, dice: Tensor) -> tuple[Tensor, Tensor]:
    """One token a row by inversion, from logits (B, V) and uniform numbers (B, 1), with its log-probability.

    Returns (B, 1), (B, 1). One random number a row, where torch.multinomial takes one for each token of the
    vocabulary; and running sums over blocks and within the block that is drawn, since those over a whole
    vocabulary are slow.
    """
    peak = logits.amax(-1, keepdim=True)
    mass = pad((logits - peak).exp_(), (0, -logits.shape[1] % BLOCK)).unflatten(-1, (-1, BLOCK))
    sums = mass.sum(-1).cumsum(-1)  # (B, blocks)
    point = dice * sums[:, -1:]
    block = _first_above(sums, point)
    rest = point - torch.where(block > 0, sums.gather(1, (block - 1).clamp(min=0)), 0.0)
    within = mass[torch.arange(len(logits), device=logits.device), block[:, 0]].cumsum(-1)  # (B, BLOCK)
    chosen = block * BLOCK + _first_above(within, rest)
    return chosen, logits.gather(1, chosen) - peak - sums[:, -1:].log()


def _first_above(sums: Tensor, point: Tensor) -> Tensor:
    """Where running sums (B, N) first exceed the point (B, 1), which rounding may leave behind the last."""
    last = torch.searchsorted(sums, sums[:, -1:].contiguous())
    return torch.minimum(torch.searchsorted(sums, point, right=True), last)


def _next_logits(
    backbone: Backbone,
    ids: Tensor,
    seen: Tensor | None,
    positions: Tensor,
    cache: Cache,
    **further: Prefixes,
) -> Tensor:
    """Logits after the last column of ids (B, T): (B, V). The cache takes the new tokens in."""
    output = backbone.plain.get_decoder()(
        input_ids=ids,
        attention_mask=seen,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        **further,
    )
    return backbone.project(output.last_hidden_state[:, -1])


def _read(backbone: Backbone, tokens: list[int], logprobs: list[float]) -> Sample:
    """Without an end token the reply was cut off."""
    ended = tokens[-1] == backbone.end
    text = str(backbone.tokenizer.decode(tokens[:-1] if ended else tokens, skip_special_tokens=True))
    return Sample(tuple(tokens), tuple(logprobs), text.strip(), not ended)
