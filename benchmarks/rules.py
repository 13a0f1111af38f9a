"""How many replies a second the rules read, on one core, beside the same patterns in Python's own `re`.

    python benchmarks/rules.py --dialogues 60

Replies to contexts of eight turns, synthetic, each another one; what was read before is forgotten before each
pass (cold caches). Time is the process's own, so that other programs change it little. The patterns in
`re` are searched one after the other, with nothing around them, as a plain scanner does.
"""

import argparse
import gc
import re
import time
from collections.abc import Callable, Sequence

from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State
from suasion.rewards.rules import RuleSet
from suasion.rewards.scene import Scene

TURNS = 8


def speed(read: Callable[[Dialogue], object], replies: Sequence[Dialogue], passes: int) -> float:
    """Replies a second of processor time, the best of some passes."""
    found = []
    for _ in range(passes):
        forget()
        start = time.process_time()
        for one in replies:
            read(one)
        found.append(len(replies) / (time.process_time() - start))
    return max(found)


def forget() -> None:
    """Empty every cache of a function of ours that keeps what was read of a text."""
    for thing in gc.get_objects():
        clear = getattr(thing, "cache_clear", None) if type(thing).__name__ == "_lru_cache_wrapper" else None
        if clear and thing.__module__.startswith("suasion.") and "text" in thing.__wrapped__.__annotations__:
            clear()


def main() -> None:
    described = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=described)
    parser.add_argument("--pack", default="hotel")
    parser.add_argument("--dialogues", type=int, default=60)
    parser.add_argument("--passes", type=int, default=3)
    asked = parser.parse_args()
    pack = Pack.load(asked.pack)
    rules = RuleSet.load(pack)
    made = [one.dialogue for one in examples_of(synthesize(pack, asked.dialogues, 0, "test"), pack)]
    replies = [
        one.model_copy(update={"turns": one.turns[-TURNS:]}) for one in made if len(one.turns) >= TURNS
    ]
    patterns = [rule for rule in rules.rules if not rule.check]
    each = [re.compile(text, re.IGNORECASE) for rule in patterns for text in rule.any]
    state = State(stage=pack.sop.stages[0].id)

    def alone(one: Dialogue) -> None:
        matching = rules.prefilter.matching(one.reply or "") if rules.prefilter else frozenset()
        scene = Scene(pack, rules.hearing, one, state, one.reply or "") if matching else None
        for index in matching:
            if scene and not rules.rules[index].check:
                list(rules._matches(rules.rules[index], scene))

    print(f"{len(replies)} replies after {TURNS} turns; {len(each)} patterns of {len(patterns)} rules")
    for name, read in (
        ("patterns alone", alone),
        ("the same in re", lambda one: [found.search(one.reply or "") for found in each]),
        ("all of RF", rules.check),
    ):
        print(f"{name:<16}{speed(read, replies, asked.passes):>10,.0f} replies a second")


if __name__ == "__main__":
    main()
