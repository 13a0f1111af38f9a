"""Back-tests of drafts over the store's conversations: one at a time, beside the requests, kept as files."""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from pydantic import BaseModel, ConfigDict

from suasion.errors import InputError
from suasion.incidents.patch import PatchFile
from suasion.negotiation.dialogue import write_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.suite import RewardSuite
from suasion.running.folder import write_json, write_text
from suasion.serving.logs import LOG
from suasion.serving.store import Store
from suasion.serving.transcripts import records

RULES_ALONE = "Read by rules alone; `suasion patch backtest --preference RUN` reads R_total as well."


class Outcome(BaseModel):
    """What a page says of a back-test; `content` is the hash of the patch that was tried."""

    model_config = ConfigDict(frozen=True)

    headline: str
    lines: tuple[str, ...]
    state: str
    content: str
    found: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a patch's back-test is. `is_stale`: the patch was changed since."""

    is_running: bool = False
    fault: str = ""
    outcome: Outcome | None = None
    is_stale: bool = False


class Backtests:
    """For one event loop. Results lie beside the drafts, as ID.backtest.json and .html."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, asyncio.Task[None]] = {}
        self._faults: dict[str, str] = {}
        self._turn = asyncio.Semaphore(1)

    def start(self, patch: PatchFile, pack: Pack, store: Store) -> None:
        """Nothing, where one of the patch is under way."""
        name = patch.patch.id
        if name not in self._running:
            self._faults.pop(name, None)
            self._running[name] = asyncio.create_task(self._run(name, patch, pack, store))

    def stand(self, name: str, patch: PatchFile | None) -> Stand:
        path = self.folder / f"{name}.backtest.json"
        outcome = Outcome.model_validate_json(path.read_bytes()) if path.is_file() else None
        is_stale = outcome is not None and (patch is None or outcome.content != _hash(patch))
        return Stand(name in self._running, self._faults.get(name, ""), outcome, is_stale)

    def page(self, name: str) -> str | None:
        path = self.folder / f"{name}.backtest.html"
        return path.read_text(encoding="utf-8") if path.is_file() else None

    async def _run(self, name: str, patch: PatchFile, pack: Pack, store: Store) -> None:
        try:
            async with self._turn:
                await _beside(lambda: _measure(patch, pack, store, self.folder))
        except InputError as error:
            self._faults[name] = str(error)
        except Exception as error:  # noqa: BLE001 - told on the page, without its words
            LOG.error("back-test failed", exc_info=error)
            self._faults[name] = f"failed: {type(error).__name__}"
        finally:
            del self._running[name]


async def _beside(work: Callable[[], None]) -> None:
    """In a thread that a service which stops does not wait for."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()  # who stops waiting does not stop it

    def run() -> None:
        try:
            work()
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            done.set_exception(error)

    Thread(target=run, name="suasion-backtest", daemon=True).start()
    await asyncio.wrap_future(done)


def _measure(patch: PatchFile, pack: Pack, store: Store, folder: Path) -> None:
    """Raises InputError where it can't be done."""
    if patch.patch.criterion is not None:
        raise InputError("a criterion is read by a judge: `suasion patch backtest` does it", patch.path.name)
    try:
        from suasion.incidents.backtest import Sources, backtest_patch
        from suasion.incidents.findings import as_json
        from suasion.incidents.page import render_backtest
    except ImportError as error:
        raise InputError(f"needs {error.name}: install suasion[train]") from None
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "conversations.jsonl"
        write_dialogues(log, records(store, pack))
        sources = Sources(log, None, patch.patch.limits)
        found = backtest_patch(patch, RewardSuite(pack), sources, None, (RULES_ALONE,))
    outcome = Outcome(
        headline=found.headline,
        lines=tuple(found.lines()),
        state=found.state,
        content=_hash(patch),
        found=as_json(found),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{patch.patch.id}.backtest.html", render_backtest(found))
    write_json(folder / f"{patch.patch.id}.backtest.json", outcome.model_dump(mode="json"))


def _hash(patch: PatchFile) -> str:
    return hashlib.sha256(patch.content).hexdigest()
