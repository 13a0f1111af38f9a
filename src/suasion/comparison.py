"""A run's policies compared on what none of them has seen: base, SFT and REPO, and the report of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suasion.agents.llm import PolicyAgent
from suasion.config import RunConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.data.splits import HELD_OUT_SEED, Data, prepare
from suasion.errors import InputError
from suasion.evaluation.arms import Contender, judge_arms
from suasion.evaluation.criteria import Margins
from suasion.evaluation.metrics import Arm
from suasion.evaluation.report import Report, RunInfo, build_report
from suasion.lineage import BEFORE, load_policies
from suasion.negotiation.pack import Pack
from suasion.policy.model import UNTOUCHED, Backbone, load_backbone
from suasion.rewards.saved import load_start, suite_of_run
from suasion.rewards.suite import RewardSuite
from suasion.running.folder import (
    SECONDS,
    Log,
    describe_run,
    load_run,
    read_figures,
    read_seconds,
    read_steps,
)
from suasion.running.lock import locked
from suasion.settle import check_pack
from suasion.training.alarms import told
from suasion.training.checkpoint import POLICY

LOST = 0.05  # share of the negotiations that may fail before nothing is compared


def evaluate_run(folder: Path, command: str) -> Report:
    """Judge a finished run once more. Raises InputError when the folder is not one."""
    (config, trims), log = load_run(folder), Log({}, path=folder / SECONDS)
    with locked(folder):
        check_pack(config, folder)
        pack = Pack.load(config.pack)
        backbone = load_backbone(config.model)
        load_start(backbone, folder)
        suite = suite_of_run(backbone, pack, config, folder)
        load_policies(backbone, folder, config)
        data = prepare(pack, config)
        return evaluate(backbone, suite, data, config, read_steps(folder), folder, log, command, trims)


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
    with log.phase("evaluation", anew=True):
        arms = evaluate_arms(backbone, suite, data, suite.pack, config)
        check_judged(arms, suite, folder)
    seconds = read_seconds(folder / SECONDS)
    info = run_info(config, command, suite, backbone, seconds, trims, read_figures(folder), told(records))
    report = build_report(arms, records, info, Margins(config.evaluation.kept, config.evaluation.kept))
    report.write(folder)
    return report


def evaluate_arms(
    backbone: Backbone, suite: RewardSuite, data: Data, pack: Pack, config: RunConfig
) -> list[Arm]:
    """Base, SFT and REPO on the same contexts and negotiations."""
    judged = config.evaluation
    contexts = list(data.test_contexts)
    count = judged.negotiations if not config.data.records else 0
    briefs = draw_briefs(pack, count, HELD_OUT_SEED + config.seed, "test") if count else []
    contenders = [
        Contender(
            name,
            PolicyAgent(backbone, adapter, pack, config.generation),
            count,
            negotiates=name != "base",
            replies=1 if name == "base" else judged.replies,
        )
        for name, adapter, count in (
            ("base", UNTOUCHED, judged.base_contexts),
            ("sft", None, len(contexts)),
            *([(BEFORE, BEFORE, len(contexts))] if config.origin else []),
            ("repo", POLICY, len(contexts)),
        )
    ]
    return judge_arms(
        contenders, suite, contexts, briefs, HELD_OUT_SEED + config.seed, 2 * config.batch_tokens
    )


def check_judged(arms: Sequence[Arm], suite: RewardSuite, folder: Path) -> None:
    """Raises InputError where the judge was away while the arms were compared, or more than LOST of their
    negotiations failed: what is left says little.
    """
    replies = [reply for arm in arms for reply in arm.replies]
    unread = sum(reply.e_judge is None for reply in replies) if suite.judge else 0
    if unread > suite.config.max_unread * len(replies):
        raise InputError(
            f"the judge read {len(replies) - unread} of {len(replies)} replies, so nothing is compared. "
            "Training is done and saved: go on with --resume, or `suasion evaluate`, when the judge is back",
            str(folder),
        )
    talks = [talk for arm in arms for talk in arm.negotiations]
    failed = sum(talk.outcome is None for talk in talks)
    if failed > LOST * len(talks):
        raise InputError(
            f"{failed} of {len(talks)} negotiations were ended by a failure, so nothing is compared. "
            "Training is done and saved: `suasion simulate --agent` on this folder shows what fails",
            str(folder),
        )


def run_info(
    config: RunConfig,
    command: str,
    suite: RewardSuite,
    backbone: Backbone,
    seconds: dict[str, float],
    trims: list[str],
    figures: dict[str, Any],
    alarms: Sequence[str],
) -> RunInfo:
    made = describe_run(config, command, trims)
    return RunInfo(
        command=command,
        seed=config.seed,
        suite_version=suite.version,
        commit=made["commit"],
        versions=made["versions"],
        config=made["config"],
        phases=seconds,
        figures=figures,
        trims=tuple(trims),
        alarms=tuple(alarms),
        dtype=str(backbone.dtype).removeprefix("torch."),
    )
