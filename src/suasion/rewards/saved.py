"""The rewards that a run left in its directory, and the suite that somebody asks for by name."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from suasion.config import RewardsConfig, RunConfig
from suasion.errors import InputError
from suasion.negotiation.pack import Pack
from suasion.rewards.suite import RewardSuite

if TYPE_CHECKING:
    from suasion.policy.model import Backbone
    from suasion.rewards.judge import LocalJudge
    from suasion.rewards.remote_judge import RemoteJudge

SFT = "sft"


def load_suite(pack: Pack, judge: str = "none", preference: str = "none") -> RewardSuite:
    """Rules always; a judge (`local` or a URL) and a reward model where they are asked for.

    Raises InputError for a local judge without a run directory to take it from, a judge that is no address,
    and a run of another pack.
    """
    remote = judge not in ("none", "local")
    if preference == "none" and judge == "local":
        raise InputError("the local judge is part of a run: name its directory with --preference")
    if preference == "none" and not remote:
        return RewardSuite(pack)
    fitted, settings = None, RewardsConfig()
    if preference != "none":
        from suasion.policy.model import load_backbone
        from suasion.running.folder import load_run_config

        config = load_run_config(Path(preference))
        settings = config.rewards
        if Pack.load(config.pack).version != pack.version:
            raise InputError(f"was made for pack {config.pack}, not for {pack.path.name}", preference)
        backbone = load_backbone(config.model)
        load_start(backbone, Path(preference))
        fitted = suite_of_run(backbone, pack, config, Path(preference))
    if remote:
        from suasion.data.rubric import load_rubric
        from suasion.rewards.remote_judge import connect

        model = fitted.model if fitted else None
        return RewardSuite(pack, connect(judge, load_rubric(pack), settings.remote), model, settings)
    local = fitted.judge if fitted and judge == "local" else None
    return RewardSuite(pack, local, fitted.model if fitted else None, settings)


def suite_of_run(backbone: "Backbone", pack: Pack, config: RunConfig, folder: Path) -> RewardSuite:
    """The rewards of a finished run; the backbone stands where SFT left it."""
    from suasion.data.rubric import load_rubric
    from suasion.rewards.judge import LocalJudge
    from suasion.rewards.reward_model import RewardModel

    rewards = folder / "rewards"
    model = RewardModel.load(backbone, pack, rewards)
    has_judge = (rewards / "judge.safetensors").exists()
    judge = LocalJudge.load(backbone, pack, load_rubric(pack), rewards) if has_judge else None
    return RewardSuite(pack, trusted(judge) or remote(pack, config), model, config.rewards)


def remote(pack: Pack, config: RunConfig) -> "RemoteJudge | None":
    """The judge at the configured address, if it is one."""
    if config.rewards.judge in ("local", "none"):
        return None
    from suasion.data.rubric import load_rubric
    from suasion.rewards.remote_judge import connect

    return connect(config.rewards.judge, load_rubric(pack), config.rewards.remote)


def trusted(judge: "LocalJudge | None") -> "LocalJudge | None":
    """The judge, unless it agrees with held-out verdicts on nothing: then there is none, which is said."""
    if judge and not judge.trusted:
        sys.stderr.write("no criterion reaches rewards.judge_floor on held-out verdicts: no judge is used\n")
        return None
    return judge


def load_start(backbone: "Backbone", folder: Path) -> None:
    """The model of a run as SFT left it, on which all its roles stand."""
    load_adapter(backbone, SFT, folder / "sft.safetensors")
    backbone.bake(SFT)


def load_adapter(backbone: "Backbone", name: str, path: Path) -> None:
    from suasion.policy.heads import copy_adapter, load_tensors

    backbone.add_adapter(name)
    copy_adapter(backbone, name, load_tensors(path))
