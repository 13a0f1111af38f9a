"""The language model: installed from its package or loaded by name, with one adapter a role."""

import gc
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from suasion.config import ModelConfig
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.attention import GROUPED
from suasion.policy.install import EMBEDDED, install_model
from suasion.policy.lean import lean_lora, make_lean
from suasion.policy.processor import choose_dtype, keep_memory
from suasion.policy.prompt import Message, messages, shortened, without_tokens
from suasion.policy.trees import TreeBatch

ADDED_MASK = ("eager", GROUPED)  # attention that adds its mask to the scores
SCALINGS = ("logit_scale", "logits_scaling")
UNTOUCHED = "untouched"  # the role of the model as it was loaded, whatever was baked into it since
LONGEST_REPLY = 512  # tokens that are read of a reply (the paper's limit)


@dataclass(slots=True)
class Backbone:
    """One frozen causal model under several adapters, and its tokenizer.

    `model` is a PeftModel once the first adapter is there. Adapters are float32 whatever the dtype.
    `original` keeps the weights as loaded once an adapter was baked in; `known_replies` what the frozen
    model made of the replies that were read last, by prompt and reply: several roles read the same ones.
    """

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    config: ModelConfig
    name: str
    original: list[tuple[nn.Parameter, Tensor]] = field(default_factory=list)
    known_replies: dict[tuple[tuple[int, ...], tuple[int, ...]], Tensor] = field(default_factory=dict)
    seed: int = 0  # of the adapters' first weights

    @property
    def plain(self) -> PreTrainedModel:
        found = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        return cast(PreTrainedModel, found)

    @property
    def device(self) -> torch.device:
        return self.plain.device

    @property
    def dtype(self) -> torch.dtype:
        return self.plain.dtype

    @property
    def hidden_size(self) -> int:
        return int(self.plain.config.get_text_config().hidden_size)

    @property
    def end(self) -> int:
        """Token that ends a message; with some tokenizers it is also the padding token."""
        return cast(int, self.tokenizer.convert_tokens_to_ids(str(self.tokenizer.eos_token)))

    def add_adapter(self, name: str, layers: int | None = None) -> None:
        """A new LoRA adapter on all layers or the top `layers`, without effect at first.

        Raises InputError where the model has not all of `lora_targets` as linear layers.
        """
        total = int(self.plain.config.get_text_config().num_hidden_layers)
        lora = LoraConfig(
            r=self.config.lora_rank,
            lora_alpha=self.config.lora_alpha,
            target_modules=list(self.config.lora_targets),
            layers_to_transform=list(range(max(0, total - layers), total)) if layers else None,
            task_type="CAUSAL_LM",
        )
        lean_lora(lora)
        self._check_targets()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(zlib.crc32(f"{self.seed}:{name}".encode()))
            if isinstance(self.model, PeftModel):
                self.model.add_adapter(name, lora)
            else:
                self.model = get_peft_model(self.model, lora, adapter_name=name)
        for parameter in self.adapter(name).values():
            parameter.data = parameter.data.float()

    def _check_targets(self) -> None:
        linear = (LoraLayer, nn.Linear)
        found = {
            key.rpartition(".")[2] for key, part in self.plain.named_modules() if isinstance(part, linear)
        }
        for target in self.config.lora_targets:
            if target not in found:
                raise InputError(
                    f"the model has no linear layer {target!r}; it has {', '.join(sorted(found))}",
                    self.name,
                    field="model.lora_targets",
                )

    def adapter(self, name: str) -> dict[str, nn.Parameter]:
        """The adapter's parameters by full name."""
        return {key: value for key, value in self.model.named_parameters() if f".{name}." in key}

    @contextmanager
    def role(self, name: str | None, train: bool = False) -> Iterator[None]:
        """Within it the model works with this adapter, with none for None, or as loaded for UNTOUCHED."""
        if name == UNTOUCHED:
            with _weights(self.original), self.role(None):
                yield
        elif not isinstance(self.model, PeftModel):
            if name is not None:
                raise KeyError(f"no adapter {name!r}")
            yield
        elif name is None:
            with self.model.disable_adapter():
                yield
        else:
            self.model.set_adapter(name, inference_mode=not train)
            yield

    @contextmanager
    def merged(self, name: str | None) -> Iterator[PreTrainedModel]:
        """The plain model in that role with the adapter added into its weights: fewer products.

        The weights themselves are put back afterwards, so that nothing is lost to rounding.
        """
        adapter = None if name in (None, UNTOUCHED) else name
        with self.role(None if adapter else name), _weights(self._sums(adapter)):
            yield self.plain

    def bake(self, name: str) -> None:
        """Make the only adapter a part of the model for good: all roles stand on it, None is it alone."""
        model = cast(PeftModel, self.model)
        if set(model.peft_config) != {name}:
            raise ValueError(f"{name!r} must be baked in before there are others")
        sums = self._sums(name)
        self.original += [(weight, weight.data) for weight, _ in sums]
        for weight, data in sums:
            weight.data = data
        self.known_replies.clear()
        self.model = cast(PreTrainedModel, cast("Callable[[], object]", model.unload)())

    def _sums(self, name: str | None) -> list[tuple[nn.Parameter, Tensor]]:
        """Each weight that the adapter changes, and the weight as the adapter makes it."""
        found = []
        for module in self.plain.modules():
            if name is not None and isinstance(module, LoraLayer) and name in module.lora_A:
                weight = cast(nn.Parameter, module.get_base_layer().weight)
                delta = cast(Tensor, module.get_delta_weight(name)).detach()  # type: ignore[operator]
                found.append((weight, (weight.data.float() + delta.float()).to(weight.dtype)))
        return found

    def encode(self, batch: TreeBatch) -> Tensor:
        """Last hidden states of the trees under the present role: (B, T, H)."""
        mask = batch.mask.to(self.device)
        if self.plain.config._attn_implementation in ADDED_MASK:
            closed = torch.finfo(self.dtype).min
            mask = torch.zeros(mask.shape, dtype=self.dtype, device=self.device).masked_fill(~mask, closed)
        return self.decode(
            batch.input_ids.to(self.device),
            position_ids=batch.position_ids.to(self.device),
            attention_mask=mask,
        )

    def decode(self, input_ids: Tensor, **inputs: Tensor) -> Tensor:
        """Last hidden states of rows under the present role: (B, T) -> (B, T, H)."""
        mixed = self.dtype == torch.bfloat16
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed):
            output = self.plain.get_decoder()(input_ids=input_ids, use_cache=False, **inputs)
        hidden: Tensor = output.last_hidden_state
        return hidden

    def project(self, hidden: Tensor) -> Tensor:
        """Vocabulary logits of hidden states (..., H) -> (..., V), in float32."""
        logits: Tensor = self.plain.get_output_embeddings()(hidden.to(self.dtype)).float()
        cap = getattr(self.plain.config.get_text_config(), "final_logit_softcapping", None)
        return torch.tanh(logits / cap) * cap if cap else logits

    def context(self, dialogue: Dialogue, pack: Pack) -> list[int]:
        """Prompt tokens for the dialogue's next reply, oldest turns dropped beyond `max_context_tokens`.

        Where brief and last message alone are longer than twice that, their middle is left out.
        """
        limit = self.config.max_context_tokens
        found = messages(dialogue, pack, self.tokenizer.all_special_tokens)
        ids = self.chat_tokens(shortened(found, self._length, limit), reply=True)
        return ids if len(ids) <= 2 * limit else ids[:limit] + ids[-limit:]

    def _length(self, found: Sequence[Message]) -> int:
        return len(self.chat_tokens(found, reply=True))

    def chat_tokens(self, found: Sequence[Message], reply: bool) -> list[int]:
        text = self.tokenizer.apply_chat_template(list(found), tokenize=False, add_generation_prompt=reply)
        return list(self.tokenizer(str(text), add_special_tokens=False)["input_ids"])

    def reply_tokens(self, text: str) -> list[int]:
        """Tokens of a reply, LONGEST_REPLY at most, and the end token, so that ending is learned too."""
        plain = without_tokens(text, self.tokenizer.all_special_tokens)
        ids = self.tokenizer(plain, add_special_tokens=False)["input_ids"]
        return [*ids[:LONGEST_REPLY], self.end]


