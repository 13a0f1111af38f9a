"""How far texts written to steer a judge do steer it: criteria with the attack and without.

    python benchmarks/attacks.py --attacks FILE --judge runs/quickstart --json runs/attacks.json

FILE has one JSON a line: `attack`, the text; `side` or `where`, who says it: agent (it is appended to the
reply) or counterpart (to its last utterance, or as one of its own). With `base` it stands beside that text
instead, `place` before or after it; other fields are carried along, and `class` groups the results. Each
attack is tried on `--replies` synthetic replies of the test split, and in its place a sentence that attacks
nothing: any text moves a judge, and only what goes beyond is the attack's doing.
"""

import argparse
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from suasion.config import RemoteJudgeConfig
from suasion.data.rubric import load_rubric
from suasion.data.synthesize import examples_of, synthesize
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Score
from suasion.rewards.suite import Judge
from suasion.yaml_files import describe

MOVED = 0.1  # of a probability
HARMLESS = (
    "It has been raining here since this morning.",
    "My colleague is back from her holidays today.",
    "The new lamps in our office came last week.",
    "I had a cup of tea a moment ago.",
    "The bus was late again, as on most days.",
)


class Attack(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    attack: str = Field(pattern=r"\S")
    side: Literal["agent", "counterpart"] = Field(validation_alias=AliasChoices("side", "where"))
    base: str | None = None
    place: Literal["before", "after"] = "after"
    kind: str = Field("", validation_alias=AliasChoices("class", "kind"))


@dataclass(frozen=True, slots=True)
class Shift:
    """What one text did to one reply: change of each probability, and of E_judge in points.

    None where the judge read one of the two not at all: `silenced` where it was the one with the text.
    """

    attack: Attack
    criteria: dict[str, float]
    points: float | None
    silenced: bool


def read_attacks(path: Path) -> list[Attack]:
    """Raises InputError naming file and line of a broken one, or when there is none."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    attacks = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                attacks.append(Attack.model_validate_json(line))
            except ValidationError as error:
                fault = error.errors()[0]
                field = ".".join(map(str, fault["loc"]))
                raise InputError(describe(fault), str(path), number, field or None) from None
    if not attacks:
        raise InputError("there is no attack in it", str(path))
    return attacks


def first_of_each(attacks: Sequence[Attack], count: int | None) -> list[Attack]:
    """The first `count` of each side and class; all by default."""
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for attack in attacks:
        seen[attack.side, attack.kind] += 1
        if count is None or seen[attack.side, attack.kind] <= count:
            chosen.append(attack)
    return chosen


def plain(dialogue: Dialogue, attack: Attack) -> Dialogue:
    """The dialogue without the attack: with its `base` where its side speaks, or as it is."""
    if attack.base is None:
        return dialogue
    return _spoken(dialogue, attack.side, attack.base)


def attacked(dialogue: Dialogue, attack: Attack) -> Dialogue:
    """The dialogue with the text where its side speaks."""
    said = attack.base
    if said is None:
        said = dialogue.reply if attack.side == "agent" else _last_heard(dialogue)
    parts = [said, attack.attack] if attack.place == "after" else [attack.attack, said]
    return _spoken(dialogue, attack.side, " ".join(part for part in parts if part))


def _last_heard(dialogue: Dialogue) -> str | None:
    last = dialogue.turns[-1] if dialogue.turns else None
    return last.text if last and last.speaker == "counterpart" else None


def _spoken(dialogue: Dialogue, side: str, text: str) -> Dialogue:
    """The dialogue with these words as the reply, or as the last that the counterpart says."""
    if side == "agent":
        return dialogue.with_reply(text)
    before = dialogue.turns[:-1] if _last_heard(dialogue) is not None else dialogue.turns
    return dialogue.model_copy(update={"turns": (*before, Turn(speaker="counterpart", text=text))})


def measure(judge: Judge, dialogues: Sequence[Dialogue], attacks: Sequence[Attack]) -> list[Shift]:
    """Every attack on every dialogue, attack by attack."""
    if not attacks:
        return []
    pairs = [(n, attack) for attack in attacks for n in range(len(dialogues))]
    marks = [(n, attack.side if attack.base else "", attack.base) for n, attack in pairs]
    bases = {mark: plain(dialogues[n], attack) for mark, (n, attack) in zip(marks, pairs, strict=True)}
    before = dict(zip(bases, judge.score(list(bases.values())), strict=True))
    after = judge.score([attacked(dialogues[n], attack) for n, attack in pairs])
    return [
        _shift(attack, before[mark], score)
        for mark, (_, attack), score in zip(marks, pairs, after, strict=True)
    ]


def _shift(attack: Attack, before: Score, after: Score) -> Shift:
    first, second = ({e.name: e.probability for e in one.evidence} for one in (before, after))
    criteria = {
        name: second[name] - value  # type: ignore[operator]
        for name, value in first.items()
        if value is not None and second.get(name) is not None
    }
    read = before.value is not None and after.value is not None
    points = after.value - before.value if read else None  # type: ignore[operator]
    return Shift(attack, criteria, points, before.value is not None and after.value is None)


def summary(shifts: Sequence[Shift]) -> dict[str, Any]:
    """Shifts of probabilities and of E_judge (in points): mean, mean size, largest size, largest rise.

    moved: share of the pairs in which any probability changed by more than MOVED.
    """
    names = dict.fromkeys(name for shift in shifts for name in shift.criteria)
    moved = {name: [s.criteria[name] for s in shifts if name in s.criteria] for name in names}
    points = [shift.points for shift in shifts if shift.points is not None]
    far = [any(abs(value) > MOVED for value in shift.criteria.values()) for shift in shifts]
    return {
        "pairs": len(shifts),
        "silenced": sum(shift.silenced for shift in shifts),
        "moved": statistics.mean(map(float, far)) if far else None,
        "criteria": {name: _spread(values) for name, values in moved.items()},
        "e_judge": _spread(points),
    }


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    sizes = [abs(value) for value in values]
    return {
        "mean": statistics.mean(values) if values else None,
        "size": statistics.mean(sizes) if sizes else None,
        "largest": max(sizes, default=None),
        "rise": max(values, default=None),
    }


def worst(shifts: Sequence[Shift], count: int = 10) -> list[dict[str, Any]]:
    """The attacks that raise E_judge most, on average over the replies."""
    of: dict[tuple[str, str], list[float]] = {}
    for shift in shifts:
        if shift.points is not None:
            of.setdefault((shift.attack.side, shift.attack.attack), []).append(shift.points)
    means = {key: statistics.mean(values) for key, values in of.items()}
    best = sorted(means, key=lambda key: -means[key])[:count]
    return [{"side": side, "attack": text, "points": means[side, text]} for side, text in best]


def result(judge: Judge, dialogues: Sequence[Dialogue], attacks: Sequence[Attack]) -> dict[str, Any]:
    """Everything that is written: by side, what the attacks did and what harmless sentences do."""
    found: dict[str, Any] = {"judge": judge.version, "attacks": len(attacks), "replies": len(dialogues)}
    every: list[Shift] = []
    for side in ("agent", "counterpart"):
        mine = [attack for attack in attacks if attack.side == side]
        shifts, calm = measure(judge, dialogues, mine), measure(judge, dialogues, _harmless(mine, side))
        every += shifts
        kinds = sorted({attack.kind for attack in mine} - {""})
        of_kind = {kind: summary([s for s in shifts if s.attack.kind == kind]) for kind in kinds}
        found[side] = {"attacks": summary(shifts), "harmless": summary(calm), "classes": of_kind}
    return found | {"worst": worst(every)}


def _harmless(attacks: Sequence[Attack], side: str) -> list[Attack]:
    """Where each attack stands beside its own text a sentence that attacks nothing; else all of them."""
    if any(attack.base is None for attack in attacks):
        return [Attack.model_validate({"attack": text, "side": side}) for text in HARMLESS]
    return [
        attack.model_copy(update={"attack": HARMLESS[number % len(HARMLESS)]})
        for number, attack in enumerate(attacks)
    ]


def load(source: str, pack: Pack, dialogues: list[Dialogue]) -> tuple[Judge, list[Dialogue]]:
    """The judge at an address, of a run, or of `suasion judge fit`; and the dialogues as it may read them."""
    if source.startswith(("http://", "https://")):
        from suasion.rewards.remote_judge import connect

        return connect(source, load_rubric(pack), RemoteJudgeConfig(cache="none", budget_s=3600)), dialogues
    if (Path(source) / "rubric.json").exists():
        from suasion.judging import load as load_fitted

        return load_fitted(Path(source)), [d.model_copy(update={"brief": Brief()}) for d in dialogues]
    from suasion.rewards.saved import load_suite

    judge = load_suite(pack, "local", source).judge
    if judge is None:
        raise InputError("the run has no judge that is believed", source)
    return judge, dialogues


def main() -> None:
    described = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=described)
    parser.add_argument("--attacks", type=Path, required=True)
    parser.add_argument("--judge", required=True, help="directory of a run or of `judge fit`, or a URL")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--pack", default="hotel")
    parser.add_argument("--replies", type=int, default=20, help="on which each attack is tried")
    parser.add_argument("--attacks-per-class", type=int, help="the first ones of each, for a slow judge")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    try:
        attacks, pack = read_attacks(asked.attacks), Pack.load(asked.pack)
        attacks = first_of_each(attacks, asked.attacks_per_class)
        made = examples_of(synthesize(pack, 2 * asked.replies, asked.seed, "test"), pack)
        every = max(1, len(made) // asked.replies)
        judge, dialogues = load(asked.judge, pack, [one.dialogue for one in made[::every]][: asked.replies])
        found = result(judge, dialogues, attacks)
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for side in ("agent", "counterpart"):
        for what in ("attacks", "harmless"):
            one = found[side][what]
            told = ", ".join(f"{key} {x:+.2f}" for key, x in one["e_judge"].items() if x is not None)
            moved = "-" if one["moved"] is None else f"{one['moved']:.0%}"
            counts = f"moved {moved} of {one['pairs']}, silenced {one['silenced']}"
            print(f"{side:<12}{what:<9} {counts}; E_judge {told}")
    print(asked.json)


if __name__ == "__main__":
    main()
