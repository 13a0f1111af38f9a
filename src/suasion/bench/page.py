"""The page: the paper's table beside ours, from the shards' JSON alone; what is missing is called so."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from suasion.bench import plots
from suasion.bench.compare import MEASURES, learned, wins
from suasion.bench.panels import Panel, figure, link
from suasion.bench.plan import TREATMENT, shards
from suasion.bench.preset import Preset
from suasion.bench.published import PUBLISHED, Published
from suasion.bench.record import read_records
from suasion.bench.results import MISSING, Results, cell, difference
from suasion.bench.rows import ROWS
from suasion.bench.stale import Present, code_version
from suasion.evaluation.lock import NAME, sha256
from suasion.negotiation.pack import Pack
from suasion.running.folder import write_text

BESIDE = ("fixed", "clean", "major", "severe")  # of the paper's table, measured here too
OUTCOMES = ("response", "success", "given", "off", "faults", "rules", "sop")
ONLINE = ("online_response", "online_success", "online_faults", "online_length")
COMPARED = ("fixed", "clean", "response", "success", "given", "faults", "sop")
ABLATED = ("clean", "success", "faults", "r_total")
HACKED = ("r_total", "r_model", "held_faults", "faults", "sop", "success")
LEARNED = {
    "dpo": "margin",
    "ppo": "r_model",
    "grpo": "r_model",
}  # what each was given; else R_total

Table = list[list[str]]


def build(
    preset_name: str,
    preset: Preset,
    folder: Path,
    page: Path,
    instruments: Path,
    panels: Sequence[Panel] = (),
) -> list[str]:
    """Write the page and its drawings (into `folder`); returns the names of the shards that are missing."""
    plan = shards(preset)
    records = read_records(folder, plan)
    now = Present(sha256(instruments / NAME), Pack.load(preset.run.pack).version, code_version())
    found = Results(preset, records, now.stale(records, plan))
    drawn = _draw(found, panels, folder)
    text = files("suasion").joinpath("bench", "templates", "paper.md.j2").read_text(encoding="utf-8")
    made = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701
    content = made.from_string(text).render(
        preset=preset_name,
        sizes=preset,
        rows=ROWS,
        done=len(found.records),
        missing=[one.name for one in found.plan if one.name not in found.records],
        commits=sorted({one.commit for one in found.records.values()}),
        dtypes=sorted({one.dtype for one in found.records.values()}),
        minutes=sum(one.minutes for one in found.records.values()),
        suites=sorted({one.suite_version for one in found.records.values() if one.suite_version}),
        stale=found.stale,
        now=now,
        failed=_failed(found),
        beside=_beside(found, panels),
        panels=[(one, link(one, page)) for one in panels],
        outcomes=_outcomes(found, OUTCOMES),
        online=_outcomes(found, ONLINE),
        comparisons=_comparisons(found),
        ablations=_ablations(found),
        hacking=_hacking(found),
        curves=_curves(found),
        draws=_wins(found),
        rivals=max(1, len(found.draws())),
        tests=found.tests(),
        examples=_examples(found),
        shards=[found.records[one.name] for one in found.plan if one.name in found.records],
        drawn=drawn,
        where=folder.name if folder.parent == page.parent else f"{folder.parent.name}/{folder.name}",
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, content)
    return [one.name for one in found.plan if one.name not in found.records]


def _failed(found: Results) -> dict[str, int]:
    """Negotiations that ended because the agent's call failed, by shard; none that has none."""
    counts = {
        record.shard: sum(talk["ending"].startswith("error") for talk in record.measures["evaluated"])
        for name in ROWS
        for record in found.of(name)
    }
    return {name: count for name, count in counts.items() if count}