@contextmanager
def _weights(values: Sequence[tuple[nn.Parameter, Tensor]]) -> Iterator[None]:
    """Within it the parameters have these values; afterwards their own again, bit by bit."""
    own = [(parameter, parameter.data) for parameter, _ in values]
    for parameter, data in values:
        parameter.data = data
    try:
        yield
    finally:
        for parameter, data in own:
            parameter.data = data


def unsupported(found: PretrainedConfig, config: ModelConfig) -> str | None:
    """Why token trees or our projection would not give this architecture's own numbers, or None."""
    window = getattr(found, "sliding_window", None)
    slides = "sliding_attention" in (getattr(found, "layer_types", None) or ())
    if window and slides and window < 2 * config.max_context_tokens + LONGEST_REPLY:
        return f"its attention window of {window} tokens is shorter than contexts and replies may be"
    scaled = next((name for name in SCALINGS if getattr(found, name, None) not in (None, 1, 1.0)), None)
    return f"scales its logits ({scaled}), which is not supported" if scaled else None


def load_backbone(config: ModelConfig, seed: int = 0) -> Backbone:
    """Load the model, frozen, in the dtype that is asked for or faster here; `seed` is of its adapters."""
    keep_memory()
    path = str(install_model()) if config.name == EMBEDDED else config.name
    transformers_logging.disable_progress_bar()
    dtype = choose_dtype() if config.dtype == "auto" else getattr(torch, config.dtype)
    # On a processor torch's fused attention is mostly slower where a gradient is wanted.
    attention = "sdpa" if torch.cuda.is_available() else GROUPED
    try:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation=attention)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"can't be loaded as a causal language model: {str(error).splitlines()[0]}", path
        ) from None
    if reason := unsupported(model.config.get_text_config(), config):
        raise InputError(reason, path)
    if not tokenizer.chat_template:
        raise InputError("its tokenizer has no chat template: take an instruction-tuned model", path)
    if torch.cuda.is_available():
        cast(nn.Module, model).to("cuda")
    model.requires_grad_(False)
    model.eval()
    make_lean(model)
    gc.collect()
    return Backbone(model, tokenizer, config, config.name, seed=seed)
