"""How much of each trouble data files may have. The command line reads it, so that it imports little."""

from dataclasses import dataclass, field
from typing import Any


def _most(default: float, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that passes: shares from 0 to 1, of names and families a count. A share of 1 lets all pass."""

    duplicates: float = _most(0.01, "share of a file's records that are equal to an earlier one")
    near_duplicates: float = _most(0.05, "share of a file's records that are nearly equal to an earlier one")
    leaks: float = _most(0.0, "share of a file's records that an earlier file has, too")
    near_leaks: float = _most(0.05, "share of a file's records that are nearly equal to one of another file")
    shared_names: int = _most(0, "names, by which briefs are split, that two files share")
    shared_families: int = _most(0, "families of phrasing that two files share")
    stage: float = _most(0.6, "share of the commonest stage among the agent's replies")
    act: float = _most(0.4, "share of the commonest act among those of the agent")
    defect: float = _most(0.4, "share of the commonest defect or merit of pairs")
    source: float = _most(1.0, "share of the commonest source")
    speaker: float = _most(0.75, "share of turns by the side that has more")
    longer: float = _most(0.6, "share of pairs in which the chosen reply is longer, or is shorter")
