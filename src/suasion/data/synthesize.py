"""Synthetic dialogues: a scripted expert walks the SOP's paths with talkative simulated counterparts."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import get_args

from suasion.counterpart.briefs import Split, draw_briefs
from suasion.counterpart.coefficients import Ears, load_ears
from suasion.counterpart.hidden_type import HiddenType, draw_type
from suasion.counterpart.manager import Manager
from suasion.counterpart.simulate import simulate
from suasion.data.examples import Example
from suasion.data.operators import mistype, shares_words
from suasion.errors import InputError
from suasion.language.acts import load_hearing
from suasion.language.phrases import Phrasebook, load_phrases
from suasion.language.replies import PlannedReply, say_reply
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import find_prices
from suasion.negotiation.tracker import Hearing, State, advance, start, track

# Counterparts that answer nearly always and get into every kind of trouble: coverage is wanted, not realism.
LIVELY = {
    "busy": 0.9,
    "silence": 0.12,
    "lost": 0.25,
    "ask_machine": 0.10,
    "ask_promise": 0.10,
    "hesitate": 0.2,
    "retract": 0.12,
    "retract_overruled": 0.3,
}
ANSWERS, LATE, WRONG_PERSON, GRUMPY = 0.97, 0.12, 0.12, 0.25
TYPOS = 0.1
TRIES = 8  # phrasings of a reply, of which the one that repeats least is said
REPEATED = 0.6  # share of word 4-grams of an earlier reply that is still taken as new


class Expert:
    """Says what the SOP lists, phrased in one family per dialogue. Its turns carry their acts."""

    def __init__(self, pack: Pack, seed: int, split: Split) -> None:
        self.pack, self.seed, self.split = pack, seed, split
        self._book, self._hearing = load_phrases(pack), load_hearing(pack)

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[Turn]:
        replies = [self._say(dialogue, seed) for dialogue in dialogues]
        return [Turn(speaker="agent", text=reply.text, acts=reply.acts) for reply in replies]

    def family(self, dialogue: Dialogue) -> str:
        families = families_of(self._book, self.split)
        return random.Random(f"{self.seed}:{dialogue.id}:family").choice(families)

    def _say(self, dialogue: Dialogue, seed: int) -> PlannedReply:
        rng = random.Random(f"{seed}:{dialogue.id}:{len(dialogue.turns)}")
        heard = without_acts(dialogue)
        state = track(heard, self.pack.sop, self._hearing)
        earlier = [turn.text for turn in heard.turns if turn.speaker == "agent" and turn.text]
        own, fallback = self.family(dialogue), families_of(self._book, "train")
        said: list[tuple[float, int, PlannedReply]] = []
        for number in range(TRIES):
            family = own if number < TRIES // 2 else rng.choice(fallback)
            reply = say_reply(state, dialogue.brief, self.pack.sop, self._book, rng, family)
            again = max((shares_words(reply.text, text) for text in earlier), default=0.0)
            again += leaves_open(reply.acts, state)
            if again <= REPEATED:
                return reply
            said.append((again, number, reply))
        return min(said)[2]


def leaves_open(acts: Sequence[str], state: State) -> bool:
    """Says goodbye while another ticket is still to be spoken of."""
    others = (ticket for index, ticket in enumerate(state.tickets) if index != state.focus)
    return "bye" in acts and "opt_out" not in state.heard and not all(ticket.done for ticket in others)


class Mistyping:
    """A manager who now and then mistypes, though never so that something else is heard."""

    def __init__(self, manager: Manager, hearing: Hearing, rng: random.Random) -> None:
        self._manager, self._hearing, self._rng = manager, hearing, rng
        self.prices, self.consents, self.truth = manager.prices, manager.consents, manager.truth

    def reply(self, dialogue: Dialogue) -> Turn:
        turn = self._manager.reply(dialogue)
        if turn.text is None or self._rng.random() >= TYPOS:
            return turn
        text = mistype(turn.text, self._rng)
        same = self._hearing.hear("counterpart", text) == self._hearing.hear("counterpart", turn.text)
        same = same and _amounts(text) == _amounts(turn.text)
        return turn.model_copy(update={"text": text}) if same else turn


def synthesize(pack: Pack, count: int, seed: int, split: Split = "train") -> list[Dialogue]:
    """`count` whole dialogues of one split; the agent's turns have `acts`, each dialogue its `family`.

    Held-out families speak in the split `test` only.
    """
    hearing, ears = load_hearing(pack), _lively(load_ears(pack))
    expert = Expert(pack, seed, split)

    def make(brief: Brief, name: str) -> Mistyping:
        hidden = _lively_type(brief, ears, random.Random(f"{name}:{split}:type"))
        manager = Manager(hidden, brief, ears, hearing, f"{name}:{split}")
        return Mistyping(manager, hearing, random.Random(f"{name}:{split}:typos"))

    briefs = draw_briefs(pack, count, seed, split)
    dialogues = simulate(expert, briefs, seed, pack=pack, hearing=hearing, counterpart=make)
    return [
        dialogue.model_copy(
            update={"id": f"{split}-{dialogue.id}", "source": "sop_path", "family": expert.family(dialogue)}
        )
        for dialogue in dialogues
    ]


def try_out(pack: Pack, count: int = 20) -> None:
    """Hold some dialogues in the pack's world, as `synthesize` does.

    Raises InputError where one can't be held: most often something has no phrases.
    """
    for split in get_args(Split):
        for brief in draw_briefs(pack, count, 0, split):
            pack.check_brief(brief)
    for dialogue in synthesize(pack, count, 0):
        ending = dialogue.outcome.ending if dialogue.outcome else ""
        if ending.startswith("error"):
            raise InputError(f"a conversation in this world fails: {ending}", str(pack.path))


def _lively(ears: Ears) -> Ears:
    habits = ears.coefficients.habits.model_copy(update=LIVELY)
    return replace(ears, coefficients=ears.coefficients.model_copy(update={"habits": habits}))


def _lively_type(brief: Brief, ears: Ears, rng: random.Random) -> HiddenType:
    hidden = draw_type(brief.tickets, ears.coefficients, rng)
    return replace(
        hidden,
        no_reply=0.0 if rng.random() < ANSWERS else 1.0,
        late=rng.random() < LATE,
        wrong_person=rng.random() < WRONG_PERSON and ears.coefficients.population.wrong_person > 0,
        mood=max(0.0, rng.uniform(-0.1, 0.1)) if rng.random() < GRUMPY else hidden.mood,
    )


def _amounts(text: str) -> list[tuple[float, str, str]]:
    return [(mention.amount, mention.kind, mention.relation) for mention in find_prices(text)]


def families_of(book: Phrasebook, split: Split) -> list[str]:
    """Families of phrasing that a split may use: those held out in `test`, the others elsewhere."""
    acts = book.file.agent
    held_out = split == "test" and bool(book.file.held_out)
    return sorted({family for act in acts for family in book.families(act, held_out=held_out)})


def without_acts(dialogue: Dialogue) -> Dialogue:
    """The dialogue as the agent sees it: words, without what they are known to mean."""
    turns = tuple(turn.model_copy(update={"acts": None}) for turn in dialogue.turns)
    return dialogue.model_copy(update={"turns": turns})


def examples_of(dialogues: Iterable[Dialogue], pack: Pack) -> list[Example]:
    """One example per turn of the agent, with the stage that is tracked from the words before it."""
    hearing, examples = load_hearing(pack), []
    for dialogue in dialogues:
        family = str((dialogue.model_extra or {}).get("family", ""))
        plain = without_acts(dialogue).turns
        state = start(dialogue.brief, pack.sop)
        for number, turn in enumerate(dialogue.turns):
            if turn.speaker == "agent" and turn.text is not None:
                context = Dialogue(
                    id=f"{dialogue.id}#{number}",
                    brief=dialogue.brief,
                    turns=plain[:number],
                    reply=turn.text,
                    source=dialogue.source,
                )
                acts = turn.acts if turn.acts is not None else tuple(sorted(hearing.hear("agent", turn.text)))
                examples.append(Example(context, acts, state.side or state.stage, family))
            state = advance(state, plain[number], pack.sop, hearing)
    return examples


def cover(dialogues: Sequence[Dialogue], pack: Pack, count: int) -> list[Dialogue]:
    """`count` of the dialogues that together visit every stage as evenly as they can, word for word.

    Most talks silence and haggling fill; what happens once in a while has to be learned too.
    """
    visits = {
        dialogue.id: Counter(example.stage for example in examples_of([dialogue], pack))
        for dialogue in dialogues
    }
    words = {d.id: 60 + sum(len((turn.text or "").split()) for turn in d.turns) for d in dialogues}
    seen: Counter[str] = Counter()
    chosen: list[Dialogue] = []
    left = list(dialogues)

    def gain(dialogue: Dialogue) -> float:
        stages = visits[dialogue.id].items()
        return sum(times / (1 + seen[stage]) for stage, times in stages) / words[dialogue.id]

    while left and len(chosen) < count:
        best = max(left, key=gain)
        left.remove(best)
        chosen.append(best)
        seen.update(visits[best.id])
    return chosen


def balance(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """At most `count` of the examples: each stage as many as the others while it has them."""
    rng = random.Random(f"{seed}:balance")
    left: dict[str, list[Example]] = {}
    for example in rng.sample(list(examples), len(examples)):
        left.setdefault(example.stage, []).append(example)
    chosen: list[Example] = []
    while len(chosen) < count and left:
        for stage in sorted(left):
            if len(chosen) < count:
                chosen.append(left[stage].pop())
            if not left[stage]:
                del left[stage]
    rng.shuffle(chosen)
    return chosen