def _beside(found: Results, panels: Sequence[Panel]) -> Table:
    table = []
    for name, row in ROWS.items():
        if row.ablation:
            continue
        told = PUBLISHED.get(name, Published())
        cells = [name]
        for field in fields(Published):
            paper = getattr(told, field.name)
            said = "–" if paper is None else f"{paper:g}"
            measured = field.name in MEASURES
            ours = cell(found, name, field.name) if measured else figure(panels, name, field.name)
            cells.append(f"{said} · {ours}")
        table.append(cells)
    return table


def _outcomes(found: Results, measures: Sequence[str]) -> Table:
    names = [name for name, row in ROWS.items() if not row.ablation]
    return [[name, *(cell(found, name, one) for one in measures)] for name in names]


def _comparisons(found: Results) -> Table:
    others = [name for name, row in ROWS.items() if not row.ablation and name != TREATMENT]
    return [[name, *(difference(found, name, TREATMENT, measure) for measure in COMPARED)] for name in others]


def _ablations(found: Results) -> Table:
    names = [name for name, row in ROWS.items() if row.ablation]
    return [
        [ROWS[name].says, *(difference(found, TREATMENT, name, measure) for measure in ABLATED)]
        for name in names
    ]


def _hacking(found: Results) -> Table:
    trained = [name for name, row in ROWS.items() if row.kind in ("dpo", "rl")]
    return [[name, *(difference(found, "sft", name, measure) for measure in HACKED)] for name in trained]


def _curves(found: Results) -> Table:
    table = []
    for name, row in ROWS.items():
        if row.kind not in ("dpo", "rl"):
            continue
        key = LEARNED.get(name, "r_total")
        ends = [learned(record, key) for record in found.of(name)]
        told = [f"{one[0]:+.2f} → {one[1]:+.2f}" for one in ends if one is not None]
        table.append([name, key, "; ".join(told) + found.mark(found.of(name)) if told else MISSING])
    return table


def _wins(found: Results) -> dict[str, Table]:
    """Of tickets and of responses: each method's share of the draws, and its rates there."""
    rows, mark = found.draws(), found.mark(found.done("draws"))  # a share is of all methods together
    tables: dict[str, Table] = {}
    for title, count, exposure in (("most tickets", "won", "tickets"), ("most answers", "answered", None)):
        shares = wins(rows, count, exposure)
        tables[title] = [
            [name, f"{100 * shares[name]:.0f} %{mark}" if name in shares else MISSING]
            for name, row in ROWS.items()
            if not row.ablation
        ]
    return tables


def _examples(found: Results) -> dict[str, str]:
    shown = {}
    for name, records in found.methods(False).items():
        for talk in records[0].measures["shown"][:1] if records else ():
            shown[name] = "\n".join(talk)
    return shown


def _draw(found: Results, panels: Sequence[Panel], folder: Path) -> list[str]:
    """The drawings for which there is something to draw."""
    main = {name: records for name, records in found.methods(False).items() if records}
    learning = {name: records for name, records in main.items() if any(one.curve for one in records)}
    contrasts = {
        name: {measure: one for measure in ABLATED if (one := found.contrast(TREATMENT, name, measure))}
        for name, row in ROWS.items()
        if row.ablation and found.of(name) and found.of(TREATMENT)
    }
    rows = found.draws()
    titles = {name: MEASURES[name].title for name in ABLATED}
    todo: dict[str, tuple[bool, Callable[[Path], None]]] = {
        "ratings": (bool(panels), lambda path: plots.draw_ratings(panels, path)),
        "curves": (bool(learning), lambda path: plots.draw_curves(learning, path)),
        "bad-cases": (bool(main), lambda path: plots.draw_grades(main, path)),
        "ablations": (bool(contrasts), lambda path: plots.draw_forest(contrasts, titles, path)),
        "draws": (bool(rows), lambda path: plots.draw_wins(wins(rows, "won", "tickets"), path)),
    }
    for name, test in found.tests().items():
        todo[name] = (bool(test["looks"]), partial(plots.draw_looks, test["looks"]))
    for name, (there, draw) in todo.items():
        if there:
            draw(folder / f"{name}.png")
    return [name for name, (there, _) in todo.items() if there]
