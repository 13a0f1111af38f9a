"""The two files: escaped, self-contained, honest about what is missing."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suasion.evaluation.metrics import Arm, JudgedReply
from suasion.evaluation.page import Examples
from suasion.evaluation.report import RunInfo, build_report
from suasion.evaluation.transcript import (
    TurnEvidence,
    TurnScore,
    cut,
    scores_of,
    turn_score,
    with_scores,
)
from suasion.negotiation.dialogue import Dialogue, Turn, dump_dialogue, parse_dialogue

ArmMaker = Callable[..., Arm]
FIGURES = {
    "pair_accuracy": {"defect": 0.81, "all": 0.83},
    "rm_context_share": 0.25,
    "rm_negative_share": 0.5,
    "judge_agreement": {
        "empathy": {"kappa": 0.84, "accuracy": 0.9},
        "overstep": {"kappa": 0.29, "accuracy": 0.9},
    },
    "judge_reads": ["empathy"],
}
RUN = RunInfo(
    "suasion run --seed 7",
    7,
    "hotel-1",
    "abc123",
    {"torch": "2.9"},
    {"steps": 3},
    {"sft": 61.0},
    FIGURES,
    ["contexts"],
)
CURVES: list[dict[str, Any]] = [
    {"step": 1, "r_total": 0.5, "kl": float("nan")},
    {"step": 2, "r_total": None},
    {"step": 3, "r_total": 0.9, "note": "text"},
]


def page_of(arms: list[Arm], directory: Path, examples: Examples | None = None) -> str:
    return build_report(arms, CURVES, RUN, examples=examples).write(directory).read_text(encoding="utf-8")


def test_headline_is_the_first_text_of_the_body(arm: ArmMaker, tmp_path: Path) -> None:
    arms = [arm("repo"), arm("base", 5, 3), arm("sft")]
    page = page_of(arms, tmp_path)
    body = page.split("<body>")[1]
    assert re.sub(r"<[^>]+>", " ", body).split()[:5] == ["REPO", "is", "better", "than", "SFT:"]
    assert page.index(">base<") < page.index(">SFT<") < page.index(">REPO<")


def test_the_page_refers_to_nothing_outside(arm: ArmMaker, tmp_path: Path) -> None:
    page = page_of([arm("sft"), arm("repo")], tmp_path)
    assert "http://" not in page
    assert "https://" not in page
    assert not re.findall(r'(?:src|href)="(?!#|data:,)', page)
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_what_a_hotel_writes_is_data(arm: ArmMaker, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    hit = TurnEvidence(name="<b>rule</b>", points=-5, span=(3, 11), note="<i>note</i>")

    def poisoned(name: str) -> Arm:
        made = arm(name)
        talks = [
            with_scores(
                talk.model_copy(
                    update={"turns": (talk.turns[0], Turn(speaker="counterpart", text=evil), talk.turns[0])}
                ),
                [None, None, TurnScore(evidence=(hit,))],
            )
            for talk in made.negotiations
        ]
        replies = [
            replace(r, dialogue=r.dialogue.with_reply(f"{i} {evil}")) for i, r in enumerate(made.replies)
        ]
        return replace(made, negotiations=tuple(talks), replies=tuple(replies))

    page = page_of([poisoned("sft"), poisoned("repo")], tmp_path)
    assert not re.search(r"<(script|img|b>rule|i>note)", page)
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;rule&lt;/b&gt;" in page


def test_readings_that_failed_are_shown_as_missing(
    arm: ArmMaker, reply: Callable[..., JudgedReply], tmp_path: Path
) -> None:
    blind = {
        "r_total": None,
        "r_model": None,
        "e_judge": None,
        "e_func": None,
        "fluency": None,
        "evidence": (),
    }
    report = build_report([arm("sft", **blind), arm("repo", talks=0, **blind)], [], RUN)
    page = report.write(tmp_path).read_text(encoding="utf-8")
    assert "not measured: mean R_total higher" in report.headline
    assert "R_total <b>–</b>" in page
    assert not re.search(r"\b(nan|None)\b", page)
    assert "How training went" not in page


def test_report_json_round_trip(arm: ArmMaker, tmp_path: Path) -> None:
    report = build_report([arm("base", 5, 3), arm("sft"), arm("repo")], CURVES, RUN)
    report.write(tmp_path)
    record = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert record == report.as_record()
    assert record["headline"] == report.headline
    assert record["better"] is True
    assert [row["met"] for row in record["criteria"]] == [True] * 10
    assert record["sizes"]["base"] == {"replies": 5, "negotiations": 3}
    assert record["curves"][0] == {"step": 1.0, "r_total": 0.5, "kl": None}
    assert record["run"]["trims"] == ["contexts"]
    total = next(row for row in record["measures"] if row["key"] == "r_total")
    assert set(total["arms"]) == {"base", "sft", "repo"}
    assert total["arms"]["sft"]["n"] == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_dialogues_are_the_first_ones(arm: ArmMaker, tmp_path: Path) -> None:
    page = page_of([arm("sft"), arm("repo")], tmp_path, examples=Examples(negotiations=2, contexts=3))
    assert re.findall(r"Negotiation \d+", page) == ["Negotiation 1", "Negotiation 2"]
    assert re.findall(r"Context \d+", page) == ["Context 1", "Context 2", "Context 3"]
    assert '<mark class="low">Hello<span class="rule">greeting</span></mark>' in page


def test_both_arms_are_needed(arm: ArmMaker) -> None:
    with pytest.raises(ValueError, match=r"'sft' and 'repo', each once; found \['sft'\]"):
        build_report([arm("sft")], [], RUN)


def test_spans_that_overlap_or_lie_outside(reply: Callable[..., JudgedReply]) -> None:
    spans = [(0, 5), (3, 8), (6, 99), (50, 60), (4, 4)]
    hits = tuple(TurnEvidence(name=f"{a}-{b}", points=-1, span=(a, b)) for a, b in spans)
    pieces = cut("0123456789", TurnScore(evidence=hits))
    assert "".join(piece.text for piece in pieces) == "0123456789"
    assert [(p.text, [hit.name for hit in p.hits]) for p in pieces] == [
        ("012", ["0-5"]),
        ("34", ["0-5", "3-8"]),
        ("5", ["3-8"]),
        ("67", ["3-8", "6-99"]),
        ("89", ["6-99"]),
    ]
    assert cut("", None) == ()


def test_scores_travel_with_the_dialogue(negotiation: Callable[..., Dialogue]) -> None:
    dialogue = negotiation(0)
    again = parse_dialogue(dump_dialogue(dialogue), "file", 1)
    first, second = scores_of(again)
    assert first is not None
    assert (first.r_total, first.stage, first.evidence[0].span, second) == (1.5, "open", (0, 5), None)


def test_scores_that_do_not_fit_are_named(
    negotiation: Callable[..., Dialogue], reply: Callable[..., JudgedReply]
) -> None:
    dialogue = negotiation(0)
    with pytest.raises(ValueError, match="dialogue n0: 1 scores for 2 turns"):
        with_scores(dialogue, [turn_score(reply(0))])
    with pytest.raises(ValueError, match=r"dialogue n0, scores\[0\]\.r_total"):
        scores_of(dialogue.model_copy(update={"scores": [{"r_total": "high"}, None]}))
    with pytest.raises(ValueError, match="as long as its 2 turns"):
        scores_of(dialogue.model_copy(update={"scores": [None]}))


def test_what_was_found_of_the_rewards_is_told(arm: ArmMaker, tmp_path: Path) -> None:
    report = build_report([arm("sft"), arm("repo")], [], RUN)
    page = " ".join(report.write(tmp_path).read_text(encoding="utf-8").split())
    assert "81.0 % (defect), 83.0 % (all)." in page
    assert "explains 25.0 % of its variance" in page
    assert "<li>empathy: 0.84</li>" in page
    assert "<li>overstep: 0.29, not read</li>" in page
    assert report.as_record()["run"]["figures"]["rm_negative_share"] == 0.5
