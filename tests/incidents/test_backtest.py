"""Back-tests: counts worked out by hand on a log of a few replies, pairs, limits, and a page that is safe."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.data.examples import Pair, write_pairs
from suasion.incidents.apply import apply_patch
from suasion.incidents.backtest import Sources, backtest_packs, backtest_patch
from suasion.incidents.difference import changed_rules, differences
from suasion.incidents.findings import Backtest, as_json
from suasion.incidents.limits import Limits, hold, state_of
from suasion.incidents.page import render_backtest
from suasion.incidents.patch import PatchFile
from suasion.incidents.patched import patched, read_files
from suasion.negotiation.dialogue import Dialogue, load_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.suite import RewardSuite

from .conftest import HEAD, copy_of
from .test_patch import CRITERION, verdicts

GENERIC = Pack.load("generic")
NONE = Limits()
# reply, label for the rule `walnut`
REPLIES = [
    ("It is for Project Walnut.", True),
    ("Sorry, I know of no Project Walnut.", False),
    ("Give now, or else. It is for project walnut.", None),
    ("It is for project  walnut.", True),
    ("We call it the nut project.", True),
    ("Would you like to give a little?", False),
]


class Halves:
    """A reward model that reads a half of everything, and 2 of what begins with S."""

    version = "halves"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [2.0 if (one.reply or "").startswith("S") else 0.5 for one in dialogues]


def log_of(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    records: list[dict[str, object]] = []
    for number, (reply, label) in enumerate(REPLIES):
        record: dict[str, object] = {"id": f"d{number}", "brief": {}, "turns": [], "reply": reply}
        records.append(record | ({} if label is None else {"labels": {"walnut": label}}))
    return log_of(tmp_path / "log.jsonl", records)


def run(patch: PatchFile, log: Path, suite: RewardSuite | None = None, pairs: Path | None = None) -> Backtest:
    return backtest_patch(patch, suite or RewardSuite(GENERIC), Sources(log, pairs, patch.patch.limits), None)


def test_counts_by_hand(walnut: PatchFile, log: Path) -> None:
    found = run(walnut, log)
    fires = found.fires
    assert (fires.replies, fires.before, fires.after, fires.newly, fires.gone) == (6, 0, 4, 4, 0)
    assert {stage: one.newly for stage, one in found.by_stage.items()} == {"talk": 4}
    one = found.labelled["walnut"]
    assert (one.right, one.wrong, one.missed, one.spared) == (2, 1, 1, 1)
    assert one.precision is not None
    assert one.recall is not None
    assert (one.precision.estimate, one.recall.estimate) == pytest.approx((2 / 3, 2 / 3))
    assert found.e is not None
    # four replies lose 60; the one that threatens has -50 already and is clipped at -100 instead of -110
    assert found.e.change.estimate == pytest.approx(-(60 * 3 + 50) / 6)
    assert found.saturated == pytest.approx((0, 1 / 6))
    assert found.r_total is None
    assert (found.old, found.state) == (GENERIC.version, "no limits set")


def test_r_total_moves_as_the_formula_says(walnut: PatchFile, log: Path) -> None:
    found = run(walnut, log, RewardSuite(GENERIC, model=Halves()))
    # R (1 + E/100): 0.5 -> 0.2 twice, 2 -> 0.8, 0.25 -> 0
    assert found.r_total is not None
    assert found.r_total.change.estimate == pytest.approx(-(0.3 + 0.3 + 1.2 + 0.25) / 6)
    assert found.affected[0].reread.logged.dialogue.reply == "Sorry, I know of no Project Walnut."
    assert found.affected[0].reread.after.r_total == pytest.approx(0.8)


def test_a_whole_dialogue_is_read_at_every_turn_of_the_agent(walnut: PatchFile, tmp_path: Path) -> None:
    turns = [
        {"speaker": "agent", "text": "Hello, it is for Project Walnut."},
        {"speaker": "counterpart", "text": "Project Walnut?"},
        {"speaker": "agent", "text": "I would like to ask you for help."},
        {"speaker": "counterpart", "silence_minutes": 5},
        {"speaker": "agent", "text": "It is for Project Walnut."},
    ]
    labels = [{"walnut": True}, None, None, None, {"walnut": False}]
    record = {"id": "d", "brief": {}, "turns": turns}
    log = log_of(tmp_path / "log.jsonl", [record | {"labels": labels}])
    found = run(walnut, log)
    assert (found.records, found.fires.replies, found.fires.newly) == (1, 3, 2)
    assert found.precision is not None
    assert found.precision.estimate == 0.5
    assert {one.reread.logged.dialogue.id for one in found.affected} == {"d#0", "d#4"}
    broken = [record | {"labels": labels[:2]}, record | {"labels": {"walnut": True}}, {"id": "d", "brief": 3}]
    found = run(walnut, log_of(tmp_path / "log.jsonl", [*broken, record]))
    assert [re.sub(r".*log.jsonl", "", one)[:9] for one in found.broken] == [
        ":1: label",
        ":2: label",
        ":3: brief",
    ]
    assert (found.records, found.labelled) == (1, {})


def test_the_same_words_are_shown_once(walnut: PatchFile, tmp_path: Path) -> None:
    records: list[dict[str, object]] = [
        {"id": f"d{n}", "brief": {}, "turns": [], "reply": f"Project Walnut{'!' * (n % 30)}"}
        for n in range(60)
    ]
    found = run(walnut, log_of(tmp_path / "log.jsonl", records))
    assert (found.fires.newly, len(found.affected)) == (60, 20)
    assert {one.times for one in found.affected} == {2}


def test_pairs_that_turn_around(walnut: PatchFile, log: Path, tmp_path: Path) -> None:
    context = Dialogue.model_validate({"id": "c", "brief": {}})

    def pair(chosen: str, rejected: str) -> Pair:
        return Pair(context, chosen, rejected, "quality", "x", "online", "f", (), ())

    good, leak, threat = "Would you like to give?", "It is for Project Walnut.", "Give now, or else."
    pairs = tmp_path / "pairs.jsonl"
    write_pairs(pairs, [pair(good, leak), pair(leak, good), pair(good, threat), pair(leak, threat)])
    found = run(walnut, log, pairs=pairs).pairs
    assert found is not None
    assert found.counts == {
        ("tie", "ahead"): 1,
        ("tie", "behind"): 1,
        ("ahead", "ahead"): 1,
        ("ahead", "behind"): 1,  # -60 against -50
    }
    assert (found.by, found.mended, found.broken, found.total) == ("E of the rules", 1, 2, 4)
    # 0.5 against 0.2, the same turned around, 0.5 against 0.25, and 0.2 against 0.25
    found = run(walnut, log, RewardSuite(GENERIC, model=Halves()), pairs).pairs
    assert found is not None
    assert (found.by, found.broken) == ("R_total", 2)


def test_limits_hold_fail_or_are_not_measured() -> None:
    limits = Limits(max_share=0.1, min_precision=0.8)
    assert state_of(hold(limits, {"max_share": 0.1, "min_precision": 0.8})) == "within the limits"
    assert state_of(hold(limits, {"max_share": 0.11, "min_precision": 0.9})) == "over the limits"
    assert state_of(hold(limits, {"max_share": 0.1, "min_precision": None})) == "not all measured"
    assert state_of(hold(limits, {"max_share": 0.2, "min_precision": None})) == "over the limits"
    assert state_of(hold(NONE, {"max_share": 1.0})) == "no limits set"


def test_a_criterion_adds_points_times_probability(
    patch_of: Callable[..., PatchFile], tmp_path: Path, hotel: Pack
) -> None:
    verdicts(tmp_path / "told.jsonl", 20)
    patch = patch_of(HEAD + CRITERION)
    examples = Path(__file__).parents[2] / "examples" / "replies.jsonl"

    def asked(dialogues: Sequence[Dialogue]) -> list[float | None]:
        return [0.75, None, 0.25][: len(dialogues)]

    suite, sources = RewardSuite(hotel), Sources(examples, None, NONE)
    found = backtest_patch(patch, suite, sources, asked, ["a note"])
    assert (found.fires.replies, found.fires.newly) == (3, 1)
    assert sorted(one.reread.moved for one in found.affected) == pytest.approx([10, 30])
    assert found.lines()[-1] == "a note"
    assert found.affected[0].reread.after.criteria[0].name == "internal"


def test_two_versions_of_a_pack(walnut: PatchFile, log: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    after = patched(walnut, read_files(GENERIC.path), GENERIC.path)
    after["rules.yaml"] = after["rules.yaml"].replace(b"threatens the other side", b"threatens somebody")
    for name, content in after.items():
        (folder / name).write_bytes(content)
    new = Pack.load(folder)
    changes = differences(GENERIC, new)
    assert [str(change) for change in changes] == [
        "~ rules.yaml: rule threat: note threatens the other side -> threatens somebody",
        "+ rules.yaml: rule walnut",
    ]
    names = changed_rules(changes)
    assert names == {"threat", "walnut"}
    found = backtest_packs(RewardSuite(GENERIC), new, names, Sources(log, None, NONE))
    assert {name: one.newly for name, one in found.by_name.items()} == {"threat": 0, "walnut": 4}
    assert changed_rules(differences(GENERIC, Pack.load("hotel"))) is None
    back = backtest_packs(RewardSuite(new), GENERIC, None, Sources(log, None, NONE))
    assert (back.fires.newly, back.fires.gone) == (0, 4)


def test_the_page_is_whole_escaped_and_without_network(walnut: PatchFile, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> It is for Project Walnut. <img src=https://example.org/x>"
    record: dict[str, object] = {"id": "<b>d</b>", "brief": {}, "turns": [], "reply": evil}
    page = render_backtest(run(walnut, log_of(tmp_path / "log.jsonl", [record])))
    assert "<script" not in page
    assert "<b>d</b>" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"<[^>]*(src|href)=[\"']?(https?:)?//", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert '<mark class="critical">Project Walnut' in page
    assert page.count("<svg") >= 3
    empty = render_backtest(run(walnut, log_of(tmp_path / "log.jsonl", [])))
    assert "there is no reply in the log" in empty


def test_the_commands_from_a_leak_to_a_mended_pack_and_back(tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples"

    def told(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, list(words))
        assert result.exit_code == code, result.output
        return result.output

    patch, store = str(tmp_path / "patch.yaml"), str(tmp_path / "incidents")
    log = str(examples / "log.jsonl")
    words = [
        "--input",
        log,
        "--record",
        "leak",
        "--turn",
        "4",
        "--span",
        "Project Walnut",
        "--wrong",
        "a leak",
    ]
    filed = told("incident", "file", *words, "--severity", "high", "--who", "Mei", "--store", store)
    name = Path(filed.strip()).stem
    assert name in told("incident", "list", "--store", store)
    assert ">>Project Walnut<<" in told("incident", "show", name, "--store", store)
    told("patch", "new", "--incident", name, "--pack", "hotel", "--output", patch, "--store", store)
    assert "1 flip, 3 stay" in told("patch", "check", patch, "--pack", "hotel")
    json_path, html = str(tmp_path / "b.json"), str(tmp_path / "b.html")
    words = [
        "patch",
        "backtest",
        patch,
        "--pack",
        "hotel",
        "--dialogues",
        log,
        "--json",
        json_path,
        "--html",
        html,
    ]
    assert "newly fire on 5 of 67 replies (7.5%): over the limits" in told(*words, code=1)
    assert "within the limits" in told(*words, "--max-share", "0.1")
    assert json.loads(Path(json_path).read_text("utf-8"))["fires"]["newly"] == 5
    assert "read-only" in told("patch", "apply", patch, "--pack", "hotel", code=2)
    own = copy_of("hotel", tmp_path / "own")
    first, mine = read_files(own), ["--pack", str(own)]
    version = told("patch", "apply", patch, *mine).split()[-1]
    assert "+ rules.yaml: rule a-leak" in told("pack", "diff", "hotel", str(own))
    told("patch", "revert", "add-a-leak", *mine, "--who", "Mei", "--why", "not secret any more")
    assert read_files(own) == first
    assert f"apply  {version}  add-a-leak" in told("patch", "log", *mine)
    told("patch", "rebuild", version, *mine, "--output", str(tmp_path / "re"))
    assert version in told("pack", "check", str(tmp_path / "re"))


def test_the_json_has_what_the_page_has(walnut: PatchFile, log: Path) -> None:
    content = json.loads(json.dumps(as_json(run(walnut, log))))
    assert (content["verdict"], content["replies"], content["fires"]["newly"]) == ("no limits set", 6, 4)
    assert content["labels"]["walnut"]["precision"]["estimate"] == pytest.approx(2 / 3)
    by_id = {one["id"]: one for one in content["most_affected"]}
    assert by_id["d2"]["before"] == {"e": -50.0, "r_total": None, "objecting": ["threat"]}


def test_what_it_foretells_is_what_the_patched_pack_says(walnut: PatchFile, log: Path, own: Path) -> None:
    found = run(walnut, log, RewardSuite(GENERIC, model=Halves()))
    apply_patch(walnut, own)
    suite = RewardSuite(Pack.load(own), model=Halves())
    foretold = {one.reread.logged.dialogue.id: one.reread.after for one in found.affected}
    replies = [one for one in load_dialogues(log) if one.id in foretold]
    assert len(replies) == 4
    for reply, said in zip(replies, suite.score(replies), strict=True):
        told = foretold[reply.id]
        assert (told.e_func, told.e_enh, told.r_total) == (said.e_func, said.e_enh, said.r_total)
