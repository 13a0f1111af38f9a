"""The instrument that measures prices and rules on what others labelled, with floors under both."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[1] / "benchmarks" / "labelled.py"


@pytest.fixture(scope="module")
def labelled() -> ModuleType:
    spec = importlib.util.spec_from_file_location("labelled", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["labelled"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("locale", "recall", "precision"), [("en", 0.93, 0.92), ("zh", 0.98, 0.98)])
def test_prices_stay_found(labelled: ModuleType, locale: str, recall: float, precision: float) -> None:
    figures = labelled.prices(locale)
    assert figures["recall"] >= recall
    assert figures["precision"] >= precision


def test_rules_stay_as_good(labelled: ModuleType) -> None:
    seen = labelled.rules(odd=True)
    assert seen["hit"] >= 0.68
    assert seen["false_alarms"] <= 0.30
