"""Judges at addresses on this machine, and packs that name code of one's own."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suasion.config import RemoteJudgeConfig
from suasion.data.rubric import load_rubric
from suasion.negotiation.new_pack import new_pack
from suasion.negotiation.pack import Pack
from suasion.rewards.remote_judge import RemoteJudge

from .judge_server import Answer, JudgeServer

Serve = Callable[[Answer], JudgeServer]
Ask = Callable[..., RemoteJudge]
Make = Callable[..., Pack]
QUICK = RemoteJudgeConfig(timeout_s=5, budget_s=20, backoff_s=0.01, retries=2)


@pytest.fixture
def judge(hotel: Pack) -> Ask:
    """A judge at a server; other settings than QUICK's by name."""

    def make(server: JudgeServer, **settings: object) -> RemoteJudge:
        quick = QUICK.model_dump() | {"cache": "none"} | settings
        return RemoteJudge(
            server.url, "m", load_rubric(hotel), "key", RemoteJudgeConfig.model_validate(quick)
        )

    return make


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for modules of one's own, which are forgotten afterwards."""
    folder, before = tmp_path / "modules", set(sys.modules)
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("mine"):
            del sys.modules[name]


@pytest.fixture
def make(tmp_path: Path, modules: Path) -> Make:
    """A pack of one's own that names the rewards and a rule with a check, out of a module of this code."""
    made = 0

    def pack(code: str, *rewards: str, rule: str = "", module: str = "mine") -> Pack:
        nonlocal made
        made += 1
        (modules / f"{module}.py").write_text(textwrap.dedent(code), "utf-8")
        folder = new_pack("own", "generic", tmp_path / f"pack{made}").path
        copy = Path(shutil.copytree(folder, tmp_path / f"changed{made}"))
        with (copy / "pack.yaml").open("a", encoding="utf-8") as out:
            out.write(f"\nrewards: [{', '.join(rewards)}]\n")
        with (copy / "rules.yaml").open("a", encoding="utf-8") as out:
            out.write(textwrap.indent(textwrap.dedent(rule), "  "))
        return Pack.load(copy)

    return pack
