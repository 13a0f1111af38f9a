"""The shards of a benchmark: pieces of work with a JSON each, in an order in which they can be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from suasion.bench.preset import Preset
from suasion.bench.rows import ROWS, Row

Work = Literal["start-sft", "start-rewards", "method", "draws", "ab"]
TREATMENT, CONTROL = "repo", "intent"  # of the A/B test
LONGEST = 90.0  # minutes that a shard may take


@dataclass(frozen=True, slots=True)
class Shard:
    """needs: shards whose files it uses. guard: both arms of the A/B test are held to the rules."""

    name: str
    work: Work
    row: str | None = None
    seed: int = 0
    needs: tuple[str, ...] = ()
    guard: bool = False

    @property
    def method(self) -> Row:
        """The row that it is about. Raises KeyError for a stage that all share."""
        return ROWS[self.row or ""]

    def planned(self, preset: Preset) -> float:
        """Minutes that the preset plans for it."""
        if self.work != "method":
            return preset.minutes[self.work]
        row = self.method
        if row.kind in ("base", "sft"):
            return preset.minutes["untrained"]
        if row.training.get("credit") == "trajectory":
            return preset.minutes["trajectory"]
        return preset.minutes[row.kind]


def shards(preset: Preset) -> list[Shard]:
    """All of a preset; what one needs stands before it. The cheap and the central ones come first."""
    found = [Shard("start-sft", "start-sft"), Shard("start-rewards", "start-rewards", needs=("start-sft",))]
    start = ("start-sft", "start-rewards")
    rows = list(ROWS.values())
    found += [Shard(row.name, "method", row.name, needs=start) for row in rows if not _trained(row)]
    for ablation, seeds in ((False, preset.seeds), (True, preset.ablation_seeds)):
        for seed in seeds:
            found += [
                Shard(f"{row.name}-{seed}", "method", row.name, seed, start)
                for row in rows
                if _trained(row) and row.ablation == ablation
            ]
    first = preset.seeds[0]
    for row in rows:
        if not row.ablation:
            speaker = f"{row.name}-{first}" if _trained(row) else row.name
            found.append(Shard(f"draws-{row.name}", "draws", row.name, first, (*start, speaker)))
    for guard in (False, True):
        needs = (*start, f"{TREATMENT}-{first}")
        found.append(Shard("ab-guard" if guard else "ab", "ab", TREATMENT, first, needs, guard))
    return found


def _trained(row: Row) -> bool:
    return row.kind in ("dpo", "rl")


def find(names: Iterable[str], known: Iterable[Shard]) -> tuple[list[Shard], list[str]]:
    """The shards of these names, in the plan's order, and the names that there are not."""
    wanted = set(names)
    found = [shard for shard in known if shard.name in wanted]
    return found, sorted(wanted - {shard.name for shard in found})


def remaining(left: Iterable[Shard], preset: Preset, taken: Mapping[str, tuple[Shard, float]]) -> float:
    """Minutes that these shards may take: as planned, times how far done ones were off the plan."""
    planned = sum(shard.planned(preset) for shard in left)
    expected = sum(shard.planned(preset) for shard, _ in taken.values())
    return planned * (sum(minutes for _, minutes in taken.values()) / expected if expected else 1.0)
