"""How many weights a decoder has, and what its tokens take; exact for Qwen3 (tests/test_scale.py)."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder with grouped queries and a gated MLP; by default Qwen3-32B."""

    layers: int = 64
    hidden: int = 5120
    heads: int = 64
    kv_heads: int = 8
    head: int = 128
    inner: int = 25_600
    vocabulary: int = 151_936
    tied: bool = False  # input and output embeddings are one

    @property
    def linears(self) -> list[tuple[int, int]]:
        """(in, out) of a layer's projections."""
        queries, keys = self.heads * self.head, self.kv_heads * self.head
        attention = [(self.hidden, queries), (self.hidden, keys), (self.hidden, keys), (queries, self.hidden)]
        return [*attention, (self.hidden, self.inner), (self.hidden, self.inner), (self.inner, self.hidden)]

    @property
    def in_layers(self) -> int:
        """Weights that every token is multiplied by."""
        return self.layers * sum(a * b for a, b in self.linears)

    @property
    def all(self) -> int:
        norms = self.layers * 2 * (self.hidden + self.head) + self.hidden
        return self.in_layers + (1 if self.tied else 2) * self.vocabulary * self.hidden + norms

    def lora(self, rank: int) -> int:
        """Weights of an adapter on all linear layers."""
        return self.layers * rank * sum(a + b for a, b in self.linears)

    @property
    def kv_bytes(self) -> int:
        """Of one token's keys and values in bf16."""
        return self.layers * 2 * self.kv_heads * self.head * 2


def shape_of(config: Any) -> Shape:
    """Of a transformers configuration; what a model does otherwise (experts, biases) is not counted."""
    text = config.get_text_config()
    heads = int(text.num_attention_heads)
    return Shape(
        layers=int(text.num_hidden_layers),
        hidden=int(text.hidden_size),
        heads=heads,
        kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
        head=int(getattr(text, "head_dim", None) or text.hidden_size // heads),
        inner=int(text.intermediate_size),
        vocabulary=int(text.vocab_size),
        tied=bool(getattr(config, "tie_word_embeddings", False)),
    )
