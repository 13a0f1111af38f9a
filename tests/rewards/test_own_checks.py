"""Checks of one's own under a rule; names that an installed package registers for rewards and checks."""

import json
import os
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.negotiation.dialogue import write_dialogues
from suasion.rewards import own
from suasion.rewards.score import Severity, Status
from suasion.rewards.suite import RewardSuite

from .conftest import Make
from .test_own import SHORT, dialogue, read

CHECK = """
    from suasion import Finding

    def shouts(scene, *, words: int = 1):
        loud = [word for word in scene.reply.split() if word.isupper() and len(word) > 2]
        if len(loud) >= words:
            start = scene.reply.index(loud[0])
            yield Finding((start, start + len(loud[0])), "is written in capitals")
        if "crash" in scene.reply:
            raise RuntimeError("it crashed")
    """
RULE = """
- id: no-shouting
  severity: low
  points: -10
  check: {check}
  with: {{words: 1}}
  hits: ["HELLO there."]
  passes: ["Hello there."]
"""


def test_registered_names_are_found(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("brevity", "mine:short", "suasion.rewards"),
            EntryPoint("shouting", "mine:shouts", "suasion.checks"),
            EntryPoint("unasked", "nowhere:loaded", "suasion.rewards"),
        ]
    )
    monkeypatch.setattr(own, "entry_points", lambda group: points.select(group=group))
    pack = make(SHORT + CHECK, "brevity", rule=RULE.format(check="shouting"))
    assert [hit.name for hit in read(pack, "HELLO there.").evidence] == ["no-shouting", "short"]
    with pytest.raises(InputError, match=r"there: brevity, unasked"):
        RewardSuite(make(SHORT, "brevty", module="mine_too"))


def installed(site: Path) -> Path:
    """What pip leaves of a package that registers a reward and a check."""
    info = site / "brevity_rewards-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brevity-rewards\nVersion: 1.0\n", "utf-8")
    points = "[suasion.rewards]\nbrevity = brevity_rewards:short\n\n"
    points += "[suasion.checks]\nshouting = brevity_rewards:shouts\n"
    (info / "entry_points.txt").write_text(points, "utf-8")
    (site / "brevity_rewards.py").write_text(textwrap.dedent(SHORT + CHECK), "utf-8")
    return site


def test_what_an_installed_package_registers_is_scored(make: Make, tmp_path: Path) -> None:
    pack = make("", "brevity", rule=RULE.format(check="shouting"))
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_dialogues(source, [dialogue("HELLO there.")])

    def score(*paths: str) -> subprocess.CompletedProcess[str]:
        """In a process of its own: where packages are looked for is settled when it starts."""
        words = ["score", "--pack", str(pack.path), "--input", str(source), "--output", str(output)]
        where = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.run(
            [sys.executable, "-m", "suasion.cli", *words],
            env=os.environ | {"PYTHONPATH": where},
            capture_output=True,
            text=True,
            check=False,
        )

    without = score()
    assert without.returncode == 2
    assert "unknown name 'brevity'" in without.stderr
    done = score(str(installed(tmp_path / "site")))
    assert done.returncode == 0, done.stderr
    (line,) = map(json.loads, output.read_text("utf-8").splitlines())
    assert [(hit["rule"], hit["points"]) for hit in line["rules"]] == [("no-shouting", -10.0), ("short", 5.0)]
    assert (line["e_func"], line["status"]["rules"]) == (-5.0, "read")


def test_a_check_of_ones_own_serves_a_rule(make: Make) -> None:
    pack = make(CHECK, rule=RULE.format(check='"mine:shouts"'))
    score = read(pack, "Well, LISTEN to me.")
    hit = score.evidence[0]
    assert (hit.name, hit.points, hit.severity, hit.text) == ("no-shouting", -10.0, Severity.LOW, "LISTEN")
    failed = read(pack, "A crash.")
    assert (failed.status, failed.value) == (Status.FAILED, None)
    assert "RuntimeError: it crashed" in failed.evidence[-1].note


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mine:shouts", "mine:whispers", "unknown check: mine:whispers can't be loaded"),
        ("mine:shouts", "shouts", "unknown check: unknown name 'shouts'"),
        ("{words: 1}", "{wrds: 1}", "no parameter 'wrds'; it has words"),
        ("{words: 1}", "{words: many}", "integer"),
        ("HELLO there.", "Hello here.", "must object to"),
        ('passes: ["Hello', 'passes: ["HELLO', "but must not"),
        ('passes: ["Hello there."]', 'passes: ["a crash"]', "failed: RuntimeError: it crashed"),
    ],
)
def test_what_is_wrong_with_its_rule_is_told_with_the_line(old: str, new: str, says: str, make: Make) -> None:
    rule = RULE.format(check='"mine:shouts"').replace(old, new)
    pack = make(CHECK, rule=rule)
    with pytest.raises(InputError, match="no-shouting") as caught:
        RewardSuite(pack)
    assert says in caught.value.message
    assert caught.value.line
    assert caught.value.file == str(pack.path / "rules.yaml")


def test_the_checks_code_is_in_the_version(make: Make) -> None:
    rule = RULE.format(check='"mine:shouts"')
    first = RewardSuite(make(CHECK, rule=rule)).version
    del sys.modules["mine"]
    assert RewardSuite(make(CHECK + "    # more\n", rule=rule)).version != first
