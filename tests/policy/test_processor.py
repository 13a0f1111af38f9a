"""What the processor is asked before a run."""

import pytest
import torch

from suasion.policy import processor


def test_the_speed_of_a_layer_is_tokens_by_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers of 30 tokens in a pass of one second, the fastest: 60 tokens a second."""
    clock = iter([0.0, 50.0, 60.0, 61.0, 67.0, 69.0])
    monkeypatch.setattr(processor.time, "perf_counter", lambda: next(clock))
    assert processor.layer_speed(torch.float32, tokens=30, layers=2, repeats=3) == pytest.approx(60.0)
    assert next(clock, None) is None, "each pass was timed once"


def test_speeds_are_measured_here() -> None:
    assert processor.layer_speed(torch.float32, tokens=30, layers=1, repeats=1) > 0
    assert processor.matrix_speed(torch.float32, size=64, repeats=1) > 0
    assert processor.choose_dtype() in (torch.float32, torch.bfloat16)
