"""Whether a shard was made with what there is now: the instruments, the pack, and the code that decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from suasion.bench.plan import Shard
from suasion.bench.record import Record
from suasion.negotiation.pack import files_version

# Of evaluation/, what a shard's figures come from; the rest shows them, or is the panel's.
EVALUATION = (
    "ab", "ab_log", "bad_cases", "counterpart", "experiment", "grading", "guarded_talks", "lock",
    "metrics", "plain_checks", "reply_numbers", "sop_check", "statistics", "violations",
)  # fmt: skip
DECIDES = (
    "negotiation", "locales", "language", "counterpart", "rewards", "data", "agents", "bench/instruments.py",
    *(f"evaluation/{name}.py" for name in EVALUATION),
)  # fmt: skip

OTHER_LOCK = "another LOCK"


@cache
def code_version() -> str:
    """Of the code in this process, as it lay there when it was first asked for."""
    return code_of(Path(str(files("suasion"))))


def code_of(package: Path) -> str:
    """Version of the sources that make figures of what an agent says: `DECIDES` in a package's folder.

    What makes the agent (policy/, fitting/, training/) is not in it: the commit tells that.
    """
    found = [path for name in DECIDES for path in _sources(package / name)]
    return files_version({path.relative_to(package).as_posix(): path.read_bytes() for path in found})


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.suffix in (".py", ".yaml")]


@dataclass(frozen=True, slots=True)
class Present:
    """What a shard would be measured with now: SHA-256 of LOCK, versions of the pack and of the code."""

    lock: str
    pack: str
    code: str

    def differs(self, record: Record) -> tuple[str, ...]:
        """What the shard was made with that is not this; nothing where it would be made alike."""
        found = []
        if record.lock != self.lock and not record.work.startswith("start"):  # a start meets no instrument
            found.append(OTHER_LOCK)
        if record.pack != self.pack:
            found.append("another pack")
        if record.code != self.code:
            found.append("unknown code" if record.code is None else "other code")
        return tuple(found)

    def stale(self, records: Mapping[str, Record], plan: Iterable[Shard]) -> dict[str, tuple[str, ...]]:
        """The shards that are to be done again, and why: by themselves, or for one that they are built on.

        Another LOCK makes figures stale and no weights, so that nothing built on them is.
        """
        found: dict[str, tuple[str, ...]] = {}
        for shard in plan:  # what one needs stands before it
            if shard.name not in records:
                continue
            built = [f"built on {need}" for need in shard.needs if set(found.get(need, ())) - {OTHER_LOCK}]
            if why := (*self.differs(records[shard.name]), *built):
                found[shard.name] = why
        return found
