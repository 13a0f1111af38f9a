"""The reward suite as reward functions for TRL's online trainers, tried with its GRPOTrainer.

rows = training_rows(dialogues, suite.pack, tokenizer)
trainer = GRPOTrainer(model, reward_functions(suite), train_dataset=Dataset.from_list(rows),
                      args=GRPOConfig(reward_weights=REWARD_WEIGHTS, ...))
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from suasion.integrations.scorer import check_paid, payable, suite_of
from suasion.integrations.settings import Paid, RewardSettings
from suasion.negotiation.dialogue import Dialogue, dump_dialogue, parse_dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.prompt import Message, messages, shortened
from suasion.rewards.suite import Reading, RewardSuite

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

COMPONENTS = ("r_total", "r_model", "e_judge", "e_func")
REWARD_WEIGHTS = [1.0, 0.0, 0.0, 0.0]  # the first is paid, the others are only logged
Completion = str | list[Message]


class RewardFunction(Protocol):
    """As TRL calls it: one number a completion, None where there is none."""

    __name__: str

    def __call__(
        self, completions: Sequence[Completion], dialogue: Sequence[str], **columns: Any
    ) -> list[float | None]: ...


def training_rows(
    dialogues: Sequence[Dialogue],
    pack: Pack,
    tokenizer: "PreTrainedTokenizerBase",
    max_context_tokens: int = 230,
) -> list[dict[str, Any]]:
    """A dataset's rows: `prompt`, what the policy reads, as chat messages; `dialogue`, the record as JSON.

    Oldest exchanges are dropped beyond `max_context_tokens`, as in Suasion's own training; the brief and the
    last message stay, whatever their length. No turn contains a special token of the tokenizer.
    """

    def length(found: list[Message]) -> int:
        return len(tokenizer.apply_chat_template(found, add_generation_prompt=True, return_dict=False))

    special = tokenizer.all_special_tokens
    return [
        {
            "prompt": shortened(messages(dialogue, pack, special), length, max_context_tokens),
            "dialogue": dump_dialogue(dialogue.with_reply("")),
        }
        for dialogue in dialogues
    ]


def rewards_of(settings: RewardSettings) -> list[RewardFunction]:
    """Those of a settings file. Raises InputError for a suite that can't be loaded, or can't pay."""
    suite = suite_of(settings)
    check_paid(suite, settings.paid)
    return reward_functions(suite, settings.paid)


def reward_functions(suite: RewardSuite, paid: Paid = "r_total") -> list[RewardFunction]:
    """One function for what is paid and each other of COMPONENTS; a batch is scored once for all of them.

    A reply whose total was not read has None in all four: TRL adds up what the functions gave and leaves a
    reply out only where none gave anything, so a component that was read would make the missing total a 0.
    paid: `r_total`, or `e_enh` in its place. Raises InputError naming the row whose `dialogue` is no record
    of the pack.
    """
    read = _LastBatch(suite)
    return [_component(read, name, paid) for name in (paid, *COMPONENTS[1:])]


def _component(read: "_LastBatch", name: str, paid: Paid) -> RewardFunction:
    def reward(
        completions: Sequence[Completion], dialogue: Sequence[str], **columns: Any
    ) -> list[float | None]:
        return [
            None if payable(read.suite, one, paid) is None else getattr(one, name)
            for one in read(completions, dialogue)
        ]

    reward.__name__ = name
    return reward


class _LastBatch:
    """The readings of the last batch: TRL hands the same one to each function in turn."""

    def __init__(self, suite: RewardSuite) -> None:
        self.suite = suite
        self._batch: list[tuple[str, str]] = []
        self._readings: list[Reading] = []

    def __call__(self, completions: Sequence[Completion], records: Sequence[str]) -> list[Reading]:
        batch = [(record, _text(one)) for record, one in zip(records, completions, strict=True)]
        if batch != self._batch:
            check = self.suite.pack.check_brief
            dialogues = [
                parse_dialogue(record, "dialogue", row, check).with_reply(text)
                for row, (record, text) in enumerate(batch, start=1)
            ]
            self._readings, self._batch = self.suite.score(dialogues), batch
        return self._readings


def _text(completion: Completion) -> str:
    """A completion's words: TRL gives messages where the prompt was messages."""
    return completion if isinstance(completion, str) else completion[-1]["content"]
