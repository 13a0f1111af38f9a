"""How far the grades of bad cases can be believed: replies that were labelled before any check saw them.

    python benchmarks/graded.py

Labelled by the author of the cases. Each part was written after the checks had been mended on the parts
before, so its first reading was blind; the last part was not used for mending.
"""

import json
from collections import Counter
from pathlib import Path

from suasion.evaluation.bad_cases import judge, load_cases, load_checks
from suasion.evaluation.grading import Grade
from suasion.negotiation.pack import Pack

FOLDER = Path(__file__).parent / "hotel"


def counts() -> dict[int, Counter[tuple[str, str]]]:
    """For each part, how often a label meets which grade: both `defect`, `fault` or `clean`."""
    checks = load_checks(FOLDER / "checks.yaml")
    cases = {
        case.dialogue.id: case for case in load_cases(FOLDER / "bad_cases.jsonl", Pack.load("hotel"), checks)
    }
    found: dict[int, Counter[tuple[str, str]]] = {}
    with (FOLDER / "graded.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            grade = judge(cases[row["case"]], row["reply"], checks).grade
            seen = "clean" if grade == Grade.CLEAN else "fault" if grade.fixed else "defect"
            found.setdefault(row["part"], Counter())[row["label"], seen] += 1
    return found


def main() -> None:
    for part, table in sorted(counts().items()):
        for label in ("defect", "clean"):
            cells = {seen: table[label, seen] for seen in ("defect", "fault", "clean")}
            total = sum(cells.values())
            rest = ", ".join(f"{count} graded {seen}" for seen, count in cells.items() if seen != label)
            print(f"part {part}: {cells[label]} of {total} labelled {label} are graded so ({rest})")


if __name__ == "__main__":
    main()
