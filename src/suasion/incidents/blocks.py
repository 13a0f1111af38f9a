"""Edits of one entry in a list of a YAML file that leave every other byte as it was.

A block is the lines from an entry's dash to its last line; comments and empty lines between entries belong to
none. Lines end as the file's do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from suasion.errors import InputError


@dataclass(frozen=True, slots=True)
class Block:
    """One entry: its id, its place in the text (whole lines), and how far its dash is indented."""

    id: str
    start: int
    end: int
    indent: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of mappings with ids in a YAML text, entry by entry."""

    text: str
    file: str
    key: str
    blocks: tuple[Block, ...]

    def get(self, name: str) -> Block | None:
        return next((block for block in self.blocks if block.id == name), None)

    def source(self, block: Block) -> str:
        return self.text[block.start : block.end]

    def appended(self, lines: list[str]) -> str:
        """The text with an entry (its mapping's lines, not indented) behind the last, after an empty line."""
        return self.inserted(len(self.blocks), _entry(lines, self.blocks[-1].indent, _newline(self.text)))

    def inserted(self, index: int, source: str) -> str:
        """The text with an entry's own source put back before the entry at `index`, or behind the last."""
        newline = _newline(self.text)
        if index >= len(self.blocks):
            before = self.text[: self.blocks[-1].end]
            gap = newline if before.endswith("\n") else newline * 2
            return before + gap + source + self.text[self.blocks[-1].end :]
        start = self.blocks[index].start
        return self.text[:start] + source + newline + self.text[start:]

    def replaced(self, block: Block, lines: list[str]) -> str:
        entry = _entry(lines, block.indent, _newline(self.text))
        if not self.source(block).endswith("\n"):
            entry = entry.rstrip("\r\n")
        return self.text[: block.start] + entry + self.text[block.end :]

    def removed(self, block: Block) -> str:
        """The text without the entry and without the empty line before it."""
        start = block.start
        gap = re.search(r"\n([ \t]*\r?\n)$", self.text[:start])
        if gap:
            start = gap.start(1)
        return self.text[:start] + self.text[block.end :]


def list_blocks(text: str, file: str, key: str) -> Listing:
    """The entries of the list under `key`.

    Raises InputError when there is none, or it is written in brackets, or an entry has no id.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for name, value in pairs if name.value == key), None)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        raise InputError("expected a list with a dash before each entry, and at least one", file, field=key)
    return Listing(text, file, key, tuple(_block(entry, text, file, key) for entry in node.value))


def _block(entry: yaml.Node, text: str, file: str, key: str) -> Block:
    names = [value.value for name, value in getattr(entry, "value", []) if name.value == "id"]
    if not isinstance(entry, yaml.MappingNode) or not names:
        raise InputError("an entry without an id", file, entry.start_mark.line + 1, key)
    start = text.rfind("\n", 0, entry.start_mark.index) + 1
    dash = re.match(r"([ ]*)-[ ]", text[start:])
    if dash is None:
        raise InputError("the id must follow its dash on the same line", file, entry.start_mark.line + 1, key)
    last = max(mark.index for mark in _ends(entry))
    last = start + len(text[start:last].rstrip())
    stop = text.find("\n", last)
    source = text[start : len(text) if stop < 0 else stop + 1]
    return Block(str(names[0]), start, start + len(source), len(dash[1]))


def _ends(node: yaml.Node) -> Iterator[yaml.Mark]:
    """Where the leaves end: a block mapping's own mark stands behind the comments that follow it."""
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False) or not node.value:
        yield node.end_mark
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _ends(value)
    else:
        for key, value in node.value:
            yield from _ends(key)
            yield from _ends(value)


def mapping_lines(text: str, key: str) -> tuple[list[str], int]:
    """The lines of the mapping under a top-level `key`, not indented, and the number (1-based) of the first.

    Raises ValueError when the mapping is written in braces.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for name, value in pairs if name.value == key), None)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise ValueError("expected one field a line, indented below the key")
    start = text.rfind("\n", 0, node.start_mark.index) + 1
    end = max(mark.index for mark in _ends(node))
    stop = text.find("\n", start + len(text[start:end].rstrip()))
    lines = text[start : len(text) if stop < 0 else stop].split("\n")
    indent = node.start_mark.column
    first = text.count("\n", 0, start) + 1
    return [line.rstrip("\r")[indent:] if line[:indent].isspace() else line.strip() for line in lines], first


def _entry(lines: list[str], indent: int, newline: str) -> str:
    space = " " * indent
    put = [
        f"{space}{'- ' if number == 0 else '  '}{line}" if line else "" for number, line in enumerate(lines)
    ]
    return newline.join(put) + newline


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
