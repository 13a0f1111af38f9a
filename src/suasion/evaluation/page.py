"""report.html: one file without network. Everything that is not ours is data and escaped by the template."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from suasion.evaluation import charts, figures
from suasion.evaluation.criteria import Criterion
from suasion.evaluation.metrics import Arm
from suasion.evaluation.transcript import (
    Bubble,
    describe_brief,
    describe_outcome,
    reply_bubble,
    transcript,
)
from suasion.negotiation.dialogue import Dialogue

if TYPE_CHECKING:
    from suasion.evaluation.report import Report

NAMES = {"base": "base", "sft": "SFT", "repo": "REPO"}


@dataclass(frozen=True, slots=True)
class Examples:
    """How many dialogues are shown: the first ones, never a selection."""

    negotiations: int = 6
    contexts: int = 12


@dataclass(frozen=True, slots=True)
class Side:
    """One arm's part of a comparison."""

    arm: str
    bubbles: tuple[Bubble, ...]
    outcome: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    title: str
    brief: str
    stage: str
    context: tuple[Bubble, ...]  # what all sides share
    sides: tuple[Side, ...]


def templates(*packages: str) -> Environment:
    """The templates of these packages and ours, with our filters; whatever they are given is escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name, "templates") for name in (*packages, "suasion.evaluation")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "show": figures.show,
        "signed": figures.show_signed,
        "range": figures.show_range,
        "change_range": figures.show_change_range,
        "time": figures.show_time,
        "arm": lambda name: NAMES.get(name, name),
    }
    return environment


def render_page(report: "Report", record: Mapping[str, Any]) -> str:
    """The whole page; `record` is the report's JSON, shown where figures are only listed."""
    sections = [
        (basis, [(row, charts.strip(list(row.values.items()))) for row in rows])
        for basis, rows in groupby(report.rows, key=lambda row: row.measure.basis)
    ]
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            report=report,
            verdict=report.verdict,
            criteria=[(row, _criterion_strip(row)) for row in report.verdict.criteria],
            sections=sections,
            panels=charts.panels(report.curves),
            negotiations=_negotiations(report.arms, report.examples.negotiations),
            held=min((len(arm.negotiations) for arm in report.arms if arm.name != "base"), default=0),
            contexts=_contexts(report.arms, report.examples.contexts),
            config=json.dumps(record["run"]["config"], indent=2, ensure_ascii=False),
            chart=charts,
        )
    )


def _criterion_strip(row: Criterion) -> charts.Strip | None:
    return charts.strip([("repo", row.change)], row.limits, row.wanted)


def _negotiations(arms: Sequence[Arm], count: int) -> list[Comparison]:
    shown = [arm for arm in arms if arm.name in ("sft", "repo")]
    pairs = list(zip(*(arm.negotiations for arm in shown), strict=False))[:count]
    return [
        Comparison(
            f"Negotiation {index}",
            describe_brief(dialogues[0].brief),
            "",
            (),
            tuple(_side(arm, dialogue) for arm, dialogue in zip(shown, dialogues, strict=True)),
        )
        for index, dialogues in enumerate(pairs, start=1)
    ]


def _side(arm: Arm, dialogue: Dialogue) -> Side:
    return Side(arm.name, transcript(dialogue), describe_outcome(dialogue))


def _contexts(arms: Sequence[Arm], count: int) -> list[Comparison]:
    """The first contexts that SFT and REPO answered, and base beside them as far as it goes."""
    shown = min(count, *(len(arm.replies) for arm in arms if arm.name in ("sft", "repo")))
    comparisons = []
    for index in range(shown):
        answers = [(arm.name, arm.replies[index]) for arm in arms if index < len(arm.replies)]
        first = answers[0][1]
        comparisons.append(
            Comparison(
                f"Context {index + 1}",
                describe_brief(first.dialogue.brief),
                first.stage,
                transcript(first.dialogue),
                tuple(Side(name, (reply_bubble(reply),)) for name, reply in answers),
            )
        )
    return comparisons
