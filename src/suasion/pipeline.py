"""The whole road as one function: data, SFT, rewards, REPO, verdict; results that are there are used."""

import sys
from pathlib import Path
from typing import Any, Literal

from suasion.agents.llm import PolicyAgent
from suasion.config import RunConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.data.rubric import load_rubric
from suasion.data.splits import HELD_OUT_SEED, Data, prepare
from suasion.evaluation.arms import Contender, judge_arms
from suasion.evaluation.criteria import Margins
from suasion.evaluation.metrics import Arm
from suasion.evaluation.report import Report, RunInfo, build_report
from suasion.negotiation.pack import Pack
from suasion.policy.heads import copy_adapter, load_tensors, save_tensors
from suasion.policy.model import UNTOUCHED, Backbone, load_backbone, matrix_speed
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.suite import RewardSuite
from suasion.run_folder import Log, describe_run, load_run_config, read_steps, write_json
from suasion.training.fit_rewards import (
    calibrate,
    fit_judge,
    fit_reward_model,
    judge_agreement,
    pair_accuracy,
)
from suasion.training.sampled_pairs import sampled_pairs
from suasion.training.sft import fit_sft
from suasion.training.trainer import POLICY, Trainer

SFT = "sft"
Stage = Literal["SFT", "rewards", "evaluation"]  # where the road may end
FAST_ENOUGH = 240.0  # GFLOP/s of matrix products at which the configured sizes fit their minutes
# of a run's time, as measured: for the remaining time that is shown
SHARES = {"data": 0.01, "model": 0.01, "SFT": 0.28, "rewards": 0.25, "training": 0.25, "evaluation": 0.2}


