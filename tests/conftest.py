"""Small untrained models of the architectures that we name, and a few replies to score."""

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.rewards.judge_server import Answer, JudgeServer

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from suasion.policy.model import Backbone

REPLIES = [
    "Fair point. What is your best price?",
    "We guarantee you more bookings.",
    "Goodbye.",
    "Hello there.",
]
SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


class Words:
    """A tokenizer of 61 buckets of words; token 2 ends a message."""

    eos_token = "<end>"
    all_special_tokens = ("<end>",)

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [3 + zlib.crc32(word.encode()) % 61 for word in text.split()]}

    def convert_tokens_to_ids(self, token: str) -> int:
        return 2

    def decode(self, tokens: list[int], skip_special_tokens: bool = False) -> str:
        return " ".join(map(str, tokens))

    def apply_chat_template(
        self, messages: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> str:
        return " ".join(f"{message['role']} : {message['content']}" for message in messages)


def bare_model(name: str, **changes: object) -> "PreTrainedModel":
    """A frozen tiny model of a type, as transformers makes it."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SIZES, **changes)
    model: PreTrainedModel = getattr(transformers, f"{name}ForCausalLM")(config)
    return model.eval().requires_grad_(False)


def small_backbone(name: str, attention: str = "grouped") -> "Backbone":
    from suasion.config import ModelConfig
    from suasion.policy.lean import make_lean
    from suasion.policy.model import Backbone

    model = bare_model(name)
    model.set_attn_implementation(attention)
    make_lean(model)
    return Backbone(model, Words(), ModelConfig(lora_rank=4, lora_alpha=8, role_layers=2), name)


@pytest.fixture(params=["Gemma grouped", "Llama grouped", "Qwen3 grouped", "Llama sdpa", "Llama eager"])
def backbone(request: pytest.FixtureRequest) -> "Backbone":
    """Types of model, and of attention on one of them."""
    return small_backbone(*request.param.split())


@pytest.fixture
def bare() -> "Callable[..., PreTrainedModel]":
    """Makes a tiny model of a type, nothing of it replaced."""
    return bare_model


@pytest.fixture
def small() -> "Callable[[str, str], Backbone]":
    """Makes a model of a type with an attention."""
    return small_backbone


@pytest.fixture
def another() -> "Callable[[], Backbone]":
    """Makes the same model anew each time."""
    return lambda: small_backbone("Llama")


@pytest.fixture
def numbers() -> "PreTrainedTokenizerFast":
    """The tiny models' tokens as a real tokenizer, for TRL's trainers: a word is a token's number."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = {"<pad>": 0, "<unknown>": 1, "<end>": 2} | {str(number): number for number in range(3, 64)}
    words = Tokenizer(models.WordLevel(names, unk_token="<unknown>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", pad_token="<pad>", unk_token="<unknown>"
    )


@pytest.fixture(scope="session")
def hotel() -> Pack:
    return Pack.load("hotel")


@pytest.fixture
def dialogues() -> list[Dialogue]:
    """Four replies to two contexts."""
    ticket = {
        "id": "t1",
        "room": "Deluxe King",
        "check_in": "2026-12-01",
        "check_out": "2026-12-02",
        "currency": "CNY",
        "selling_price": 420,
        "commission_rate": 0.15,
        "target_selling_price": 380,
    }
    brief = {
        "hotel": "Sunrise Hotel",
        "city": "Hangzhou",
        "agency": "Voyara",
        "agent_name": "Lin",
        "tickets": [ticket],
    }
    said = ["why should we", "no way, costs are up"]
    return [
        Dialogue.model_validate(
            {
                "id": f"d{n}",
                "brief": brief,
                "turns": [{"speaker": "counterpart", "text": said[n % 2]}],
                "reply": reply,
            }
        )
        for n, reply in enumerate(REPLIES)
    ]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], JudgeServer]]:
    """Starts a server that answers by a function; stopped when the test ends."""
    running: list[JudgeServer] = []

    def start(answer: Answer) -> JudgeServer:
        running.append(JudgeServer(answer))
        return running[-1]

    yield start
    for server in running:
        server.stop()
