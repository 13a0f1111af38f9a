"""Contexts of rare stages come up as often as those of frequent ones."""

import random
from collections import Counter

from suasion.data.synthesize import examples_of, synthesize, without_acts
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track
from suasion.training.contexts import ContextPool

PACK = Pack.load("hotel")
EXAMPLES = examples_of(synthesize(PACK, 40, 1), PACK)
CONTEXTS = [example.dialogue for example in EXAMPLES]


def stage(context: Dialogue) -> str:
    return PACK.sop.step_of(track(without_acts(context), PACK.sop, load_hearing(PACK))).id


def test_stages_come_up_alike() -> None:
    pool = ContextPool(CONTEXTS, PACK, "stage")
    drawn = Counter(stage(c) for number in range(40) for c in pool.draw(8, random.Random(number)))
    there = {stage(context) for context in CONTEXTS}
    assert set(drawn) == there
    expected = 320 / len(there)
    assert all(0.4 * expected < count < 1.8 * expected for count in drawn.values()), drawn


def test_uniform_leaves_them_as_they_come() -> None:
    pool, there = ContextPool(CONTEXTS, PACK, "uniform"), Counter(map(stage, CONTEXTS))
    drawn = Counter(stage(c) for number in range(40) for c in pool.draw(8, random.Random(number)))
    (often, many), (seldom, few) = there.most_common()[0], there.most_common()[-1]
    assert many > 4 * few
    assert drawn[often] > 2 * drawn[seldom]


def test_a_draw_has_no_context_twice_and_follows_from_its_seed() -> None:
    pool = ContextPool(CONTEXTS, PACK, "stage")
    drawn = pool.draw(60, random.Random(1))
    assert len({id(context) for context in drawn}) == 60
    assert drawn == pool.draw(60, random.Random(1))
    assert len(pool.draw(10**6, random.Random(1))) == len(CONTEXTS)
