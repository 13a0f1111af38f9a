"""Rewards and checks of one's own: points, evidence, version like ours; a failure is a status, no number."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.config import RewardsConfig
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Score, Source, Status
from suasion.rewards.suite import RewardSuite

from .conftest import Make

DOCS = Path(__file__).parents[2] / "docs" / "packs.md"


def code_in_docs(heading: str, language: str) -> str:
    """The first block of a language under a heading of docs/packs.md: what it shows is what is tried here."""
    text = DOCS.read_text("utf-8").split(f"## {heading}\n", 1)[1]
    return text.split(f"```{language}\n", 1)[1].split("```", 1)[0]


def dialogue(reply: str, *said: str) -> Dialogue:
    turns = tuple(Turn(speaker="counterpart", text=text) for text in said)
    return Dialogue(id="d", brief=Brief(), turns=turns, reply=reply)


def read(pack: Pack, reply: str, *said: str) -> Score:
    return RewardSuite(pack).score([dialogue(reply, *said)])[0].scores[Source.RULES]


SHORT = """
    from suasion import Evidence

    def short(dialogue):
        if len(dialogue.reply) < 20:
            yield Evidence("short", 5.0, span=(0, len(dialogue.reply)), text=dialogue.reply, note="brief")
    """


def test_a_functions_points_and_evidence_count_like_ours(make: Make) -> None:
    pack = make(SHORT, "mine:short")
    brief, both = read(pack, "Would you help?"), read(pack, "I guarantee it.")
    assert (brief.status, brief.value) == (Status.READ, 5.0)
    assert brief.evidence[0].note == "brief"
    assert both.value == 5.0 - 30.0  # over-promise of the pack's rules
    assert [hit.name for hit in both.evidence] == ["over-promise", "short"]
    assert read(pack, "Would you perhaps consider helping?").value == 0.0


def test_the_state_is_given_to_who_wants_it(make: Make) -> None:
    code = """
        from suasion import Evidence

        class Stages:
            version = "3"

            def __call__(self, dialogue, state):
                return [Evidence("stage", 1.0, note=state.stage)]
        """
    pack = make(code, "mine:Stages")
    assert read(pack, "Hello.").evidence[-1].note == "talk"
    assert read(pack, "Hello.", "Please stop writing to me.").evidence[-1].note == "close"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise KeyError('gone')", "KeyError: 'gone'"),
        ("return [Evidence('a', float('nan'))]", "finite number, found nan"),
        ("return [Evidence('a', float('inf'))]", "finite number, found inf"),
        ("return [Evidence('a', None)]", "finite number, found None"),
        ("return [3.0]", "answers with float"),
        ("return 3.0", "TypeError"),
        ("return None", "TypeError"),
        ("return [Evidence('a', 1.0, span=(0, 999))]", "a span lies within"),
        ("return [Evidence('a', 1.0, span=(5, 2))]", "a span lies within"),
        ("return dialogue.no_such_thing", "AttributeError"),
    ],
)
def test_what_goes_wrong_is_a_status_and_no_number(body: str, why: str, make: Make) -> None:
    pack = make(f"from suasion import Evidence\n\ndef broken(dialogue):\n    {body}\n", "mine:broken")
    score = read(pack, "I guarantee it.")
    assert (score.status, score.value) == (Status.FAILED, None)
    assert [hit.name for hit in score.evidence] == [
        "over-promise",
        "mine:broken",
    ]  # the rules' stays to be read
    assert score.evidence[-1].points == 0
    assert why in score.evidence[-1].note


def test_pack_check_counts_them(make: Make) -> None:
    result = CliRunner().invoke(main, ["pack", "check", str(make(SHORT, "mine:short").path)])
    assert result.exit_code == 0
    assert "1 of its own rewards" in result.stdout


def test_one_reply_that_fails_leaves_the_others(make: Make) -> None:
    code = """
        def picky(dialogue):
            if "bad" in dialogue.reply:
                raise ValueError("I do not like it")
            return []
        """
    pack = make(code, "mine:picky")
    replies = [dialogue(text) for text in ("Hello.", "A bad one.", "Bye.")]
    readings = RewardSuite(pack).score(replies)
    assert [reading.e_func for reading in readings] == [0.0, None, 0.0]
    assert readings[1].as_json("d")["status"]["rules"] == "failed"


def test_score_tells_what_failed(make: Make, tmp_path: Path) -> None:
    pack = make("def broken(dialogue):\n    raise ValueError('no luck')\n", "mine:broken")
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_dialogues(source, [dialogue("Hello.")])
    words = ["score", "--pack", str(pack.path), "--input", str(source), "--output", str(output)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "1 have no E_func" in result.stderr
    (line,) = map(json.loads, output.read_text("utf-8").splitlines())
    assert (line["e_func"], line["status"]["rules"]) == (None, "failed")
    assert line["rules"][-1]["note"] == "failed: ValueError: no luck"


def test_what_is_unread_is_neutral_or_drops_the_reply(make: Make) -> None:
    pack = make("def broken(dialogue):\n    raise ValueError\n", "mine:broken")
    neutral, drop = (RewardSuite(pack, config=RewardsConfig(missing=m)) for m in ("neutral", "drop"))  # type: ignore[arg-type]
    assert neutral.combine(2.0, 50.0, None) == (50.0, 3.0)
    assert drop.combine(2.0, 50.0, None) == (50.0, None)


def test_the_version_changes_with_the_code(make: Make, modules: Path) -> None:
    versions = [RewardSuite(make(SHORT, "mine:short")).version]
    del sys.modules["mine"]
    versions.append(RewardSuite(make(SHORT, "mine:short")).version)
    del sys.modules["mine"]
    versions.append(RewardSuite(make(SHORT.replace("5.0", "6.0"), "mine:short")).version)
    assert versions[0] == versions[1] != versions[2]


def test_an_objects_own_version_is_taken(make: Make) -> None:
    named = "def same(dialogue):\n    return []\n\nsame.version = {!r}\n"
    versions = []
    for text in (named.format("1"), named.format("1") + "# a comment\n", named.format("2")):
        versions.append(RewardSuite(make(text, "mine:same")).version)
        del sys.modules["mine"]
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere:at_all", "no module 'nowhere' for nowhere:at_all; install it"),
        ("mine:missing", "mine:missing can't be loaded: AttributeError"),
        ("mine:number", "is a int; expected a function or a class"),
        ("mine:three", "takes 3 arguments"),
        ("mine:Picky", "can't be made without arguments: TypeError"),
        ("unregistered", "unknown name 'unregistered'; give module:function, or a name registered"),
        ("os.system", "unknown name 'os.system'"),
        ("'mine: short'", "unknown name 'mine: short'"),
    ],
)
def test_a_bad_name_is_one_error_with_its_line(name: str, says: str, make: Make) -> None:
    code = """
        number = 3

        def three(a, b, c):
            return []

        class Picky:
            def __init__(self, needs):
                pass
        """
    pack = make(code, name)
    with pytest.raises(InputError, match=r"pack\.yaml") as caught:
        RewardSuite(pack)
    assert says in caught.value.message
    lines = (pack.path / "pack.yaml").read_text("utf-8").splitlines()
    assert lines[(caught.value.line or 0) - 1].startswith("rewards:")
    assert CliRunner().invoke(main, ["pack", "check", str(pack.path)]).exit_code == 2


def test_a_module_that_fails_at_import_is_told(make: Make) -> None:
    with pytest.raises(InputError, match="can't be loaded: ZeroDivisionError"):
        RewardSuite(make("1 / 0\n", "mine:short"))


def test_no_folder_of_a_pack_is_on_the_path(make: Make) -> None:
    pack = make("", "beside:reward")
    (pack.path / "beside.py").write_text("def reward(dialogue):\n    return []\n")
    with pytest.raises(InputError, match="no module 'beside'"):
        RewardSuite(pack)


def test_the_example_of_the_docs_runs(make: Make, tmp_path: Path) -> None:
    pack = make(code_in_docs("Your own reward", "python"), "mine:open_question", "mine:Pace")
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    talk = [dialogue("Fine. What do you care about?"), dialogue("Give now! Give more! Give it!")]
    write_dialogues(source, talk)
    words = ["score", "--pack", str(pack.path), "--input", str(source), "--output", str(output)]
    assert CliRunner().invoke(main, words).exit_code == 0
    first, second = (json.loads(line) for line in output.read_text("utf-8").splitlines())
    assert [(hit["rule"], hit["points"], hit["text"]) for hit in first["rules"]] == [
        ("open-question", 5.0, "What do you care about?")
    ]
    assert [(hit["rule"], hit["points"]) for hit in second["rules"]] == [("pace", -6.0)]
    assert (first["e_func"], second["e_func"]) == (5.0, -6.0)
