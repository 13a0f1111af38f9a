"""What differs between two versions of a pack, entry by entry, as a person would say it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suasion.negotiation.pack import Pack
from suasion.yaml_files import read_yaml

# Lists of entries with ids: where each stands, and what one is called.
LISTS = {
    "rules.yaml": {"rules": "rule"},
    "rubric.yaml": {"criteria": "criterion"},
    "sop.yaml": {"stages": "stage", "side_states": "side state"},
    "intents.yaml": {"intents": "intent"},
}
SHOWN = 60  # letters of a value


@dataclass(frozen=True, slots=True)
class Change:
    """One entry, or one field beside the lists, that is new (+), gone (-) or another (~)."""

    sign: str
    file: str
    kind: str
    name: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f": {'; '.join(self.details)}" if self.details else ""
        return f"{self.sign} {self.file}: {self.kind} {self.name}{more}"


def differences(old: Pack, new: Pack) -> list[Change]:
    """All changes, file by file. A change of layout or comments alone is none."""
    names = sorted({path.name for pack in (old, new) for path in pack.path.glob("*.yaml")})
    return [change for name in names for change in _of_file(name, old.path / name, new.path / name)]


def changed_rules(changes: list[Change]) -> frozenset[str] | None:
    """The rules and criteria that differ; None where something differs that any rule may depend on."""
    if any(change.kind not in ("rule", "criterion") for change in changes):
        return None
    return frozenset(change.name for change in changes)


def _of_file(name: str, old: Path, new: Path) -> Iterator[Change]:
    if not (old.is_file() and new.is_file()):
        yield Change("+" if new.is_file() else "-", name, "file", name)
        return
    before, after = _content(old), _content(new)
    lists = LISTS.get(name, {})
    for key, kind in lists.items():
        yield from _of_list(name, kind, _entries(before.get(key)), _entries(after.get(key)))
    for key in sorted({*before, *after} - {*lists}):
        if before.get(key) != after.get(key):
            sign = "+" if key not in before else "-" if key not in after else "~"
            yield Change(sign, name, "field", key, _detail("", before.get(key), after.get(key)))


def _of_list(file: str, kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield Change("-", file, kind, name)
        elif name not in old:
            yield Change("+", file, kind, name)
        elif old[name] != new[name]:
            fields = [*old[name], *(field for field in new[name] if field not in old[name])]
            told = (_detail(field, old[name].get(field), new[name].get(field)) for field in fields)
            yield Change("~", file, kind, name, tuple(line for lines in told for line in lines))
    if list(old) != list(new) and set(old) == set(new):
        yield Change("~", file, "order of each", kind)


def _detail(field: str, old: Any, new: Any) -> tuple[str, ...]:
    if old == new:
        return ()
    if isinstance(old, list) and isinstance(new, list):
        gone, come = [one for one in old if one not in new], [one for one in new if one not in old]
        told = [f"- {_short(one)}" for one in gone] + [f"+ {_short(one)}" for one in come]
        return (f"{field} {', '.join(told) or 'in another order'}".strip(),)
    return (f"{field} {_short(old)} -> {_short(new)}".strip(),)


def _short(value: Any) -> str:
    text = "none" if value is None else " ".join(str(value).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _content(path: Path) -> dict[str, Any]:
    content = read_yaml(path).content
    return content if isinstance(content, dict) else {}


def _entries(listed: Any) -> dict[str, Any]:
    """By id; acts of both speakers may have the same."""
    named = (one for one in listed or () if isinstance(one, dict) and "id" in one)
    return {".".join(str(one[key]) for key in ("speaker", "id") if key in one): one for one in named}
