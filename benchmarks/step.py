"""Time REPO steps with an unfitted reward model and rules, no judge: median seconds of collect and update.

The side-by-side bench against TRL's GRPO belongs to the speed issue and is not here yet.
"""

import argparse
import statistics

from suasion.config import RunConfig, TrainingConfig
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.pack import Pack
from suasion.policy.model import load_backbone
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import PHASES
from suasion.training.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3)
    steps = parser.parse_args().steps
    config = RunConfig(training=TrainingConfig(value_warmup_steps=0))
    pack = Pack.load(config.pack)
    contexts = [example.dialogue for example in examples_of(synthesize(pack, 20, 0), pack)]
    backbone = load_backbone(config.model)
    trainer = Trainer(backbone, RewardSuite(pack, None, RewardModel(backbone, pack)), pack, config)
    records = [trainer.step(step, contexts[8 * step : 8 * step + 8]) for step in range(steps + 1)][1:]
    print(f"{backbone.dtype}, {steps} steps, medians")
    for phase in (*PHASES, "update"):
        print(f"{phase:<10} {statistics.median(record[f'{phase}_s'] for record in records):5.1f} s")


if __name__ == "__main__":
    main()
