"""Doing shards: train or load the method, measure it, write its JSON."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suasion.bench.instruments import Instruments, describe
from suasion.bench.plan import CONTROL, Shard
from suasion.bench.preset import Preset
from suasion.bench.record import Record, write_record
from suasion.bench.rows import ROWS
from suasion.bench.stale import code_version
from suasion.bench.workshop import Workshop
from suasion.evaluation import experiment
from suasion.evaluation.ab import analyse_log
from suasion.evaluation.ab_guard import tell_guard
from suasion.evaluation.guarded_talks import under_guard
from suasion.negotiation.pack import Pack
from suasion.running.folder import provenance

AB_SEED = 11
CURVE = (
    "step", "r_total", "r_model", "e_judge", "e_func", "violations_per_100", "kl", "entropy", "reply_tokens",
    "explained_variance", "validation", "loss", "margin", "accuracy", "prospect", "won", "replies", "time_s",
)  # fmt: skip


class Clock:
    """Seconds of each phase."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.phases[name] = round(time.perf_counter() - start, 1)


def run_shard(
    shard: Shard, preset_name: str, preset: Preset, work: Path, folder: Path, output: Path, command: str
) -> Path:
    """Do one shard in `work` with the instruments of `folder`; its JSON lies in `output` afterwards.

    Raises InputError where the lock does not hold, or something that the shard needs is not there.
    """
    instruments = Instruments(folder, Pack.load(preset.run.pack))
    locked, code = instruments.locked(), code_version()
    shop, clock, start = Workshop(preset, work, command), Clock(), time.perf_counter()
    found = _DO[shard.work](shard, shop, instruments, clock)
    made = provenance(command)
    return write_record(
        output,
        Record(
            shard=shard.name,
            work=shard.work,
            row=shard.row,
            seed=shard.seed,
            preset=preset_name,
            command=command,
            commit=made["commit"],
            versions=made["versions"],
            pack=instruments.pack.version,
            code=code,
            suite_version=found.get("suite_version"),
            paid_by=found.get("paid_by"),
            instruments=describe(locked),
            lock=instruments.lock_hash,
            dtype=shop.config.model.dtype,
            finished=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            minutes=round((time.perf_counter() - start) / 60, 2),
            phases=clock.phases,
            settings=found.get("settings", {}),
            curve=found.get("curve", []),
            measures=found["measures"],
        ),
    )


def _start_sft(shard: Shard, shop: Workshop, instruments: Instruments, clock: Clock) -> dict[str, Any]:
    with clock.phase("sft"):
        shop.fit_start()
    return {"measures": {}, "settings": shop.config.model_dump(mode="json")}


def _start_rewards(shard: Shard, shop: Workshop, instruments: Instruments, clock: Clock) -> dict[str, Any]:
    with clock.phase("rewards"):
        figures = shop.fit_rewards()
    return {"measures": {"rewards": figures}, "suite_version": shop.suite.version}


def _method(shard: Shard, shop: Workshop, instruments: Instruments, clock: Clock) -> dict[str, Any]:
    preset, folder = shop.preset, shop.work / shard.name
    with clock.phase("training"):
        agent, records, paid = shop.train(shard)
    with clock.phase("instruments"):
        measures = instruments.measure(agent, preset, folder, shard.seed)
    with clock.phase("held out"):
        contexts = shop.data.test_contexts[: preset.contexts]
        measures["held_out"] = instruments.held_out(agent, shop.suite, contexts)
    trained = shard.method.kind in ("rl", "dpo")
    return {
        "measures": measures,
        "suite_version": shop.suite.version,
        "paid_by": paid.version if trained else None,
        "settings": shop.settings(shard).training.model_dump(mode="json") if trained else {},
        "curve": [{key: row[key] for key in CURVE if row.get(key) is not None} for row in records],
    }


def _draws(shard: Shard, shop: Workshop, instruments: Instruments, clock: Clock) -> dict[str, Any]:
    agent = shop.speaker(shard)
    with clock.phase("draws"):
        rows = instruments.draws(agent, shop.preset, shop.work / shard.name)
    return {"measures": {"draws": rows}}


def _ab(shard: Shard, shop: Workshop, instruments: Instruments, clock: Clock) -> dict[str, Any]:
    preset, pack = shop.preset, shop.pack
    agents = shop.speaker(shard), shop.speaker(Shard(CONTROL, "method", CONTROL))
    treated, control = (under_guard(agent, pack, shard.guard) for agent in agents)
    with clock.phase("conversations"):
        planned = experiment.plan(pack, preset.conversations, preset.parties, AB_SEED)
        log, failed = experiment.run(treated, control, planned, pack)
    shares = {experiment.CONTROL: 1.0, experiment.TREATMENT: 1.0}
    found = analyse_log(log, experiment.CONTROL, shares)
    with clock.phase("A/A"):
        own = [one for one in log if one.arm == experiment.CONTROL]
        alarms = experiment.false_alarms(own, 200, AB_SEED)
    found["aa"] = {name: asdict(one) for name, one in alarms.items()}
    found |= {"looks": experiment.looks(log), "failed": len(failed)}
    told = {arm: tell_guard(log, arm) for arm in (experiment.TREATMENT, experiment.CONTROL)}
    found["guard"] = {arm: one for arm, one in told.items() if one}
    found |= {"treatment": ROWS[shard.row or ""].says, "control": ROWS[CONTROL].says}
    return {"measures": {"ab": found}}


_DO: dict[str, Callable[[Shard, Workshop, Instruments, Clock], dict[str, Any]]] = {
    "start-sft": _start_sft,
    "start-rewards": _start_rewards,
    "method": _method,
    "draws": _draws,
    "ab": _ab,
}
