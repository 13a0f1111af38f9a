"""The default speaker: what a seed said before there was another one (the table), it says still."""

import random

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.mind import Answer
from suasion.counterpart.simulate import managers, simulate
from suasion.counterpart.wording import FromPhrases, Line
from suasion.language.acts import load_hearing
from suasion.language.phrases import Phrasebook, PhraseFile, load_phrases
from suasion.negotiation.dialogue import Dialogue, Turn, dump_dialogue
from suasion.negotiation.pack import Pack

from .conftest import cooperative

BOOK = Phrasebook(
    PhraseFile(
        version=1,
        money={"default": "{amount} {currency}"},
        agent={},
        counterpart={
            "refuse": {"plain": ("no", "never", "not [at all|ever]"), "short": ("nope",)},
            "refuse_last": {"plain": ("{offer}, not lower",)},
            "counter": {"plain": ("{offer}", "say {offer}"), "short": ("{offer}?",)},
            "counter_net": {"plain": ("{net} net",)},
        },
    )
)


@pytest.mark.parametrize(
    ("answer", "said", "texts"),
    [
        (Answer("refuse"), (), ["never", "no", "no", "never", "no", "not at all", "never", "no"]),
        (
            Answer("refuse"),
            ("no", "never"),
            ["nope", "nope", "nope", "nope", "nope", "not at all", "nope", "nope"],
        ),
        (
            Answer("refuse", words="refuse_unheard_of"),
            (),
            ["never", "no", "no", "never", "no", "not at all", "never", "no"],
        ),
        (Answer("refuse", price=400.0, words="refuse_last"), (), ["400 USD, not lower"] * 8),
        (
            Answer("counter", price=400.456),
            (),
            [
                "say 400.46 USD",
                "400.46 USD",
                "400.46 USD",
                "say 400.46 USD",
                "400.46 USD",
                "400.46 USD",
                "say 400.46 USD",
                "400.46 USD",
            ],
        ),
        (Answer("counter", price=400.0, net=340.0), (), ["340 USD net"] * 8),
    ],
)
def test_phrases_by_seed(pack: Pack, answer: Answer, said: tuple[str, ...], texts: list[str]) -> None:
    brief = draw_briefs(pack, 1, seed=1)[0]
    turns = tuple(Turn(speaker="counterpart", text=text) for text in said)
    dialogue = Dialogue(id="d", brief=brief, turns=turns)
    hidden, speaker = cooperative(brief), FromPhrases(BOOK)
    found = []
    for seed in range(8):
        rng = random.Random(f"x:{seed}")
        line = Line(answer, dialogue, brief.tickets[0], hidden, 0.5, rng, f"x:{seed}")
        found.append(speaker.say(line).text)
    assert found == texts


@pytest.mark.parametrize("name", ["hotel", "donation"])
def test_the_same_bytes_by_default_in_threads_and_with_the_phrases_handed_over(name: str) -> None:
    pack = Pack.load(name)
    briefs, hearing = draw_briefs(pack, 12, seed=3), load_hearing(pack)
    phrases = managers(pack, hearing, speaker=FromPhrases(load_phrases(pack)))
    runs = [
        simulate(IntentAgent(pack), briefs, 3, pack=pack),
        simulate(IntentAgent(pack), briefs, 3, pack=pack, at_once=4),
        simulate(IntentAgent(pack), briefs, 3, pack=pack, counterpart=phrases),
    ]
    first, second, third = ("\n".join(map(dump_dialogue, dialogues)) for dialogues in runs)
    assert first == second == third
    assert '"deviations"' not in first
    assert '"speaker": "' in first  # of turns; the outcome names none
    assert all("speaker" not in (d.outcome.model_extra or {}) for d in runs[0] if d.outcome)
