"""A run directory as training leaves it, tiny and untrained, so that its rewards load in a second."""

import json
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.config import ModelConfig, RunConfig, load_config
from suasion.integrations.settings import RewardSettings
from suasion.negotiation.dialogue import Dialogue, load_dialogues, write_dialogues
from suasion.negotiation.pack import Pack

try:
    VERL = version("verl")
except PackageNotFoundError:
    VERL = ""
TEMPLATE = (
    "{% for m in messages %}<|begin|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|begin|>assistant\n{% endif %}"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs verl is slow, skipped where it is not installed, and free to warn as verl and Ray do."""
    for item in items:
        if item.get_closest_marker("verl"):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings("default"))
            item.add_marker(pytest.mark.skipif(not VERL, reason="verl is not installed: make test-verl"))


@pytest.fixture
def planned() -> Callable[[Path, Path], Any]:
    """The plan of a configuration's run in a directory, by verl's own code."""

    def make(config: Path, output: Path) -> Any:
        from suasion.integrations.verl.launch import plan

        return plan(load_config(config), output, str(config))

    return make


def save_model(folder: Path) -> None:
    """A Llama of three layers that reads bytes, so that every text survives its tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = {letter: number for number, letter in enumerate(["<|pad|>", "<|begin|>", "<|end|>", *letters])}
    words = Tokenizer(models.BPE(vocab=names, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<|begin|>", eos_token="<|end|>", pad_token="<|pad|>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(names), hidden_size=32, intermediate_size=48, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        eos_token_id=2, pad_token_id=0, bos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its reward model and judge read what chance gave their heads."""
    import torch

    from suasion.data.rubric import load_rubric
    from suasion.policy.heads import save_tensors
    from suasion.policy.model import load_backbone
    from suasion.rewards.judge import LocalJudge
    from suasion.rewards.reward_model import Calibration, RewardModel
    from suasion.rewards.saved import SFT
    from suasion.running.folder import describe_run, write_json

    folder = tmp_path_factory.mktemp("run")
    save_model(folder / "model")
    tiny = ModelConfig(name=str(folder / "model"), dtype="float32", lora_rank=4, lora_alpha=8, role_layers=2)
    config, pack = RunConfig(model=tiny), Pack.load("hotel")
    write_json(folder / "run.json", describe_run(config, "made for a test", []))
    backbone = load_backbone(tiny)
    backbone.add_adapter(SFT)
    save_tensors(folder / "sft.safetensors", {k: v.detach() for k, v in backbone.adapter(SFT).items()})
    backbone.bake(SFT)
    model = RewardModel(backbone, pack, adapter=False)
    judge = LocalJudge(backbone, pack, load_rubric(pack), adapter=False)
    for role in (model.role, judge.role):
        for parameter in role.head.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
    judge.role.head.bias.data.sub_(3.0)  # it finds few faults: E must not always be at its end
    model.calibration = Calibration(mean=0.1, scale=0.5)
    (folder / "rewards").mkdir()
    model.save(folder / "rewards")
    judge.save(folder / "rewards")
    return folder


@pytest.fixture
def replies(hotel: Pack, dialogues: list[Dialogue]) -> list[Dialogue]:
    """Replies that break no rule, some, and so many that nothing is left of R_total."""
    examples = Path(__file__).parents[2] / "examples" / "replies.jsonl"
    return [*load_dialogues(examples, hotel.check_brief), *dialogues]


@pytest.fixture
def write_settings(tmp_path: Path) -> Callable[..., Path]:
    """Writes reward settings; returns their file."""

    def write(**given: object) -> Path:
        path = tmp_path / "reward.json"
        path.write_text(RewardSettings.model_validate(given).model_dump_json(), encoding="utf-8")
        return path

    return write


@pytest.fixture
def settings(run_folder: Path, write_settings: Callable[..., Path]) -> Path:
    """Those that name the run, its judge included."""
    return write_settings(preference=str(run_folder), judge="local")


@pytest.fixture
def score_lines(tmp_path: Path) -> Callable[[Sequence[Dialogue], Path], list[dict[str, Any]]]:
    """What `suasion score` writes of the replies, by the rewards of a run with its judge."""

    def lines(dialogues: Sequence[Dialogue], run: Path) -> list[dict[str, Any]]:
        source, output = tmp_path / "replies.jsonl", tmp_path / "scores.jsonl"
        write_dialogues(source, dialogues)
        command = ["score", "--input", str(source), "--output", str(output)]
        result = CliRunner().invoke(main, [*command, "--judge", "local", "--preference", str(run)])
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]

    return lines


CLUSTER = """
pack = "hotel"
seed = 3
batch_tokens = 16384

[model]
name = "{model}"
dtype = "float32"
lora_rank = 4
lora_alpha = 8
max_context_tokens = 6000

[generation]
max_new_tokens = 96

[training]
credit = "{credit}"
outcome = {outcome}
steps = 4
contexts_per_step = 8
replies_per_context = 2
validation_contexts = 8
minibatches = 1
centring = "batch"

[data]
dialogues = 4
pairs = 4
faults = 0
sampled = 0

[cluster]
gpus_per_node = 2
tensor_parallel = 2
conversation_tokens = {tokens}
passes = 2
preference = "{run}"
reward_workers = 2
overrides = {overrides}
"""


@pytest.fixture(scope="session")
def long_model(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, which knows so many positions that bytes of a negotiation fit."""
    folder = tmp_path_factory.mktemp("model") / "long"
    shutil.copytree(run_folder / "model", folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 32_768}), "utf-8")
    return folder


@pytest.fixture
def cluster_file(long_model: Path, run_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a run's configuration for a cluster of two GPUs."""

    def file(
        credit: str = "trajectory", tokens: int = 6000, overrides: tuple[str, ...] = (), run: str = ""
    ) -> Path:
        path = tmp_path / "run.toml"
        text = CLUSTER.format(
            model=long_model, credit=credit, outcome=1 if credit == "trajectory" else 0, tokens=tokens,
            run=run_folder, overrides=json.dumps(list(overrides)),
        )  # fmt: skip
        path.write_text(text, "utf-8")
        return path

    return file