def run(
    config: RunConfig,
    folder: Path,
    resume: bool = False,
    command: str = "suasion run",
    until: Stage = "evaluation",
) -> Report | None:
    """Train and judge a negotiator in `folder`; with `resume` what is there already is used.

    Returns the report, or None where the road ends before the evaluation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pack, log = Pack.load(config.pack), Log(SHARES)
    config, trims = trim(config)
    write_json(folder / "run.json", describe_run(config, command, trims))
    with log.phase("data"):
        data = prepare(pack, config)
    with log.phase("model"):
        backbone = load_backbone(config.model, config.seed)
    with log.phase("SFT"):
        fine_tune(backbone, data, pack, config, folder, resume)
    if until == "SFT":
        return None
    with log.phase("rewards"):
        suite = fit_rewards(backbone, data, pack, config, folder, resume, log)
    if until == "rewards":
        return None
    with log.phase("training"):
        records = Trainer(backbone, suite, pack, config).run(data.contexts, folder, resume)
        save_policy(backbone, folder)
    return evaluate(backbone, suite, data, config, records, folder, log, command, trims)


def evaluate_run(folder: Path, command: str) -> Report:
    """Judge a finished run once more. Raises InputError when the folder is not one."""
    config, log = load_run_config(folder), Log({})
    pack = Pack.load(config.pack)
    backbone = load_backbone(config.model)
    load_start(backbone, folder)
    suite = load_suite(backbone, pack, config, folder)
    load_adapter(backbone, POLICY, folder / "policy.safetensors")
    data = prepare(pack, config)
    return evaluate(backbone, suite, data, config, read_steps(folder), folder, log, command, [])


def evaluate(
    backbone: Backbone,
    suite: RewardSuite,
    data: Data,
    config: RunConfig,
    records: list[dict[str, Any]],
    folder: Path,
    log: Log,
    command: str,
    trims: list[str],
) -> Report:
    """Judge base, SFT and REPO, and write report and figures into `folder`."""
    with log.phase("evaluation"):
        arms = evaluate_arms(backbone, suite, data, suite.pack, config)
    info = run_info(config, command, suite, backbone, log, trims)
    report = build_report(arms, records, info, Margins(config.evaluation.margin, config.evaluation.margin))
    report.write(folder)
    write_json(folder / "figures.json", {"phases": log.phases, **log.figures})
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
                update={key: max(16, int(getattr(data, key) * share)) for key in ("dialogues", "pairs")}
            ),
            "training": training.model_copy(update={"steps": max(4, int(training.steps * share))}),
            "evaluation": judged.model_copy(update={"base_contexts": int(judged.base_contexts * share)}),
        }
    )
    note = f"matrix products reach {speed:.0f} GFLOP/s, under {FAST_ENOUGH:.0f}: training cut to {share:.0%}"
    sys.stderr.write(note + "\n")
    return smaller, [note]


def fine_tune(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path, resume: bool
) -> None:
    """SFT, or what is left of it in the folder; from then on it is a part of the backbone."""
    path = folder / "sft.safetensors"
    if not (resume and path.exists()):
        fit_sft(backbone, SFT, data.dialogues, pack, config.sft, config.seed)
        save_tensors(path, {key: value.detach().cpu() for key, value in backbone.adapter(SFT).items()})
        backbone.bake(SFT)
    else:
        load_start(backbone, folder)


def fit_rewards(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path, resume: bool, log: Log
) -> RewardSuite:
    """Reward model, judge and rules: fitted, or loaded from the folder."""
    if resume and (folder / "rewards" / "calibration.json").exists():
        return load_suite(backbone, pack, config, folder)
    model = RewardModel(backbone, pack, 2 * config.batch_tokens, config.reward_model.epochs > 0)
    agent, rules = PolicyAgent(backbone, None, pack, config.exploring), RewardSuite(pack)
    pairs, held_out = (
        [*made, *sampled_pairs(agent, rules, made, config.data.sampled, config.seed)]
        for made in (data.pairs, data.held_out_pairs)
    )
    fit_reward_model(model, pairs, config.reward_model, config.seed)
    judge = None
    if data.verdicts:
        judge = LocalJudge(
            backbone, pack, load_rubric(pack), 2 * config.batch_tokens, config.judge.epochs > 0
        )
        fit_judge(judge, data.verdicts, config.judge, config.seed)
    accuracy = pair_accuracy(model, held_out)
    if judge:
        judge.agreement = judge_agreement(judge, data.held_out_verdicts)
        judge.floor = config.rewards.judge_floor
        log.figures |= {"judge_agreement": judge.agreement, "judge_reads": sorted(judge.trusted)}
        judge.save(folder / "rewards")
    contexts = data.contexts[: config.reward_model.calibration]
    texts = [agent.reply(contexts, config.seed + copy) for copy in range(2)]
    replies = [[c.with_reply(text[i]) for text in texts] for i, c in enumerate(contexts)]
    found = calibrate(model, replies, accuracy["all"])
    log.figures |= {"pair_accuracy": accuracy, "rm_context_share": found.context_share}
    log.figures["rm_negative_share"] = found.negative_share
    model.save(folder / "rewards")
    return RewardSuite(pack, judge, model, config.rewards)


def evaluate_arms(
    backbone: Backbone, suite: RewardSuite, data: Data, pack: Pack, config: RunConfig
) -> list[Arm]:
    """Base, SFT and REPO on the same contexts and negotiations."""
    judged = config.evaluation
    contexts = list(data.test_contexts)
    hotels = judged.negotiations if not config.data.records else 0
    briefs = draw_briefs(pack, hotels, HELD_OUT_SEED + config.seed, "test") if hotels else []
    contenders = [
        Contender(
            name, PolicyAgent(backbone, adapter, pack, config.generation), count, negotiates=name != "base"
        )
        for name, adapter, count in (
            ("base", UNTOUCHED, judged.base_contexts),
            ("sft", None, len(contexts)),
            ("repo", POLICY, len(contexts)),
        )
    ]
    return judge_arms(
        contenders, suite, contexts, briefs, HELD_OUT_SEED + config.seed, 2 * config.batch_tokens
    )


def save_policy(backbone: Backbone, folder: Path) -> None:
    save_tensors(
        folder / "policy.safetensors",
        {key: value.detach().cpu() for key, value in backbone.adapter(POLICY).items()},
    )


def load_adapter(backbone: Backbone, name: str, path: Path) -> None:
    backbone.add_adapter(name)
    copy_adapter(backbone, name, load_tensors(path))


def load_start(backbone: Backbone, folder: Path) -> None:
    """The model of a run as SFT left it, on which all its roles stand."""
    load_adapter(backbone, SFT, folder / "sft.safetensors")
    backbone.bake(SFT)


def load_suite(backbone: Backbone, pack: Pack, config: RunConfig, folder: Path) -> RewardSuite:
    """The rewards of a finished run; the backbone stands where SFT left it."""
    rewards = folder / "rewards"
    model = RewardModel.load(backbone, pack, rewards)
    has_judge = (rewards / "judge.safetensors").exists()
    judge = LocalJudge.load(backbone, pack, load_rubric(pack), rewards) if has_judge else None
    return RewardSuite(pack, judge, model, config.rewards)


def load_agent(folder: Path) -> tuple[PolicyAgent, RunConfig]:
    """The trained agent of a run directory. Raises InputError when it is not one."""
    config = load_run_config(folder)
    backbone = load_backbone(config.model)
    load_start(backbone, folder)
    load_adapter(backbone, POLICY, folder / "policy.safetensors")
    return PolicyAgent(backbone, POLICY, Pack.load(config.pack), config.generation), config


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


__all__ = ["evaluate_run", "load_agent", "load_suite", "prepare", "run"]
