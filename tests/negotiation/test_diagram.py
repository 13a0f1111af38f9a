"""The drawn SOP has every stage, every exit and every requirement of the data."""

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.negotiation.diagram import draw_sop
from suasion.negotiation.pack import Pack


@pytest.mark.parametrize("name", ["hotel", "generic"])
def test_nothing_is_left_out(name: str) -> None:
    sop = Pack.load(name).sop
    parts = draw_sop(sop).split("\n")
    for stage in (*sop.stages, *sop.side_states):
        start = next(i for i, line in enumerate(parts) if line.startswith((f"{stage.id}:", f"{stage.id} (")))
        rest = parts[start + 1 :]
        own = rest[: next((i for i, line in enumerate(rest) if not line.startswith("    ")), len(rest))]
        assert stage.goal in parts[start]
        assert all(event in parts[start] for event in stage.on)
        for leave in stage.exits:
            assert any(f"→ {leave.to} " in line and leave.on in line for line in own)
        for act in (*stage.requires, *stage.requires_any, *stage.forbids):
            assert any(act in line for line in own)


def test_it_reads_like_this() -> None:
    drawn = draw_sop(Pack.load("hotel").sop)
    assert "    must not say confirm\n    → decline  after 3 replies here\n" in drawn
    assert "close (end): thank the hotel and say goodbye\n    must say bye\n" in drawn


@pytest.mark.parametrize(("options", "drawn"), [([], True), (["--sop"], True), (["--no-sop"], False)])
def test_pack_check_draws_it_unless_told_not_to(options: list[str], drawn: bool) -> None:
    result = CliRunner().invoke(main, ["pack", "check", "generic", *options])
    assert result.exit_code == 0
    assert (draw_sop(Pack.load("generic").sop) in result.stdout) == drawn
    assert result.stdout.splitlines()[-1].startswith("generic ")
