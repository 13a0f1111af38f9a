"""Labelled verdicts from people: whether a reply meets a criterion that is a question in plain words."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.data.examples import Verdict
from suasion.data.rubric import Criterion, Rubric
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.yaml_files import describe


class _Label(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context: tuple[Turn, ...]
    reply: str = Field(pattern=r"\S")
    criterion: str = Field(pattern=r"\S")
    verdict: bool = Field(strict=True)


def read_labels(path: Path) -> list[Verdict]:
    """The verdicts of a JSONL file, in order; a dialogue's id is the line on which it comes first.

    The same reply judged once more by the same criterion (another dialogue's, or another rater's) counts as
    another one. Raises InputError with file, line and field of a broken line, or when there is none at all.
    """
    verdicts: list[Verdict] = []
    ids: dict[tuple[tuple[Turn, ...], str], str] = {}
    seen: set[tuple[str, str]] = set()
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # a string may hold other line separators
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason} at byte {error.start}", str(path)) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        label = _parse(line, str(path), number)
        name = ids.setdefault((label.context, label.reply), str(number))
        if (name, label.criterion) in seen:
            name = ids[label.context, label.reply] = str(number)
        seen.add((name, label.criterion))
        dialogue = Dialogue(id=name, brief=Brief(), turns=label.context, reply=label.reply, source="labelled")
        verdicts.append(Verdict(dialogue, label.criterion, label.verdict))
    if not verdicts:
        raise InputError("there is no verdict in it", str(path))
    return verdicts


def _parse(line: str, file: str, number: int) -> _Label:
    try:
        return _Label.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise InputError(describe(fault), file, number, field or None) from None


def rubric_of(verdicts: Sequence[Verdict]) -> Rubric:
    """Each criterion of the verdicts once, worth one point; its question is also its name."""
    questions = dict.fromkeys(verdict.criterion for verdict in verdicts)
    criteria = tuple(Criterion(id=question, question=question, points=1) for question in questions)
    return Rubric(version=1, criteria=criteria)
