"""A panel's sheets: dialogues of several methods, blinded and shuffled for each rater; the key lies apart."""

import csv
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from suasion.errors import InputError
from suasion.evaluation.lock import instrument, sha256
from suasion.files import beside
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.dialogue import Dialogue, load_dialogues
from suasion.negotiation.money import Money, PriceKind, to_net
from suasion.running.folder import write_json

T = TypeVar("T")
COLUMNS = ("dialogue", "task", "conversation", "rating", "human_like", "excellent", "comment")


@dataclass(frozen=True, slots=True)
class Blinded:
    """What the key tells of one dialogue. source: its id in the method's file; replies: of the agent."""

    method: str
    source: str
    replies: int


@dataclass(frozen=True, slots=True)
class Key:
    """Which blinded dialogue is whose."""

    dialogues: Mapping[str, Blinded]
    raters: int
    seed: int


def read_methods(methods: Mapping[str, Path], sample: int | None, seed: int) -> dict[str, list[Dialogue]]:
    """Each method's dialogues; with `sample`, the same so many of all, drawn by seed.

    Raises InputError for a file with no dialogue or an id twice, and where methods negotiated other briefs
    under the same id.
    """
    found: dict[str, dict[str, Dialogue]] = {}
    for method, path in methods.items():
        talks = load_dialogues(path)
        found[method] = {talk.id: talk for talk in talks}
        if not talks or len(found[method]) < len(talks):
            raise InputError("expected dialogues with an id of their own each", str(path), field="id")
    first = next(iter(found.values()))
    for method, by_id in found.items():
        for name in by_id.keys() & first.keys():
            if by_id[name].brief != first[name].brief:
                raise InputError(
                    f"dialogue {name!r} is about another brief than in the first file: "
                    "simulate with the same briefs and seed",
                    str(methods[method]),
                )
    shared = [name for name in first if all(name in by_id for by_id in found.values())]
    if sample is not None:
        if len(shared) < sample:
            raise InputError(f"the methods share {len(shared)} dialogues, fewer than {sample}")
        chosen = set(random.Random(f"{seed}:sample").sample(shared, sample))
        found = {m: {n: talk for n, talk in by_id.items() if n in chosen} for m, by_id in found.items()}
    return {method: list(by_id.values()) for method, by_id in found.items()}


def export(
    methods: Mapping[str, Path],
    raters: int,
    seed: int,
    sample: int | None,
    folder: Path,
    key: Path,
    guide: Path | None = None,
) -> int:
    """Write a sheet for each rater and the guide into `folder`, the key to `key`; returns the dialogues.

    `guide`: how to rate, in the words of the domain; one that fits any by default.

    Raises InputError as `read_methods`, and for a key that would lie among the sheets.
    """
    if key.resolve().is_relative_to(folder.resolve()):
        raise InputError("the key must not lie with the sheets that raters get", str(key))
    text, used = _guide(guide)
    read = read_methods(methods, sample, seed)
    named = blind([(method, talk) for method, those in read.items() for talk in those], seed)
    folder.mkdir(parents=True, exist_ok=True)
    key.parent.mkdir(parents=True, exist_ok=True)
    for rater in range(1, raters + 1):
        order = order_for(list(named), seed, rater)
        _replace(folder / f"rater-{rater}.csv", _sheet([(name, named[name][1]) for name in order]))
    _replace(folder / "guide.md", text)
    blinded = {
        name: Blinded(method, talk.id, sum(turn.speaker == "agent" for turn in talk.turns))
        for name, (method, talk) in named.items()
    }
    write_json(
        key,
        {
            "seed": seed,
            "raters": raters,
            "guide": used,
            "files": {
                method: {"file": path.name, "sha256": sha256(path)} for method, path in methods.items()
            },
            "dialogues": {name: asdict(one) for name, one in blinded.items()},
        },
    )
    return len(named)


def blind(talks: Sequence[T], seed: int) -> dict[str, T]:
    """Names that say nothing, in an order that says nothing."""
    shuffled = list(talks)
    random.Random(f"{seed}:blind").shuffle(shuffled)
    width = len(str(len(shuffled)))
    return {f"d{number:0{width}}": one for number, one in enumerate(shuffled, start=1)}


def order_for(names: Sequence[str], seed: int, rater: int | str) -> list[str]:
    """Each rater's own order."""
    order = list(names)
    random.Random(f"{seed}:rater:{rater}").shuffle(order)
    return order


def guide() -> str:
    """The anchored guide of the raters, in Markdown."""
    return files("suasion").joinpath("evaluation", "templates", "panel_guide.md").read_text(encoding="utf-8")


def _guide(path: Path | None) -> tuple[str, dict[str, str]]:
    """The guide's text, and which it is. Raises InputError for a file that can't be read."""
    if path is None:
        return guide(), {"file": "built in"}
    used = instrument(path)
    return path.read_text(encoding="utf-8"), {"file": used.file, "sha256": used.sha256, "lock": used.held}


def read_key(path: Path) -> Key:
    """Raises InputError when it is not what `export` wrote."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        dialogues = {str(name): Blinded(**one) for name, one in content["dialogues"].items()}
        return Key(dialogues, int(content["raters"]), int(content["seed"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"not the key of `panel export`: {error!r}", str(path)) from None


def _sheet(talks: Sequence[tuple[str, Dialogue]]) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for name, talk in talks:
        writer.writerow(
            {"dialogue": name, "task": task_of(talk.brief), "conversation": conversation_of(talk)}
        )
    return out.getvalue()


def task_of(brief: Brief) -> str:
    """What the agent knew, for a reader."""
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in brief.details.items()]
    lines += [_ticket(number, ticket) for number, ticket in enumerate(brief.tickets, start=1)]
    return "\n".join([*lines, *(f"fact: {fact}" for fact in brief.facts)])


def _ticket(number: int, ticket: Ticket) -> str:
    price = Money(ticket.selling_price, ticket.currency, PriceKind.SELLING)
    net = to_net(price, ticket.commission_rate).amount
    details = ", ".join(str(value) for value in ticket.details.values())
    text = (
        f"price {number}: {details}; selling price {ticket.selling_price:g} {ticket.currency}, net {net:g}; "
        f"a selling price of {ticket.target_selling_price:g} suffices (private)"
    )
    seen = ticket.competitor_price
    return text + (f"; {seen.selling_price:g} on {seen.source}" if seen else "")


def conversation_of(talk: Dialogue) -> str:
    """The turns, the agent's numbered A1, A2, .., the other side's H1, H2, .."""
    lines, counts = [], {"agent": 0, "counterpart": 0}
    for turn in talk.turns:
        if turn.text is None:
            lines.append(f"(no answer for {turn.silence_minutes:g} minutes)")
            continue
        counts[turn.speaker] += 1
        mark = "A" if turn.speaker == "agent" else "H"
        lines.append(f"{mark}{counts[turn.speaker]}: {turn.text}")
    return "\n".join(lines)


def _replace(path: Path, text: str) -> None:
    with beside(path) as part:
        part.write_text(text, encoding="utf-8", newline="")
