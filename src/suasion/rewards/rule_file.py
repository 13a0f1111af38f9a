"""What stands in a pack's `rules.yaml`, and what is told to the person who got it wrong."""

import inspect
import typing
from collections.abc import Iterator
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import re2
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from suasion.errors import InputError
from suasion.negotiation.dialogue import Turn
from suasion.rewards.checks import CHECKS
from suasion.rewards.own import OwnCodeFailedError, check_span, load_named, version_of
from suasion.rewards.scene import Check, Finding, Scene, compiled, plain_error
from suasion.rewards.score import Severity
from suasion.yaml_files import Loc, YamlFile, describe


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Frozen):
    """A reply that must or must not be objected to, after some turns; `brief` changes the example brief."""

    reply: str
    after: tuple[Turn, ...] = ()
    brief: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _plain_text(cls, value: Any) -> Any:
        return {"reply": value} if isinstance(value, str) else value

    @field_validator("after", mode="before")
    @classmethod
    def _terse_turns(cls, value: Any) -> Any:
        """`agent: text`, `counterpart: text` and `silence: 45` stand for whole turns."""
        return [_turn(turn) for turn in value] if isinstance(value, list) else value


def _turn(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        ((key, content),) = value.items()
        if key == "silence":
            return {"speaker": "counterpart", "silence_minutes": content}
        if key in ("agent", "counterpart"):
            return {"speaker": key, "text": content}
    return value


class Rule(_Frozen):
    """One rule of the file: patterns (`any`, less what `unless` excuses), or a `check` and its parameters."""

    id: str
    version: int = 1
    severity: Severity
    points: float = Field(lt=0, allow_inf_nan=False, description="added to the score for each hit")
    note: str = Field(default="", description="what is wrong, as a person who wrote it should read it")
    stages: tuple[str, ...] = Field(default=(), description="where the rule holds; everywhere when not given")
    any: tuple[str, ...] = Field(default=(), description="RE2 patterns; each match is a hit")
    unless: tuple[str, ...] = Field(
        default=(), description="RE2 patterns that excuse hits in the same clause"
    )
    case: bool = Field(default=False, description="upper and lower case differ")
    check: str | None = None
    with_: dict[str, Any] = Field(default={}, alias="with")
    hits: tuple[Example, ...] = Field(min_length=1)
    passes: tuple[Example, ...] = Field(min_length=1)


class RuleFile(_Frozen):
    """`rules.yaml` of a pack."""

    version: int
    example_brief: dict[str, Any] = {}
    clause_breaks: tuple[str, ...] = Field(
        default=(), description="patterns that end a clause within a sentence"
    )
    rules: tuple[Rule, ...]


def validate(rule: Rule, index: int, rules: tuple[Rule, ...], stages: set[str], file: YamlFile) -> None:
    loc: Loc = ("rules", index)
    if any(other.id == rule.id for other in rules[:index]):
        raise fault(file, (*loc, "id"), rule.id, "there is a rule of this id above; give it another")
    if bool(rule.any) == bool(rule.check):
        raise fault(file, loc, rule.id, 'needs either patterns under "any:" or a "check:"')
    for number, stage in enumerate(rule.stages):
        if stage not in stages:
            what = f"unknown stage {stage!r}; the SOP has {', '.join(sorted(stages))}"
            raise fault(file, (*loc, "stages", number), rule.id, what)
    for field in ("any", "unless"):
        for number, pattern in enumerate(getattr(rule, field)):
            compile_at((pattern,), rule.case, file, (*loc, field, number), rule.id)


def compile_at(
    patterns: tuple[str, ...], case: bool, file: YamlFile, loc: Loc, name: str
) -> "re2._Regexp | None":
    try:
        return compiled(patterns, case)
    except re2.error as error:
        pattern = next(iter(patterns))
        if any(sign in pattern for sign in ("(?=", "(?!", "(?<=", "(?<!")):
            what = (
                f"pattern uses look-around, which RE2 does not have.\n  found   {pattern}\n"
                '  write   the exception under "unless:", or a check in Python.'
            )
        else:
            what = f"RE2 refuses a pattern: {plain_error(error)}\n  found   {pattern}"
        raise fault(file, loc, name, what) from None


def bind(rule: Rule, index: int, file: YamlFile) -> Check:
    """The check with the parameters of the rule; raises InputError for one that it does not have."""
    loc: Loc = ("rules", index)
    check, own = CHECKS.get(rule.check or ""), rule.check not in CHECKS
    if check is None:
        check = _own_check(rule, (*loc, "check"), file)
    parameters = dict(list(signature(check).parameters.items())[1:])
    try:
        hints = typing.get_type_hints(check, include_extras=True)
    except NameError as error:  # of an import that only a type checker makes
        what = f"the types of {rule.check!r} can't be read: {error}"
        raise fault(file, (*loc, "check"), rule.id, what) from None
    untyped = [key for key in rule.with_ if key in parameters and key not in hints]
    if untyped:
        what = f"the check {rule.check!r} gives no type for its parameter {untyped[0]!r}"
        raise fault(file, (*loc, "with", untyped[0]), rule.id, what)
    values = {}
    for key, value in rule.with_.items():
        if key not in parameters:
            what = (
                f"the check {rule.check!r} has no parameter {key!r}; it has {', '.join(parameters) or 'none'}"
            )
            raise fault(file, (*loc, "with", key), rule.id, what)
        try:
            values[key] = TypeAdapter(hints[key]).validate_python(value)
        except ValidationError as error:
            raise fault(file, (*loc, "with", key), rule.id, describe(error.errors()[0])) from None
    missing = [key for key, one in parameters.items() if one.default is one.empty and key not in values]
    if missing:
        raise fault(file, loc, rule.id, f'the check {rule.check!r} needs {", ".join(missing)} under "with:"')
    return guarded(rule.check or "", partial(check, **values)) if own else partial(check, **values)


def _own_check(rule: Rule, loc: Loc, file: YamlFile) -> Check:
    """A check that is not ours: named by module, or registered."""
    name = rule.check or ""
    try:
        found = load_named(name, "suasion.checks", file, loc)
    except InputError as error:
        ours = "" if ":" in name else f"; ours are {', '.join(sorted(CHECKS))}"
        raise fault(file, loc, rule.id, f"unknown check: {error.message}{ours}") from None
    if not inspect.isfunction(found):
        raise fault(file, loc, rule.id, f"{name} is no function; a check is (scene, *, parameters)")
    return found


def guarded(name: str, check: Check) -> Check:
    """The check, with whatever goes wrong in it as an OwnCodeFailedError."""

    def look(scene: Scene) -> Iterator[Finding]:
        try:
            found = tuple(check(scene))
        except Exception as error:
            raise OwnCodeFailedError(name, f"{type(error).__name__}: {error}"[:200]) from error
        for one in found:
            if not isinstance(one, Finding):
                raise OwnCodeFailedError(name, f"answers with {type(one).__name__}; expected Finding")
            check_span(one.span, scene.reply, name)
        return iter(found)

    return look


def own_version(rule: Rule) -> str:
    """What the rule's check contributes to the version of the rules: "" for ours."""
    if rule.check is None or rule.check in CHECKS:
        return ""
    return version_of(load_named(rule.check, "suasion.checks", YamlFile(Path(), None, {}), ()))


def fault(file: YamlFile, loc: Loc, rule: str, what: str) -> InputError:
    return InputError(f'rule "{rule}": {what}', str(file.path), file.line(loc))
