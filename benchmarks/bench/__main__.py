"""Time a step of TRL's GRPO and of ours side by side, in turn: `python benchmarks/bench`, or `make bench`.

Each arm is a process of its own, one at work at a time, so that none gains from a quiet minute. The last
line is `ratio X`: the time of a step of REPO (critic and reward model with adapters on the top layers, as our
runs have them, rules, no judge) over TRL's. `deep` has those adapters on all layers.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from work import COPIES, GROUPS, RANK, REPLY, Model, flops

from suasion.policy.processor import matrix_speed

ARMS = {
    "trl": "TRL GRPO",
    "grpo": "our GRPO",
    "repo": "REPO",
    "deep": "REPO, all layers",
    "judged": "REPO, local judge",
}
PHASES = ("generate", "reference", "value", "rm", "judge", "rules", "update", "value_update")
EMBEDDED = Model(layers=106.2e6, vocabulary=28.3e6)
HERE = Path(__file__).resolve().parent
COMMITTED = HERE.parents[1] / "docs" / "results" / "bench.json"
SLOWER = 1.15  # times the ratio that was committed last: above it something is to be looked at


class Arm:
    """A process that does a step when it is told to."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, str(HERE / "arms.py"), name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.about = self._answer()
        self.steps: list[dict[str, Any]] = []

    def step(self) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} has ended:\n{self.process.communicate()[1][-2000:]}")
        return dict(json.loads(line))

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measure(names: list[str], steps: int) -> dict[str, Arm]:
    """A step to warm up for each, then `steps` in turn, TRL's and ours after one another."""
    arms = {}
    for name in names:
        arms[name] = Arm(name)
        arms[name].step()
    for number in range(steps):
        for name, arm in arms.items():
            arm.steps.append(arm.step())
            print(
                f"{number + 1}/{steps}  {ARMS[name]:<18} {arm.steps[-1]['seconds']:6.1f} s", file=sys.stderr
            )
    for arm in arms.values():
        arm.close()
    return arms


def described(name: str, arm: Arm, peak: float) -> dict[str, Any]:
    """Medians of an arm's steps; shares are of the matrix product's measured speed."""
    shared = name != "trl"
    phases = {}
    for phase in PHASES:
        times = [step["phases"].get(phase) for step in arm.steps]
        if None in times or not any(times):
            continue
        seconds = statistics.median(times)
        phases[phase] = {
            "seconds": round(seconds, 3),
            "share_of_peak": round(flops(EMBEDDED, phase, shared) / seconds / peak / 1e9, 3),
        }
    seconds = [step["seconds"] for step in arm.steps]
    whole = statistics.median(seconds)
    work = sum(flops(EMBEDDED, phase, shared) for phase in phases)
    return {
        "seconds": [round(one, 2) for one in seconds],
        "median_s": round(whole, 2),
        "reply_tokens_per_s": round(arm.steps[0]["tokens"] / whole, 1),
        "share_of_peak": round(work / whole / peak / 1e9, 3),
        "peak_gib": round(max(step["peak_gib"] for step in arm.steps), 2),
        "prompt_tokens": round(arm.about["prompt"], 1),
        "dtype": arm.about["dtype"],
        "phases": phases,
    }


def table(found: dict[str, Any]) -> str:
    lines = ["                    median s   (least to most)   tokens/s  of peak  memory"]
    for name, arm in found["arms"].items():
        times, share = arm["seconds"], 100 * arm["share_of_peak"]
        lines.append(
            f"{ARMS[name]:<18} {arm['median_s']:9.1f}   ({min(times):.1f} to {max(times):.1f})".ljust(48)
            + f"{arm['reply_tokens_per_s']:9.0f} {share:7.0f} % {arm['peak_gib']:5.1f} GiB"
        )
        parts = (f"{phase} {part['seconds']:.1f}" for phase, part in arm["phases"].items())
        lines.append("    " + ", ".join(parts))
    return "\n".join(lines)


def plot(found: dict[str, Any], path: Path) -> None:
    """Phases of a step, stacked, an arm a bar."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 2.6), layout="constrained")
    for row, (name, arm) in enumerate(found["arms"].items()):
        left = 0.0
        for number, phase in enumerate(PHASES):
            seconds = arm["phases"].get(phase, {"seconds": 0.0})["seconds"]
            label = phase.replace("_", " ") if name == list(found["arms"])[-1] else None
            axes.barh(row, seconds, left=left, color=f"C{number}", label=label)
            left += seconds
        axes.text(left, row, f" {arm['median_s']:.1f} s", va="center")
    axes.set_yticks(range(len(found["arms"])), [ARMS[name] for name in found["arms"]])
    axes.invert_yaxis()
    axes.set_xlabel("seconds of a step, medians of the phases")
    axes.legend(fontsize="small", ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="of each arm, after one to warm up")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--json", type=Path, help="write the figures there, and a plot beside it")
    asked = parser.parse_args()
    names = list(dict.fromkeys(["trl", "repo", *asked.arms]))
    arms = measure([name for name in ARMS if name in names], asked.steps)
    dtype = getattr(torch, arms["trl"].about["dtype"].removeprefix("torch."))
    peak = matrix_speed(dtype)
    found: dict[str, Any] = {
        "work": f"{GROUPS} groups of {COPIES} replies of {REPLY} tokens, LoRA rank {RANK}, all linear layers",
        "threads": torch.get_num_threads(),
        "matrix_gflops": round(peak),
        "arms": {name: described(name, arm, peak) for name, arm in arms.items()},
    }
    pairs = zip(arms["repo"].steps, arms["trl"].steps, strict=True)
    ratios = [mine["seconds"] / other["seconds"] for mine, other in pairs]
    found["ratios"], ratio = [round(one, 3) for one in ratios], statistics.median(ratios)
    found["ratio"] = round(ratio, 3)
    print(f"{found['work']}; {arms['trl'].about['dtype']}, {peak:.0f} GFLOP/s, {found['threads']} threads")
    print(table(found))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        plot(found, asked.json.with_suffix(".png"))
    if COMMITTED.exists() and not (asked.json and asked.json.resolve() == COMMITTED):
        last = json.loads(COMMITTED.read_text(encoding="utf-8"))["ratio"]
        verdict = "SLOWER than" if ratio > SLOWER * last else "in line with"
        print(
            f"pairs from {min(ratios):.2f} to {max(ratios):.2f}: {verdict} docs/results/bench.json ({last})"
        )
    print(f"ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
