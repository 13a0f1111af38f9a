"""A patch: one rule or criterion that it adds, changes or removes, and the dialogues that say why."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from suasion.data.examples import Verdict
from suasion.data.labels import read_labels
from suasion.data.rubric import Criterion
from suasion.errors import InputError
from suasion.incidents.blocks import mapping_lines
from suasion.incidents.incident import parse_when
from suasion.incidents.limits import Limits
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.rewards.rule_file import Example, Rule
from suasion.rewards.rules import override_brief
from suasion.yaml_files import YamlFile, describe, read_yaml

ENOUGH_VERDICTS = 20  # fewer say nothing of a criterion


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Case(_Frozen):
    """A reply to try: a whole record under `dialogue`, or as in rules.yaml (text, or reply, after, brief)."""

    example: Example | None = None
    dialogue: Dialogue | None = None

    @model_validator(mode="before")
    @classmethod
    def _terse(cls, value: Any) -> Any:
        return value if isinstance(value, dict) and "dialogue" in value else {"example": value}

    @model_validator(mode="after")
    def _has_a_reply(self) -> "Case":
        if self.dialogue is not None and self.dialogue.reply is None:
            raise ValueError("dialogue.reply: required, but missing")
        return self

    def record(self, name: str, example_brief: Mapping[str, Any]) -> Dialogue:
        """The reply in its dialogue. Raises ValidationError where the example's brief makes none."""
        if self.dialogue is not None:
            return self.dialogue
        example = self.example or Example(reply="")
        brief = Brief.model_validate(override_brief(example_brief, example.brief))
        return Dialogue(id=name, brief=brief, turns=example.after, reply=example.reply)


class InlineVerdict(_Frozen):
    """A labelled verdict on the patch's criterion. One that was only proposed counts when it is confirmed."""

    brief: Brief = Field(default=Brief(), description="a run's judge reads it before the context")
    context: tuple[Turn, ...] = ()
    reply: str = Field(pattern=r"\S")
    verdict: bool = Field(strict=True)
    confirmed: bool = True


class Patch(_Frozen):
    """What stands in a patch file. Exactly one of `rule`, `criterion` and `removes`."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    who: str = Field(pattern=r"\S")
    when: str
    why: str = Field(pattern=r"\S")
    incidents: tuple[str, ...] = ()
    rule: Rule | None = None
    criterion: Criterion | None = None
    removes: str | None = Field(default=None, description="id of the rule to remove")
    base: str | None = Field(
        default=None, description="version of the rule or criterion it was written against"
    )
    hits: tuple[Case, ...] = Field(
        default=(), description="must flip: not objected to before, but after; by a criterion's judge, after"
    )
    passes: tuple[Case, ...] = Field(default=(), description="must not be objected to after")
    verdicts: str | tuple[InlineVerdict, ...] = Field(
        default=(), description="JSONL file beside it, or a list"
    )
    limits: Limits = Limits()

    _when = field_validator("when")(parse_when)

    @model_validator(mode="after")
    def _changes_one_thing(self) -> "Patch":
        if sum(one is not None for one in (self.rule, self.criterion, self.removes)) != 1:
            raise ValueError("needs exactly one of rule, criterion and removes")
        if self.removes and not self.base:
            raise ValueError("a patch that removes a rule names its base")
        if self.verdicts and self.criterion is None:
            raise ValueError("verdicts belong to a criterion")
        return self

    @property
    def change(self) -> Literal["add", "change", "remove"]:
        return "remove" if self.removes else "change" if self.base else "add"

    @property
    def target(self) -> str:
        """Id of the rule or criterion."""
        changed = self.rule or self.criterion
        return changed.id if changed else str(self.removes)

    @property
    def kind(self) -> Literal["rule", "criterion"]:
        return "criterion" if self.criterion else "rule"

    @property
    def key(self) -> Literal["rules", "criteria"]:
        """The list in which it stands."""
        return "criteria" if self.criterion else "rules"

    @property
    def file(self) -> str:
        """The pack's file that it changes."""
        return "rubric.yaml" if self.criterion else "rules.yaml"


@dataclass(frozen=True, slots=True)
class PatchFile:
    """A patch and where it was read from. `lines`: its block's, not indented, the first at `first_line`."""

    patch: Patch
    yaml: YamlFile
    content: bytes
    lines: tuple[str, ...] = ()
    first_line: int = 0
    verdicts_path: Path | None = None

    @property
    def path(self) -> Path:
        return self.yaml.path

    def error(self, message: str, *loc: str | int) -> InputError:
        return self.yaml.error(message, loc)

    def told_here(self, error: InputError, file: str, start: int) -> InputError:
        """An error in the patched pack's file as one of the patch, when it lies in the block that begins
        there at line `start`."""
        if error.file != file or error.line is None or not start <= error.line < start + len(self.lines):
            return error
        return InputError(error.message, str(self.path), self.first_line + error.line - start, error.field)

    def labelled(self) -> list[Verdict]:
        """The confirmed verdicts on its criterion. Raises InputError for a broken file of verdicts."""
        criterion = self.patch.criterion
        if criterion is None:
            return []
        if self.verdicts_path is not None:
            return [one for one in read_labels(self.verdicts_path) if one.criterion == criterion.question]
        inline = self.patch.verdicts if isinstance(self.patch.verdicts, tuple) else ()
        return [
            Verdict(
                Dialogue(
                    id=str(number), brief=one.brief, turns=one.context, reply=one.reply, source="labelled"
                ),
                criterion.question,
                one.verdict,
            )
            for number, one in enumerate(inline, start=1)
            if one.confirmed
        ]


def load_patch(path: Path, verdicts: Path | None = None) -> PatchFile:
    """Read and check a patch. `verdicts`: where its file of verdicts is, beside the patch by default.

    Raises InputError with file, line and field of the first fault.
    """
    file = read_yaml(path)
    patch = file.parse(Patch)
    content = path.read_bytes()
    beside = path.parent / patch.verdicts if isinstance(patch.verdicts, str) else None
    verdicts = beside and (verdicts or beside)
    if patch.removes:
        return PatchFile(patch, file, content)
    key = patch.kind
    try:
        lines, first = mapping_lines(content.decode("utf-8"), key)
    except ValueError as error:
        raise file.error(str(error), (key,)) from None
    return PatchFile(patch, file, content, tuple(lines), first, verdicts)


def content_version(entry: Any) -> str:
    """Hash of what an entry says, whatever its layout and comments; what `base` names.

    The letter before it keeps YAML from reading digits alone as a number.
    """
    plain = json.dumps(entry, sort_keys=True, ensure_ascii=False, default=str)
    return "v" + hashlib.sha256(plain.encode()).hexdigest()[:11]


def record_of(
    case: Case, example_brief: Mapping[str, Any], file: PatchFile, loc: tuple[str, int]
) -> Dialogue:
    """The case as a record, or an InputError that names its line."""
    try:
        return case.record(f"{file.patch.id}:{loc[0]}.{loc[1]}", example_brief)
    except ValidationError as error:
        raise file.error(f"brief: {describe(error.errors()[0])}", *loc) from None
