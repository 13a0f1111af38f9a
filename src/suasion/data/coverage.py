"""Which parts of the procedure dialogues come through: replies in each step, and each transition."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from suasion.data.synthesize import without_acts
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import start, step
from suasion.negotiation.transitions import Transition, transitions


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many replies of the agent each stage and side state has, and how often each transition was made."""

    steps: Mapping[str, int]
    transitions: Mapping[Transition, int]

    def lines(self) -> Iterator[str]:
        """What was covered and how often; then, by name, what never was."""
        yield f"replies: {', '.join(f'{step} {count}' for step, count in self.steps.items())}"
        missed = [one for one, count in self.transitions.items() if not count]
        yield f"transitions: {len(self.transitions) - len(missed)} of {len(self.transitions)} made"
        if unvisited := [step for step, count in self.steps.items() if not count]:
            yield f"  never replied in: {', '.join(unvisited)}"
        for (source, on), group in groupby(missed, key=lambda one: (one.source, one.on)):
            yield f"  never {source} → {', '.join(one.to for one in group)} on {on}"


def coverage(dialogues: Iterable[Dialogue], pack: Pack) -> Coverage:
    """Follow each dialogue by its words. Every step and transition of the SOP is counted, from 0."""
    hearing, sop = load_hearing(pack), pack.sop
    steps = Counter({one.id: 0 for one in (*sop.stages, *sop.side_states)})
    made = Counter(dict.fromkeys(transitions(sop), 0))
    for dialogue in dialogues:
        state = start(dialogue.brief, sop)
        for turn in without_acts(dialogue).turns:
            if turn.speaker == "agent" and turn.text is not None:
                steps[state.side or state.stage] += 1
            state, passed = step(state, turn, sop, hearing)
            made.update(one for one in passed if one in made)
    return Coverage(steps, made)
