"""The whole road as one function: data, SFT, rewards, REPO, verdict; results that are there are used."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from suasion.agents.llm import PolicyAgent
from suasion.comparison import evaluate
from suasion.config import RunConfig
from suasion.data.examples import Pair
from suasion.data.rubric import load_rubric
from suasion.data.splits import Data, prepare
from suasion.evaluation.report import Report
from suasion.fitting.fit_rewards import (
    calibrate,
    fit_judge,
    fit_reward_model,
    judge_agreement,
    second_head,
)
from suasion.fitting.outcome_pairs import outcome_pairs
from suasion.fitting.refit_judge import refit
from suasion.fitting.reward_checks import disagreement, examine, pair_accuracy, pair_gaps
from suasion.fitting.sampled_pairs import sampled_pairs
from suasion.fitting.sft import fit_sft
from suasion.incidents.apply import verdicts_in_force
from suasion.lineage import (
    carry_rewards,
    inherit,
    load_before,
    patched_contexts,
    save_policy,
    start_from,
)
from suasion.negotiation.pack import Pack
from suasion.policy.heads import save_tensors
from suasion.policy.model import Backbone, load_backbone
from suasion.policy.processor import release_memory
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.saved import SFT, load_adapter, load_start, remote, trusted
from suasion.rewards.saved import suite_of_run as load_suite
from suasion.rewards.suite import RewardSuite
from suasion.running.folder import (
    SECONDS,
    Log,
    load_run,
    load_run_config,
    write_json,
)
from suasion.running.lock import locked
from suasion.running.processes import Team, team
from suasion.running.stopping import Stopped, StoppedError, stop
from suasion.settle import begin
from suasion.training.checkpoint import POLICY
from suasion.training.trainer import Trainer

CALIBRATION_SEED = 600_000  # replies that set the reward model's zero are not those that it learns from
OPENINGS_SEED = 500_000  # openings that teach the reward model are not to those that REPO talks with
Stage = Literal["SFT", "rewards", "evaluation"]  # where the road may end
# of a run's time, as measured: for the remaining time that is shown
SHARES = {"data": 0.01, "model": 0.01, "SFT": 0.13, "rewards": 0.16, "training": 0.35, "evaluation": 0.34}


def run(
    config: RunConfig,
    folder: Path,
    resume: bool = False,
    command: str = "suasion run",
    until: Stage = "evaluation",
    overwrite: bool = False,
) -> Report | None:
    """Train and judge a negotiator in `folder`; with `resume` what is there is used, with
    `overwrite` it is removed.

    Returns the report, or None where the road ends before the evaluation.
    """
    with in_charge(folder) as members:
        pack, log = Pack.load(config.pack), Log(SHARES, told=members.first, path=folder / SECONDS)
        if members.first:
            begin(config, folder, resume, command, overwrite)
        members.any(False)  # the others wait for what it wrote
        config, trims = load_run(folder)
        with log.phase("data", anew=True):
            data = prepare(pack, config)
        with log.phase("model", anew=True):
            backbone = load_backbone(config.model, config.seed)
        with log.phase("SFT"), members.in_turn() as done:
            if config.origin and not done:
                inherit(config, folder)
            kept = resume or done or config.origin is not None
            fine_tune(backbone, data, pack, config, folder, kept)
        if until == "SFT":
            return None
        with log.phase("rewards"), members.in_turn() as done:
            if config.origin:
                suite = carry_rewards(backbone, data, pack, config, folder)
            else:
                suite = fit_rewards(backbone, data, pack, config, folder, resume or done)
        if until == "rewards":
            return None
        with log.phase("training"):
            trainer = Trainer(backbone, suite, pack, config, members)
            start_from(trainer, config)
            patched = patched_contexts(pack, config)
            records = trainer.run(data.contexts, folder, resume, data.validation_contexts, patched)
        if not members.first:
            return None  # the first one judges; with accelerate launch the others end here
        save_policy(backbone, folder)
        if config.origin:
            load_before(backbone, folder)
        return evaluate(backbone, suite, data, config, records, folder, log, command, trims)


@contextmanager
def in_charge(folder: Path) -> Iterator[Team]:
    """The processes of this run, of which the first holds the folder, and SIGTERM as a request.

    Raises StoppedError, which says how to go on; InputError where another run is at work in the folder.
    """
    with team() as members, locked(folder) if members.first else nullcontext(), stop.listen():
        try:
            yield members
        except Stopped as left:
            done = f" {left}" if left.args else ""
            raise StoppedError(
                f"stopped by SIGTERM{done}: the same command with --resume goes on from there", str(folder)
            ) from None


def fine_tune(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path, resume: bool
) -> None:
    """SFT, or what is left of it in the folder; from then on it is a part of the backbone."""
    path = folder / "sft.safetensors"
    if not (resume and path.exists()):
        fit_sft(backbone, SFT, data.dialogues, pack, config.sft, config.seed)
        save_tensors(path, {key: value.detach().cpu() for key, value in backbone.adapter(SFT).items()})
        backbone.bake(SFT)
        release_memory()
    else:
        load_start(backbone, folder)


def fit_rewards(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path, resume: bool
) -> RewardSuite:
    """Reward model, judge and rules: fitted, or loaded from the folder."""
    if resume and (folder / "rewards" / "calibration.json").exists():
        return load_suite(backbone, pack, config, folder)
    model = RewardModel(backbone, pack, 2 * config.batch_tokens, config.reward_model.epochs > 0)
    agent = PolicyAgent(backbone, None, pack, config.exploring)
    pairs, held_out = preferences(agent, data, config)
    fit_reward_model(model, pairs, config.reward_model, config.seed)
    judge = None
    if data.verdicts and config.rewards.judge == "local":
        judge = LocalJudge(
            backbone, pack, load_rubric(pack), 2 * config.batch_tokens, config.judge.epochs > 0
        )
        fit_judge(judge, data.verdicts, config.judge, config.seed)
    gaps = pair_gaps(model, held_out)
    accuracy = pair_accuracy(held_out, gaps)
    figures: dict[str, Any] = {"pair_accuracy": accuracy}
    if judge:
        judge.agreement = judge_agreement(judge, data.held_out_verdicts)
        judge.floor = config.rewards.judge_floor
        if people := verdicts_in_force(pack.path):
            named = {one.criterion for one in people}
            given = refit(judge, named, data.verdicts, people, data.held_out_verdicts, config.seed)
            figures |= {"patch_verdicts": given}
        figures |= {"judge_agreement": judge.agreement, "judge_reads": sorted(judge.trusted)}
        judge.save(folder / "rewards")
    contexts = data.contexts[: config.reward_model.calibration]
    texts = [agent.reply(contexts, config.seed + CALIBRATION_SEED + copy) for copy in range(2)]
    replies = [[c.with_reply(text[i]) for text in texts] for i, c in enumerate(contexts)]
    found = calibrate(model, replies, accuracy["all"])
    figures |= {"rm_context_share": found.context_share, "rm_negative_share": found.negative_share}
    said = [dialogue for group in replies for dialogue in group]
    figures["reward_model"] = examine(model, gaps, said, RewardSuite(pack), judge)
    if config.reward_model.heads == 2:
        head = second_head(model, pairs, config.reward_model, config.seed)
        figures["reward_model"] |= disagreement(model, head, said)
    write_json(folder / "figures.json", figures)
    model.save(folder / "rewards")
    release_memory()
    return RewardSuite(pack, trusted(judge) or remote(pack, config), model, config.rewards)


def preferences(agent: PolicyAgent, data: Data, config: RunConfig) -> tuple[list[Pair], list[Pair]]:
    """What the reward model learns from, and held-out pairs: of the data, and of what SFT writes, to half as
    many held-out contexts, which only tell how far it is right.
    """
    rules = RewardSuite(agent.pack)
    sampled = config.data.sampled
    pairs, held_out = (
        [*made, *sampled_pairs(agent, rules, made, count, config.seed)]
        for made, count in ((data.pairs, sampled), (data.held_out_pairs, sampled // 2))
    )
    won = outcome_pairs(agent, rules, config.data.openings, config.seed + OPENINGS_SEED)
    return [*pairs, *won], held_out


def load_agent(folder: Path) -> tuple[PolicyAgent, RunConfig]:
    """The trained agent of a run directory. Raises InputError when it is not one."""
    config = load_run_config(folder)
    backbone = load_backbone(config.model)
    load_start(backbone, folder)
    load_adapter(backbone, POLICY, folder / "policy.safetensors")
    return PolicyAgent(backbone, POLICY, Pack.load(config.pack), config.generation), config


__all__ = ["load_agent", "load_suite", "prepare", "run"]
