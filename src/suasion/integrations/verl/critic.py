"""A critic with an adapter, which verl 0.9.1 can't make; verl loads this by $VERL_USE_EXTERNAL_MODULES.

verl gives every adapter the task type CAUSAL_LM, with which PEFT asks the model how it generates; a model
with a value head doesn't. TOKEN_CLS fits, and trains and saves the head whole, beside the adapter.
verl looks for an engine of the GPU's vendor before its own, and a vendor's place is free.
"""

from typing import Any

from peft import LoraConfig, TaskType, get_peft_model
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithValueHead

HEADS = ("score", "classifier")  # as transformers calls them


def adapted(module: Any, asked: Any) -> Any:
    """The module with the adapter that a model configuration of verl asks for; its head is trained, too."""
    module.enable_input_require_grads()
    targets = asked.target_modules if isinstance(asked.target_modules, str) else list(asked.target_modules)
    lora = LoraConfig(
        task_type=TaskType.TOKEN_CLS,
        r=asked.lora_rank,
        lora_alpha=asked.lora_alpha,
        target_modules=targets,
        exclude_modules=list(HEADS),
        bias="none",
    )
    return get_peft_model(module, lora)


@EngineRegistry.register(model_type="value_model", backend=["fsdp", "fsdp2"], device="cuda", vendor="nvidia")
class AdaptedValueEngine(FSDPEngineWithValueHead):  # type: ignore[misc]  # verl ships no types
    """verl's own in all but its adapter, which is of the model's type: float32, by our check."""

    def _build_lora_module(self, module: Any) -> Any:
        if self.model_config.lora_adapter_path is not None:
            raise ValueError(
                "a critic's adapter can't be loaded here: leave critic.model.lora_adapter_path out"
            )
        return adapted(module, self.model_config)
