"""The guard: no reply leaves that the pack's rules forbid. What was withheld, and why, is data."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from suasion.agents.disguises import disguise
from suasion.agents.doubts import doubt
from suasion.agents.endings import Ending, Stopping
from suasion.agents.inside import commission_told, leak_pattern, prompt_runs, repeats
from suasion.agents.intent import IntentAgent
from suasion.agents.plain_text import cleaned, skeleton
from suasion.counterpart.listening import restates
from suasion.counterpart.simulate import Agent
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State, advance, track
from suasion.rewards.rules import RuleSet
from suasion.rewards.scene import words_of
from suasion.rewards.score import Evidence, Severity

# Checks whose hits are withheld at any severity: a wrong price or a second confirmation is money, and in
# another language than the pack's no rule reads anything.
HELD_BACK_CHECKS = frozenset(
    {
        "proposal_out_of_bounds",
        "kind_mixed",
        "haggling_on",
        "confirms_other_price",
        "repeated_confirmation",
        "ungrounded_number",
        "mixed_language",
    }
)
AGAIN = 7919  # between the seeds of two attempts


class Source(StrEnum):
    AGENT = "agent"
    FALLBACK = "fallback"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class GuardEvent:
    """A draft that was not sent. `text` is None where the speaker failed, and `failure` says how."""

    source: Source
    attempt: int
    text: str | None
    evidence: tuple[Evidence, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class GuardedReply:
    """What is sent, or why nothing is.

    `text` is None where nothing is to be said, or where no draft may leave: then `source` is NOBODY and the
    ending HANDED_OVER. `stage` is where the reply stood, `state` what it led to. `evidence` are the lesser
    objections to what is sent.
    """

    text: str | None
    source: Source
    stage: str
    state: State
    ending: Ending | None = None
    events: tuple[GuardEvent, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    seed: int = 0


@dataclass(slots=True)
class _Draft:
    """One dialogue while its reply is looked for."""

    dialogue: Dialogue
    before: State
    events: list[GuardEvent]
    text: str | None = None
    source: Source = Source.NOBODY
    evidence: tuple[Evidence, ...] = ()
    seed: int = 0


class GuardedAgent:
    """Wraps any agent of a pack. Not safe for several threads at once: a model is not."""

    def __init__(
        self,
        agent: Agent,
        pack: Pack,
        *,
        rules: RuleSet | None = None,
        attempts: int = 3,
        withhold: Severity = Severity.CRITICAL,
        stopping: Stopping | None = None,
        fallback: Agent | None = None,
    ) -> None:
        """`attempts`: drafts of each speaker. `withhold`: HIGH holds back what is high as well.

        Raises InputError when the pack's rules can't be loaded.
        """
        self.agent, self.pack, self.attempts = agent, pack, max(1, attempts)
        self.rules = rules or RuleSet.load(pack)
        self.stopping = stopping or Stopping(pack, self.rules.hearing)
        self.fallback = fallback or IntentAgent(pack)
        severities = {Severity.CRITICAL, withhold}
        self._held_back = frozenset(
            rule.id
            for rule in self.rules.rules
            if rule.severity in severities or rule.check in HELD_BACK_CHECKS
        )
        self._leaks = leak_pattern(pack)
        self._prompt_runs = prompt_runs(pack)

    @property
    def version(self) -> str:
        """Of the rules that guard."""
        return self.rules.version

    def answer(
        self, dialogues: Sequence[Dialogue], seed: int = 0, states: Sequence[State | None] | None = None
    ) -> list[GuardedReply]:
        """One checked reply to each dialogue; those that need another draft share a batch again.

        `states`: where each dialogue stands, as far as that is known; tracked from its turns where not.
        Raises nothing that the agent raises: its failure is an event, and the fallback speaks.
        """
        results: dict[int, GuardedReply] = {}
        drafts: dict[int, _Draft] = {}
        for index, dialogue in enumerate(dialogues):
            known = states[index] if states else None
            state = known or track(dialogue, self.pack.sop, self.rules.hearing)
            ending = self.stopping.before(dialogue, state)
            if ending is None:
                drafts[index] = _Draft(dialogue, state, [])
            else:
                results[index] = GuardedReply(
                    None, Source.NOBODY, self.pack.sop.step_of(state).id, state, ending
                )
        speakers = ((Source.AGENT, self.agent), (Source.FALLBACK, self.fallback))
        for source, speaker in speakers:
            for attempt in range(self.attempts):
                open_drafts = [draft for draft in drafts.values() if draft.text is None]
                if open_drafts:
                    self._try(open_drafts, source, speaker, attempt, seed + attempt * AGAIN)
        results |= {index: self._finish(draft) for index, draft in drafts.items()}
        return [results[index] for index in range(len(dialogues))]

    def objections(self, dialogue: Dialogue, state: State, text: str) -> tuple[Evidence, ...]:
        """Every objection to a reply, as written and as it looks, and what the guard itself sees."""
        found = list(self.rules.check(dialogue.with_reply(text), state).evidence)
        looks = skeleton(text)
        if looks != text:
            names = {one.name for one in found}
            again = self.rules.check(dialogue.with_reply(looks), state).evidence
            found += [one for one in again if one.severity == Severity.CRITICAL and one.name not in names]
        return (*found, *self._own_objections(dialogue, state, text, looks))

    def withheld(self, evidence: Sequence[Evidence]) -> bool:
        return any(one.name in self._held_back or one.name.startswith("guard.") for one in evidence)

    def _try(self, drafts: Sequence[_Draft], source: Source, speaker: Agent, attempt: int, seed: int) -> None:
        texts = _say(speaker, drafts, seed)
        for draft, said in zip(drafts, texts, strict=True):
            if isinstance(said, Exception):
                failure = type(said).__name__  # its message may hold what nobody outside may read
                draft.events.append(GuardEvent(source, attempt, None, (), failure))
                continue
            text = cleaned(said)
            evidence = self.objections(draft.dialogue, draft.before, text)
            if self.withheld(evidence):
                draft.events.append(GuardEvent(source, attempt, text, evidence))
            else:
                draft.text, draft.source, draft.evidence, draft.seed = text, source, evidence, seed

    def _finish(self, draft: _Draft) -> GuardedReply:
        stage, events = self.pack.sop.step_of(draft.before).id, tuple(draft.events)
        if draft.text is None:
            return GuardedReply(None, Source.NOBODY, stage, draft.before, Ending.HANDED_OVER, events)
        turn = Turn(speaker="agent", text=draft.text)
        state = advance(draft.before, turn, self.pack.sop, self.rules.hearing)
        ending = self.stopping.after(draft.dialogue.continued(turn), state)
        return GuardedReply(
            draft.text, draft.source, stage, state, ending, events, draft.evidence, draft.seed
        )

    def _own_objections(self, dialogue: Dialogue, state: State, text: str, looks: str) -> list[Evidence]:
        """What no rule of a pack says: notes and prompt that leak; agreements in doubt, or badly restated."""
        found = []
        if not text:
            found.append(_objection("empty", "says nothing"))
        if self._leaks and (match := self._leaks.search(looks)):
            found.append(_objection("note", f"a note to the agent: {match.group()!r}"))
        if repeats(words_of(looks), self._prompt_runs):
            found.append(_objection("prompt", "repeats its instructions"))
        if hidden := disguise(text):
            found.append(_objection("disguise", hidden))
        if share := commission_told(dialogue, looks):
            found.append(_objection("commission", f"tells that it keeps {share}"))
        current, step = state.ticket, self.pack.sop.step_of(state)
        due = current is not None and current.agreed is not None and not current.restated
        if due and "confirm" in step.requires:
            assert current is not None  # `due` says so
            assert current.agreed is not None
            confirms = "confirm" in self.rules.hearing.hear("agent", text)
            if not confirms or not restates(text, current.ticket, current.agreed):
                found.append(_objection("confirmation", "has to restate the agreed price, its kind and item"))
            elif why := doubt(current, dialogue):
                found.append(_objection("doubt", why))
        return found


def _say(speaker: Agent, drafts: Sequence[_Draft], seed: int) -> list[str | Exception]:
    """A text for each dialogue, or how it failed; after a failure of the batch each one is tried alone."""
    try:
        if isinstance(speaker, IntentAgent):  # needs no second reading of the dialogue
            return [speaker.go_on(draft.before, draft.dialogue, seed).text or "" for draft in drafts]
        return [_text_of(said) for said in speaker.reply([draft.dialogue for draft in drafts], seed)]
    except Exception as error:  # noqa: BLE001 - recorded as an event; the fallback speaks
        if len(drafts) == 1:
            return [error]
    return [_say(speaker, [draft], seed)[0] for draft in drafts]


def _text_of(said: str | Turn) -> str:
    return said if isinstance(said, str) else said.text or ""


def _objection(name: str, note: str) -> Evidence:
    return Evidence(f"guard.{name}", 0.0, Severity.CRITICAL, note=note)
