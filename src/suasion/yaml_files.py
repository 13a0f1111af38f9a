"""YAML files that remember their lines, so that an error can point at the one to mend."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from suasion.errors import InputError

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]
MOST_ENTRIES = 100_000
_NO_TEXT = re.compile("[\ud800-\udfff]")  # halves of characters: "\\ud83d" alone


@dataclass(frozen=True, slots=True)
class YamlFile:
    """Parsed content and the line (1-based) of each path in it."""

    path: Path
    content: Any
    lines: Mapping[Loc, int]

    def line(self, loc: Loc) -> int:
        """Line of the deepest part of `loc` that the file has."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)

    def error(self, message: str, loc: Loc = ()) -> InputError:
        return InputError(message, str(self.path), self.line(loc), ".".join(map(str, loc)) or None)

    def parse(self, model: type[M]) -> M:
        """Check the content against `model`; the first fault is raised as an InputError."""
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            faults = error.errors()
            # a misspelt key is missing as well: name what stands there, not what doesn't
            first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
            loc = tuple(first["loc"])
            raise self.error(describe(first), loc) from None


def describe(fault: Mapping[str, Any]) -> str:
    """One readable sentence for one fault of pydantic's list."""
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return "unknown key; remove it or mend its spelling"
    if fault["type"] == "missing":
        return "required, but missing"
    found = fault.get("input")
    if fault["type"] == "value_error" and not isinstance(found, str | int | float):
        return message  # of several fields together: their dump helps nobody
    return f"{message} (found {found!r})"[:300]


class _Loader(yaml.SafeLoader):
    """The safe loader, to which `on`, `off`, `yes` and `no` are words, as in YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML file by the safe loader.

    Raises InputError when the file is missing, is not YAML, repeats a key, or is larger than anybody writes
    by hand (a few aliases of aliases come to gigabytes when they are read out).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """The text of the file `path`, read as above."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return YamlFile(path, None, {})
        lines = dict(islice(_lines(node, (), path), MOST_ENTRIES + 1))
        if len(lines) > MOST_ENTRIES:
            raise InputError(f"more than {MOST_ENTRIES:,} entries, with what aliases stand for", str(path))
        return YamlFile(path, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"not valid YAML: {error.problem}", str(path), line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"not valid YAML: {chr(error.character)!r} is no text", str(path), line) from None
    except ValueError as error:  # a day or number that is none: 2026-02-30
        raise InputError(f"not valid YAML: {error}", str(path)) from None
    except AttributeError:  # so the loader fails at "!!timestamp 3"
        raise InputError("not valid YAML: a value does not fit its tag", str(path)) from None
    except RecursionError:
        raise InputError("not valid YAML: nested too deeply", str(path)) from None


def _lines(node: yaml.Node, loc: Loc, path: Path) -> Iterator[tuple[Loc, int]]:
    yield loc, node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        _check_text(node, path)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InputError("a key is a word, not a list", str(path), key.start_mark.line + 1)
            if key.value in seen:
                raise InputError("key given twice", str(path), key.start_mark.line + 1, key.value)
            _check_text(key, path)
            seen.add(key.value)
            yield (*loc, key.value), key.start_mark.line + 1
            for sub, line in _lines(value, (*loc, key.value), path):
                if sub != (*loc, key.value):
                    yield sub, line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*loc, index), path)


def _check_text(node: yaml.ScalarNode, path: Path) -> None:
    if found := _NO_TEXT.search(node.value):
        raise InputError(f"not valid YAML: {found.group()!r} is no text", str(path), node.start_mark.line + 1)
