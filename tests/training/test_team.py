"""Two processes learn from a batch what one learns from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

WORKER = """
import sys
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, sys.argv[1])
from conftest import small_backbone
from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.pack import Pack
from suasion.policy.heads import save_tensors
from suasion.running.processes import team
from suasion.rewards.suite import RewardSuite
from suasion.training.methods import advantages
from suasion.training.parcel import dump, parse
from suasion.training.trainer import POLICY, Trainer
from suasion.training.update import Minibatch

class Counts:
    version = "counts"
    def score(self, dialogues):
        return [len(set((d.reply or "").split())) / 4 - 1 for d in dialogues]

torch.set_num_threads(1)
folder = Path(sys.argv[2])
pack = Pack.load("hotel")
contexts = [one.dialogue for one in examples_of(synthesize(pack, 4, 0), pack)][:5]
training = TrainingConfig(steps=int(sys.argv[3]), contexts_per_step=5, checkpoint_every=1, tracker="none",
                          learning_rate=1e-3, value_warmup_steps=0)
config = RunConfig(generation=GenerationConfig(max_new_tokens=8), training=training)
with team() as members:
    trainer = Trainer(small_backbone("Llama"), RewardSuite(pack, None, Counts(), RewardsConfig()), pack,
                      config, members)
    batch = folder.parent / "batch"
    if members.size == 1:
        batch.write_bytes(dump(trainer._collect(0, contexts, 4)[0]))
    whole, _ = parse(batch.read_bytes())
    aims, returns = advantages(whole, training, 0.05)
    trainer.learner.learn(2, Minibatch(whole, tuple(range(5)), aims, returns, whole.mask, members, kl=0.05))
    if members.first:
        adapter = trainer.backbone.adapter(POLICY)
        save_tensors(folder / "adapter", {k: v.detach() for k, v in adapter.items()})
    records = Trainer(small_backbone("Llama"), trainer.suite, pack, config, members).run(
        contexts, folder.parent / "run", resume=True)
    assert len(records) == training.steps, len(records)
"""


def start(size: int, folder: Path, script: Path, steps: int) -> None:
    """The worker on as many processes, as `accelerate launch` starts them; the run goes on to `steps`."""
    command = [sys.executable, str(script)]
    if size > 1:
        launch = ["accelerate.commands.launch", "--cpu", "--num_processes", str(size), "--num_machines", "1"]
        command = [sys.executable, "-m", *launch, "--mixed_precision", "no", str(script)]
    done = subprocess.run(
        [*command, str(Path(__file__).parents[1]), str(folder), str(steps)],
        capture_output=True, text=True, timeout=240, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_two_processes_update_as_one_does(tmp_path: Path) -> None:
    """Five contexts are unequal shares; one process and two take turns in one run directory."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER, encoding="utf-8")
    found = []
    for size in (1, 2):
        start(size, tmp_path / str(size), script, steps=size)
        found.append(load_file(tmp_path / str(size) / "adapter"))
    assert any(value.abs().max() > 0 for key, value in found[0].items() if "lora_B" in key)
    for key, value in found[0].items():
        assert torch.allclose(value, found[1][key], rtol=0, atol=1e-5), key
    start(1, tmp_path / "1", script, steps=3)
    for name in ("checkpoint.safetensors", "checkpoint-before.safetensors"):
        (tmp_path / "run" / name).unlink()
    start(2, tmp_path / "2", script, steps=1)
    start(1, tmp_path / "1", script, steps=2)
