"""Ratings on the page: from reports of the panel's own command, each under its raters' name."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.bench.panels import figure, link, read_panel
from suasion.cli import main
from suasion.errors import InputError
from suasion.evaluation.ratings import Rating, write_ratings

HOTEL = Path(__file__).parents[2] / "benchmarks" / "hotel"
RATINGS = {"grpo": (3, 4, 3, 4), "repo": (5, 4, 4, 5)}  # of the first rater; the second's first is one less


def ratings() -> list[Rating]:
    """Two raters of four briefs by two methods; REPO's first and last have a message that both mark."""
    found = []
    for method, scores in RATINGS.items():
        for brief, score in enumerate(scores):
            marks = (2,) if method == "repo" and brief in (0, 3) else ()
            for rater, less in (("r1", 0), ("r2", int(brief == 0))):
                name = f"{method}-{brief}"
                found.append(Rating(rater, name, method, f"1-{brief}", score - less, 4, marks))
    return found


def report(folder: Path, name: str = "panel.json", raters: str = "AI raters") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_ratings(folder / "ratings.jsonl", ratings())
    words = ["panel", "report", "--ratings", str(folder / "ratings.jsonl"), "--raters", raters]
    assert CliRunner().invoke(main, [*words, "--json", str(folder / name)]).exit_code == 0
    return folder / name


def page(place: Path, *words: str) -> str:
    told = CliRunner().invoke(
        main,
        ["bench", "page", "--preset", "tiny", "--results", str(place / "out"), "--instruments", str(HOTEL),
         "--output", str(place / "page.md"), *words],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    return (place / "page.md").read_text("utf-8")


def test_a_panel_reaches_the_page_under_its_raters_name(tmp_path: Path) -> None:
    """REPO: 4, 4, 4, 5 by the lower median, two of four excellent; GRPO: 2, 4, 3, 4 and none."""
    text = page(tmp_path, "--panel", str(report(tmp_path / "rated")))
    beside = next(line for line in text.splitlines() if line.startswith("| repo | 4.63 ·"))
    assert beside.split(" | ")[1].startswith("4.63 · 4.25 (")
    assert beside.split(" | ")[2].startswith("66.67 · 50.0 (")
    assert beside.count(" by AI raters") == 2
    assert "| sft | – · missing | – · missing |" in text
    assert "**Raters: AI raters** (r1, r2); the paper's are three experts." in text
    assert "| AI raters | dialogues | rating, 1 to 5 |" in text
    assert "| grpo | 4 | 3.25 (" in text
    assert "| sft | missing | missing | missing | missing |" in text
    found = json.loads((tmp_path / "rated" / "panel.json").read_text("utf-8"))
    alpha = found["agreement"]["rating"]
    assert f"| rating | {alpha['value']:.2f} ({alpha['low']:.2f} to {alpha['high']:.2f}) | 8 |" in text
    assert "| human-like | none: nothing varies | 8 |" in text
    assert "| repo - grpo | +1.00 (" in text
    assert "([JSON](rated/panel.json), commit " in text
    assert "![Ratings](out/ratings.png)" in text
    assert (tmp_path / "out" / "ratings.png").stat().st_size > 5_000
    assert "no report of a panel" not in text


def test_without_a_panel_the_page_says_so(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert "4.63 · missing" in text
    assert text.count("no report of a panel of raters was given") == 3
    assert "ratings.png" not in text


def test_panels_among_the_results_are_taken_and_never_pooled(tmp_path: Path) -> None:
    report(tmp_path / "out", "panel-1.json")
    report(tmp_path / "out", "panel-2.json", "our trainers")
    text = page(tmp_path)
    beside = next(line for line in text.splitlines() if line.startswith("| repo | 4.63 ·"))
    assert beside.index(" by AI raters; 4.25 (") < beside.index(" by our trainers")
    assert text.count("**Raters: ") == 2


def test_what_is_no_report_is_named(tmp_path: Path) -> None:
    path = report(tmp_path)
    assert link(read_panel(path), tmp_path / "docs" / "page.md") == "../panel.json"
    assert figure([read_panel(path)], "dpo", "rating") == "missing"
    content = json.loads(path.read_text("utf-8"))
    for broken in ("[]", "{", json.dumps(content | {"raters": ""}), json.dumps(content | {"methods": {}})):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match=r"panel\.json: not the JSON of `panel report`"):
            read_panel(path)
    words = ["bench", "page", "--results", str(tmp_path), "--panel", str(tmp_path / "none.json")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "none.json" in told.output
