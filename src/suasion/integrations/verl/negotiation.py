"""A whole negotiation as one of verl's agent loops (verl 0.9): the policy against a simulated counterpart.

The tokens of a sequence are the agent's replies, mask 1, and what the counterpart answered, mask 0. The last
token is always the agent's: verl's GAE steps over masked tokens, and over a reward that stood on one.
"""

from dataclasses import dataclass, field
from statistics import mean
from time import perf_counter
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput

from suasion.counterpart.credit import standing
from suasion.counterpart.negotiations import is_over
from suasion.counterpart.simulate import MAX_REPLIES, Conversation, begin, finish, managers, play_round
from suasion.integrations.verl.story import KEY, Story
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import dump_dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.prompt import messages

FEWEST = 8  # tokens that must be left for a further reply
CUT = "conversation_tokens"  # the ending where they weren't


@dataclass(slots=True)
class _Tokens:
    """ids: prompt and all that was said. mask, logprobs: of what stands behind the prompt."""

    ids: list[int]
    mask: list[int] = field(default_factory=list)
    logprobs: list[float] | None = None


@dataclass(slots=True)
class _Told:
    contexts: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    moved: list[bool] = field(default_factory=list)


class NegotiationLoop(AgentLoopBase):  # type: ignore[misc]  # verl ships no types
    """Holds the negotiation of a row's brief to its end, or to the end of `rollout.response_length`."""

    def __init__(self, *args: Any, pack: str, longest_reply: int, outcome: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pack, self.longest_reply, self.outcome = Pack.load(pack), longest_reply, outcome
        self.hearing = load_hearing(self.pack)
        self.make = managers(self.pack, self.hearing)
        self.limit = int(self.rollout_config.response_length)
        self.end = int(self.tokenizer.convert_tokens_to_ids(str(self.tokenizer.eos_token)))

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **row: Any) -> AgentLoopOutput:
        """The negotiation as one sequence; its story travels in `extra_fields` to the reward workers.

        row: `extra_info` with `brief` (JSON), `seed` and `index`: the counterpart is the same in every copy.
        """
        info = row["extra_info"]
        brief = Brief.model_validate_json(info["brief"])
        one = begin(brief, int(info["seed"]), int(info["index"]), self.pack, self.make)
        told, request = _Told(), uuid4().hex
        tokens = _Tokens(await self.ct_build_initial_tokens(self._messages(one)))
        start, spent = len(tokens.ids), AgentLoopMetrics()
        first: dict[str, Any] = {}
        while True:
            output = await self._reply(tokens, sampling_params, request, int(priority), spent)
            first = first or output.extra_fields
            fields = {**output.extra_fields, "min_global_steps": first.get("min_global_steps")}
            self._play(one, output.token_ids, told)
            if is_over(one) or len(told.replies) == MAX_REPLIES:
                break
            if not await self._hear(one, tokens):
                one.ending = CUT
                break
        return AgentLoopOutput(
            prompt_ids=tokens.ids[:start],
            response_ids=tokens.ids[start:],
            response_mask=tokens.mask,
            response_logprobs=tokens.logprobs,
            num_turns=len(one.dialogue.turns),
            metrics=spent,
            extra_fields={**fields, KEY: self._story(one, told), "turn_scores": [], "tool_rewards": []},
        )

    def _messages(self, one: Conversation, but: int = 0) -> list[dict[str, str]]:
        """What the policy has read, without the last `but` turns."""
        turns = one.dialogue.turns[: len(one.dialogue.turns) - but]
        dialogue = one.dialogue.model_copy(update={"turns": turns})
        return messages(dialogue, self.pack, self.tokenizer.all_special_tokens)

    async def _reply(
        self, tokens: _Tokens, sampling: dict[str, Any], request: str, priority: int, spent: AgentLoopMetrics
    ) -> Any:
        began = perf_counter()
        most = min(self.longest_reply, self.limit - len(tokens.mask))
        output = await self.server_manager.generate(
            request_id=request,
            prompt_ids=tokens.ids,
            sampling_params={**sampling, "max_tokens": most},
            priority=priority,
        )
        spent.generate_sequences += perf_counter() - began
        if output.num_preempted is not None:
            spent.num_preempted = max(0, spent.num_preempted) + output.num_preempted
        if not output.token_ids:
            raise RuntimeError(f"the server wrote no token (it stopped with {output.stop_reason!r})")
        said = output.token_ids[:most]
        logprobs = output.log_probs[:most] if output.log_probs else None
        before = tokens.logprobs if tokens.mask else ([] if logprobs else None)
        merged, tokens.mask, tokens.logprobs = await self.ct_merge_assistant_token(
            tokens.ids, said, tokens.mask, before, assistant_logprobs=logprobs
        )
        tokens.ids = merged.token_ids
        return output

    def _play(self, one: Conversation, said: list[int], told: _Told) -> None:
        """The reply's text, the counterpart's answer to it, and whether both changed anything."""
        text = self.tokenizer.decode(said[: self.longest_reply], skip_special_tokens=True).strip()
        before = standing(one.state)
        told.contexts.append(dump_dialogue(one.dialogue.with_reply("")))
        told.replies.append(text)
        play_round(one, text, self.pack, self.hearing)
        told.moved.append(standing(one.state) != before)

    async def _hear(self, one: Conversation, tokens: _Tokens) -> bool:
        """Append what was answered, mask 0; False, and nothing appended, where no reply could follow it."""
        ids, mask, logprobs = list(tokens.ids), list(tokens.mask), tokens.logprobs
        if ids[-1] != self.end:  # cut off by its limit: the turn is closed for it, which it isn't paid for
            ids.append(self.end)
            mask.append(0)
            logprobs = None if logprobs is None else [*logprobs, 0.0]
        merged, mask, logprobs = await self.ct_merge_context_msg(
            self._messages(one, but=1), self._messages(one), ids, mask, logprobs
        )
        if len(mask) + FEWEST > self.limit:
            return False
        tokens.ids, tokens.mask, tokens.logprobs = merged.token_ids, mask, logprobs
        return True

    def _story(self, one: Conversation, told: _Told) -> str:
        outcome = finish(one, self.hearing).outcome
        assert outcome is not None
        return Story(
            contexts=tuple(told.contexts),
            replies=tuple(told.replies),
            moved=tuple(told.moved),
            won=mean(map(float, outcome.successes.values())),
            outcome=self.outcome,
            ending=outcome.ending,
        ).model_dump_json()
