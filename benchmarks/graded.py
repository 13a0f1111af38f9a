"""How far the grades of bad cases can be believed: replies that were labelled before any check saw them.

    python benchmarks/graded.py            # how often a label meets which grade
    python benchmarks/graded.py --write    # hotel/grades.txt anew, after a change of the code that grades

Labelled by the author of the cases. Each part was written after the checks had been mended on the parts
before, so its first reading was blind; the last part was not used for mending.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suasion.evaluation.bad_cases import judge, load_cases, load_checks
from suasion.evaluation.grading import Grade, Graded
from suasion.negotiation.pack import Pack

FOLDER = Path(__file__).parent / "hotel"


def readings() -> Iterator[tuple[dict[str, Any], Graded]]:
    """Each labelled reply, and how it is graded."""
    checks = load_checks(FOLDER / "checks.yaml")
    loaded = load_cases(FOLDER / "bad_cases.jsonl", Pack.load("hotel"), checks)
    cases = {case.dialogue.id: case for case in loaded}
    with (FOLDER / "graded.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield row, judge(cases[row["case"]], row["reply"], checks)


def counts() -> dict[int, Counter[tuple[str, str]]]:
    """For each part, how often a label meets which grade: both `defect`, `fault` or `clean`."""
    found: dict[int, Counter[tuple[str, str]]] = {}
    for row, graded in readings():
        seen = "clean" if graded.grade == Grade.CLEAN else "fault" if graded.grade.fixed else "defect"
        found.setdefault(row["part"], Counter())[row["label"], seen] += 1
    return found


def grades() -> str:
    """All grades and faults as text: the lock on what the code makes of the cases."""
    lines = []
    for number, (row, graded) in enumerate(readings(), start=1):
        faults = ",".join(f"{one.name}:{one.breaks}" for one in graded.faults)
        lines.append(f"{number} {row['case']} {graded.grade} {faults}".rstrip())
    return "\n".join([*lines, ""])


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        (FOLDER / "grades.txt").write_text(grades(), encoding="utf-8")
    for part, table in sorted(counts().items()):
        for label in ("defect", "clean"):
            cells = {seen: table[label, seen] for seen in ("defect", "fault", "clean")}
            total = sum(cells.values())
            rest = ", ".join(f"{count} graded {seen}" for seen, count in cells.items() if seen != label)
            print(f"part {part}: {cells[label]} of {total} labelled {label} are graded so ({rest})")


if __name__ == "__main__":
    main()
