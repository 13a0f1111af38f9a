"""Replies scored together and one by one, by the rewards of a run: how fast, and how far the numbers move.

python benchmarks/batching.py runs/mine [--replies 48] [--batch 32] [--dtype float32]
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from suasion.data.synthesize import examples_of, synthesize
from suasion.integrations.scorer import Scorer
from suasion.integrations.settings import RewardSettings
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import load_backbone
from suasion.rewards.saved import load_start, suite_of_run
from suasion.rewards.suite import Reading, RewardSuite
from suasion.running.folder import load_run_config


def load(folder: Path, dtype: str | None) -> RewardSuite:
    config = load_run_config(folder)
    if dtype:
        config = config.model_copy(update={"model": config.model.model_copy(update={"dtype": dtype})})
    backbone = load_backbone(config.model)
    load_start(backbone, folder)
    return suite_of_run(backbone, Pack.load(config.pack), config, folder)


async def in_flight(suite: RewardSuite, replies: Sequence[Dialogue], batch: int) -> list[Reading]:
    """All asked for at the same time, as verl's rollouts do."""
    scorer = Scorer(suite, RewardSettings(batch=batch))
    futures = [scorer.submit(dump_dialogue(one), one.reply or "", "reply", 1) for one in replies]
    return [one.reading for one in await asyncio.gather(*map(asyncio.wrap_future, futures))]


def moved(found: Sequence[Reading], other: Sequence[Reading]) -> float:
    return max(abs((a.r_total or 0.0) - (b.r_total or 0.0)) for a, b in zip(found, other, strict=True))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("run", type=Path)
    options.add_argument("--replies", type=int, default=48)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--dtype", help="instead of the run's")
    asked = options.parse_args()
    suite = load(asked.run, asked.dtype)
    model = suite.model
    talks = synthesize(suite.pack, asked.replies, 5, "test")
    replies = [example.dialogue for example in examples_of(talks, suite.pack)][: asked.replies]
    suite.score(replies)  # what is heard in a text is kept: the first reading pays for all
    seconds, readings = {}, {}
    for name, ask in {
        "one call": lambda: suite.score(replies),
        "one by one": lambda: [suite.score([one])[0] for one in replies],
        "in flight": lambda: asyncio.run(in_flight(suite, replies, asked.batch)),
    }.items():
        model.backbone.known_replies.clear()  # type: ignore[union-attr]
        start = perf_counter()
        readings[name] = ask()
        seconds[name] = perf_counter() - start
    spread = statistics.pstdev(one.r_total or 0.0 for one in readings["one call"])
    print(f"{len(replies)} replies, standard deviation of R_total {spread:.2f}")
    for name, found in readings.items():
        change = moved(found, readings["one call"])
        print(f"{name:<11}{seconds[name]:7.1f} s   R_total moves by {change:.1e} at most")


if __name__ == "__main__":
    main()
