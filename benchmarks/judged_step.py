"""Time REPO steps beside a judge at an address: how long a step waits for it.

`benchmarks/judge_calls.py --serve` is such a judge. The bench beside TRL is `benchmarks/bench/`.
"""

import argparse
import statistics

from suasion.config import RemoteJudgeConfig, RunConfig, TrainingConfig
from suasion.data.rubric import load_rubric
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.pack import Pack
from suasion.policy.model import load_backbone
from suasion.rewards.remote_judge import connect
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import PHASES
from suasion.training.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--judge", required=True, help="address")
    asked = parser.parse_args()
    steps, config = asked.steps, RunConfig(training=TrainingConfig(value_warmup_steps=0))
    pack = Pack.load(config.pack)
    contexts = [example.dialogue for example in examples_of(synthesize(pack, 20, 0), pack)]
    backbone = load_backbone(config.model)
    judge = connect(asked.judge, load_rubric(pack), RemoteJudgeConfig(concurrency=64, cache="none"))
    trainer = Trainer(backbone, RewardSuite(pack, judge, RewardModel(backbone, pack)), pack, config)
    records = [trainer.step(step, contexts[8 * step : 8 * step + 8]) for step in range(steps + 1)][1:]
    print(f"{backbone.dtype}, {steps} steps, medians")
    for phase in (*PHASES, "update"):
        print(f"{phase:<10} {statistics.median(record[f'{phase}_s'] for record in records):6.2f} s")
    calls = [(record["judge_calls"], record["judge_s"]) for record in records]
    print("judge      " + ", ".join(f"{count} calls in {seconds:.2f} s" for count, seconds in calls))


if __name__ == "__main__":
    main()
