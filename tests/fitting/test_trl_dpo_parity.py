"""DPO beside TRL's trainer: the same loss of the same pairs, and the same gradient of the adapter."""

from collections.abc import Callable
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from suasion.fitting.dpo import _by_branch, dpo_loss
from suasion.policy.model import Backbone
from suasion.policy.trees import batches, branch
from suasion.training.experience import token_logprobs

END = 2  # the tiny tokenizer's; TRL adds it to each reply
PAIRS = [([5, 6, 7], [8, 9, 10], [11, 12]), ([13, 14], [15], [16, 17, 18, 19])]  # prompt, chosen, rejected


def noisy(parameters: dict[str, torch.nn.Parameter]) -> None:
    """An adapter with an effect, the same one for the same order of names."""
    drawn = torch.Generator().manual_seed(3)
    for key in sorted(parameters):
        torch.nn.init.normal_(parameters[key], std=0.2, generator=drawn)


def theirs(
    model: PreTrainedModel, lora: LoraConfig, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> tuple[float, dict[str, Tensor]]:
    adapted = get_peft_model(model, lora)
    assert isinstance(adapted, PeftModel)
    text = [[" ".join(map(str, part)) for part in pair] for pair in PAIRS]
    names = ("prompt", "chosen", "rejected")
    rows = Dataset.from_dict(
        {name: [f" {pair[k]}" if k else pair[k] for pair in text] for k, name in enumerate(names)}
    )
    trainer = DPOTrainer(
        model=adapted,
        args=DPOConfig(
            output_dir=str(folder), per_device_train_batch_size=2, beta=0.1, use_cpu=True, bf16=False,
            gradient_checkpointing=False, report_to="none", disable_tqdm=True,
        ),
        train_dataset=rows,
        processing_class=tokenizer,
    )  # fmt: skip
    parameters = {key: one for key, one in adapted.named_parameters() if ".default." in key}
    noisy(parameters)
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    loss = trainer.compute_loss(adapted, next(iter(trainer.get_train_dataloader())))
    loss.backward()
    return float(loss.detach()), {key: torch.as_tensor(one.grad) for key, one in parameters.items()}


def ours(backbone: Backbone) -> tuple[float, dict[str, Tensor]]:
    backbone.add_adapter("policy")
    parameters = backbone.adapter("policy")
    noisy(parameters)
    trees = [branch(prompt, [[*chosen, END], [*rejected, END]]) for prompt, chosen, rejected in PAIRS]
    ((places, layout),) = batches(trees, 1000)

    def read() -> Tensor:
        return _by_branch(token_logprobs(backbone, layout, 1.0)[0], [trees[place] for place in places])

    with torch.no_grad(), backbone.role(None):
        reference = read()
    with backbone.role("policy", train=True):
        loss = dpo_loss(read(), reference)[0].mean()
        loss.backward()
    return float(loss.detach()), {key: torch.as_tensor(one.grad) for key, one in parameters.items()}


def test_it_is_trls_dpo(
    bare: Callable[..., PreTrainedModel],
    small: Callable[[str, str], Backbone],
    numbers: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    backbone = small("Llama", "grouped")
    lora = LoraConfig(
        r=4, lora_alpha=8, target_modules=list(backbone.config.lora_targets), task_type="CAUSAL_LM"
    )
    loss, gradient = theirs(bare("Llama"), lora, numbers, tmp_path)
    found, own = ours(backbone)
    assert abs(found - loss) < 1e-5 * abs(loss)
    assert len(own) == len(gradient)
    for key, value in gradient.items():
        mine = own[key.replace(".default.", ".policy.")]
        assert (mine - value).norm() <= 1e-4 * value.norm(), key
