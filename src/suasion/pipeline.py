"""The whole road as one function: data, SFT, rewards, REPO, verdict; results that are there are used."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from suasion.agents.llm import PolicyAgent
from suasion.config import RunConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.data.examples import Pair, Verdict
from suasion.data.importers import next_reply_examples, next_reply_pairs
from suasion.data.pairs import make_pairs, make_verdicts
from suasion.data.rubric import load_rubric
from suasion.data.synthesize import balance, examples_of, synthesize
from suasion.errors import InputError
from suasion.evaluation.arms import judge_arm
from suasion.evaluation.criteria import Margins
from suasion.evaluation.report import Report, RunInfo, build_report
from suasion.negotiation.dialogue import Dialogue, load_dialogues, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.policy.heads import copy_adapter, load_tensors, save_tensors
from suasion.policy.model import Backbone, load_backbone, matrix_speed
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.suite import RewardSuite
from suasion.training.fit_rewards import (
    calibrate,
    fit_judge,
    fit_reward_model,
    judge_agreement,
    pair_accuracy,
)
from suasion.training.sft import fit_sft
from suasion.training.trainer import POLICY, REFERENCE, Trainer

FAST_ENOUGH = 240.0  # GFLOP/s of matrix products at which the configured sizes fit their minutes
HELD_OUT_SEED = 10_000


@dataclass(frozen=True, slots=True)
class Data:
    """What the stages learn from and are judged on; the splits share no hotel."""

    dialogues: Sequence[Dialogue]
    pairs: Sequence[Pair]
    held_out_pairs: Sequence[Pair]
    verdicts: Sequence[Verdict]
    held_out_verdicts: Sequence[Verdict]
    contexts: Sequence[Dialogue]
    test_contexts: Sequence[Dialogue]


@dataclass(slots=True)
class Log:
    """Seconds of each stage, and figures found on the way."""

    phases: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.phases[name] = round(time.perf_counter() - start, 1)
        sys.stderr.write(f"-- {name}: {self.phases[name]:.0f} s\n")


def run(config: RunConfig, folder: Path, resume: bool = False, command: str = "suasion run") -> Report:
    """Train and judge a negotiator in `folder`; with `resume` what is there already is used."""
    folder.mkdir(parents=True, exist_ok=True)
    pack, log = Pack.load(config.pack), Log()
    config, trims = trim(config)
    _write_json(folder / "run.json", describe_run(config, command, trims))
    with log.phase("data"):
        data = prepare(pack, config)
    with log.phase("model"):
        backbone = load_backbone(config.model)
    with log.phase("SFT"):
        fine_tune(backbone, data, pack, config, folder, resume)
    with log.phase("rewards"):
        suite = fit_rewards(backbone, data, pack, config, folder, resume, log)
    with log.phase(config.training.method):
        trainer = Trainer(backbone, suite, pack, config)
        records = trainer.run(data.contexts, folder, resume)
        save_policy(backbone, folder)
    with log.phase("evaluation"):
        arms = evaluate_arms(backbone, suite, data, pack, config)
    info = run_info(config, command, suite, backbone, log, trims)
    report = build_report(arms, records, info, Margins(config.evaluation.margin, config.evaluation.margin))
    report.write(folder)
    _write_json(folder / "figures.json", {"phases": log.phases, **log.figures})
    return report


def trim(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """Smaller sizes on a processor that multiplies matrices too slowly for the configured ones."""
    import torch

    if torch.cuda.is_available():
        return config, []
    speed = max(matrix_speed(torch.float32), matrix_speed(torch.bfloat16))
    share = min(1.0, max(0.3, speed / FAST_ENOUGH))
    if share == 1.0:
        return config, []
    data, training, judged = config.data, config.training, config.evaluation
    smaller = config.model_copy(
        update={
            "data": data.model_copy(
                update={
                    key: max(16, int(getattr(data, key) * share))
                    for key in ("dialogues", "pairs", "verdicts")
                }
            ),
            "training": training.model_copy(update={"steps": max(4, int(training.steps * share))}),
            "evaluation": judged.model_copy(update={"base_contexts": int(judged.base_contexts * share)}),
        }
    )
    note = f"matrix products reach {speed:.0f} GFLOP/s, under {FAST_ENOUGH:.0f}: training cut to {share:.0%}"
    sys.stderr.write(note + "\n")
    return smaller, [note]


def prepare(pack: Pack, config: RunConfig) -> Data:
    """Synthetic dialogues and what is made of them, or next-reply data from given records."""
    if config.data.records:
        return _prepare_records(pack, config, config.data.records)
    seed, sizes = config.seed, config.data
    dialogues = synthesize(pack, sizes.dialogues, seed, "train")
    examples = balance(examples_of(dialogues, pack), sizes.pairs * 4, seed)
    pairs = make_pairs(examples, pack, sizes.pairs, seed)
    validation = examples_of(synthesize(pack, 60, seed + HELD_OUT_SEED, "validation"), pack)
    held_out = make_pairs(validation, pack, 60, seed)
    test = examples_of(synthesize(pack, config.evaluation.contexts, HELD_OUT_SEED, "test"), pack)
    judged = pairs if len(pairs) < sizes.verdicts else pairs[: sizes.verdicts]
    return Data(
        dialogues=dialogues,
        pairs=pairs,
        held_out_pairs=held_out,
        verdicts=make_verdicts(judged, pack, seed),
        held_out_verdicts=make_verdicts(held_out, pack, seed),
        contexts=[example.dialogue.with_reply("") for example in examples],
        test_contexts=[e.dialogue for e in balance(test, config.evaluation.contexts, HELD_OUT_SEED)],
    )


def _prepare_records(pack: Pack, config: RunConfig, path: Path) -> Data:
    """Real dialogues: every fifth is held out; pairs are the real next reply against one from elsewhere."""
    records = load_dialogues(path, pack.check_brief)
    train = [record for index, record in enumerate(records) if index % 5]
    test = [record for index, record in enumerate(records) if index % 5 == 0]
    if not train or not test:
        raise InputError("at least five dialogues are needed", str(path))
    seed, judged = config.seed, config.evaluation.contexts
    examples = next_reply_examples(train, pack)
    return Data(
        dialogues=train[: config.data.dialogues],
        pairs=next_reply_pairs(train, config.data.pairs, seed),
        held_out_pairs=next_reply_pairs(test, 60, seed),
        verdicts=(),
        held_out_verdicts=(),
        contexts=[example.dialogue for example in examples],
        test_contexts=[
            e.dialogue for e in next_reply_examples(test, pack)[:: max(1, len(test) * 5 // judged)]
        ][:judged],
    )


def fine_tune(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path, resume: bool
) -> None:
    """The `sft` adapter: trained, or loaded from the folder."""
    path = folder / "sft.safetensors"
    if resume and path.exists():
        load_adapter(backbone, REFERENCE, path)
        return
    fit_sft(backbone, REFERENCE, data.dialogues, pack, config.sft, config.seed)
    save_tensors(path, {key: value.detach().cpu() for key, value in backbone.adapter(REFERENCE).items()})


def fit_rewards(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path, resume: bool, log: Log
) -> RewardSuite:
    """Reward model, judge and rules: fitted, or loaded from the folder."""
    if resume and (folder / "rewards" / "calibration.json").exists():
        return load_suite(backbone, pack, config, folder)
    model = RewardModel(backbone, pack, 2 * config.batch_tokens)
    fit_reward_model(model, data.pairs, config.reward_model, config.seed)
    accuracy = pair_accuracy(model, data.held_out_pairs)
    agent = PolicyAgent(backbone, REFERENCE, pack, config.generation)
    contexts = data.contexts[: config.reward_model.calibration]
    texts = [agent.reply(contexts, config.seed + copy) for copy in range(2)]
    replies = [[c.with_reply(text[i]) for text in texts] for i, c in enumerate(contexts)]
    found = calibrate(model, replies, accuracy["all"])
    log.figures |= {"pair_accuracy": accuracy, "rm_context_share": found.context_share}
    log.figures["rm_negative_share"] = found.negative_share
    judge = None
    if data.verdicts:
        judge = LocalJudge(backbone, pack, load_rubric(pack), 2 * config.batch_tokens)
        fit_judge(judge, data.verdicts, config.judge, config.seed)
        log.figures["judge_agreement"] = judge_agreement(judge, data.held_out_verdicts)
        judge.save(folder / "rewards")
    model.save(folder / "rewards")
    return RewardSuite(pack, judge, model, config.rewards)


def evaluate_arms(
    backbone: Backbone, suite: RewardSuite, data: Data, pack: Pack, config: RunConfig
) -> list[Any]:
    """Base, SFT and REPO on the same contexts and negotiations."""
    judged = config.evaluation
    contexts = list(data.test_contexts)
    hotels = judged.negotiations if not config.data.records else 0
    briefs = draw_briefs(pack, hotels, HELD_OUT_SEED + config.seed, "test") if hotels else []
    arms = []
    for name, adapter, count, talks in (
        ("base", None, judged.base_contexts, 0),
        ("sft", REFERENCE, len(contexts), hotels),
        ("repo", POLICY, len(contexts), hotels),
    ):
        agent = PolicyAgent(backbone, adapter, pack, config.generation)
        arm = judge_arm(
            name,
            agent,
            suite,
            contexts[:count],
            briefs[:talks],
            HELD_OUT_SEED + config.seed,
            2 * config.batch_tokens,
        )
        sys.stderr.write(f"judged {name}: {len(arm.replies)} replies, {len(arm.negotiations)} negotiations\n")
        arms.append(arm)
    return arms


def save_policy(backbone: Backbone, folder: Path) -> None:
    save_tensors(
        folder / "policy.safetensors",
        {key: value.detach().cpu() for key, value in backbone.adapter(POLICY).items()},
    )


def load_adapter(backbone: Backbone, name: str, path: Path) -> None:
    backbone.add_adapter(name)
    copy_adapter(backbone, name, load_tensors(path))


def load_suite(backbone: Backbone, pack: Pack, config: RunConfig, folder: Path) -> RewardSuite:
    """The rewards of a finished run."""
    rewards = folder / "rewards"
    model = RewardModel.load(backbone, pack, rewards)
    has_judge = (rewards / "judge.safetensors").exists()
    judge = LocalJudge.load(backbone, pack, load_rubric(pack), rewards) if has_judge else None
    return RewardSuite(pack, judge, model, config.rewards)


def load_agent(folder: Path) -> tuple[PolicyAgent, RunConfig]:
    """The trained agent of a run directory. Raises InputError when it is not one."""
    config = load_run_config(folder)
    backbone = load_backbone(config.model)
    load_adapter(backbone, POLICY, folder / "policy.safetensors")
    return PolicyAgent(backbone, POLICY, Pack.load(config.pack), config.generation), config


def load_run_config(folder: Path) -> RunConfig:
    path = folder / "run.json"
    try:
        return RunConfig.model_validate(json.loads(path.read_text(encoding="utf-8"))["config"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"not a run directory: {error}", str(path)) from None


def run_info(
    config: RunConfig, command: str, suite: RewardSuite, backbone: Backbone, log: Log, trims: list[str]
) -> RunInfo:
    made = describe_run(config, command, trims)
    return RunInfo(
        command=command,
        seed=config.seed,
        suite_version=suite.version,
        commit=made["commit"],
        versions=made["versions"],
        config=made["config"],
        phases=log.phases,
        trims=tuple(trims),
        dtype=str(backbone.dtype).removeprefix("torch."),
    )


def describe_run(config: RunConfig, command: str, trims: list[str]) -> dict[str, Any]:
    """How a run is made: resolved configuration, versions, commit."""
    return {
        "command": command,
        "config": config.model_dump(mode="json"),
        "trims": trims,
        "commit": _commit(),
        "versions": {name: _version(name) for name in ("suasion", "torch", "transformers", "trl", "peft")},
    }


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _write_json(path: Path, content: Any) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


__all__ = ["load_agent", "load_suite", "prepare", "run", "write_dialogues"]
