"""The voice of the counterpart at a real endpoint: `transformers serve` with the embedded model."""

from pathlib import Path

import pytest
from tests.rewards.transformers_server import serving

from suasion.agents.intent import IntentAgent
from suasion.agents.remote import voice_at
from suasion.config import VoiceConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.deviations import CHECKS
from suasion.counterpart.simulate import managers, simulate
from suasion.counterpart.voice import tally
from suasion.language.acts import load_hearing
from suasion.negotiation.pack import Pack

from .conftest import cooperative


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_small_model_deviates_and_nothing_is_lost(pack: Pack, tmp_path: Path) -> None:
    """It is too small to speak well: each text is said, or tagged and replaced."""
    briefs, hearing = draw_briefs(pack, 3, seed=2), load_hearing(pack)
    plain = simulate(IntentAgent(pack), briefs, 2, pack=pack, hidden=cooperative)
    settings = VoiceConfig(timeout_s=300, concurrency=2, max_tokens=60, tries=2)
    with serving(tmp_path) as (url, model):
        voice = voice_at(url, pack, str(model), settings)
        made = managers(pack, hearing, cooperative, voice)
        talks = simulate(
            IntentAgent(pack), briefs, 2, pack=pack, counterpart=made, at_once=settings.concurrency
        )
    assert tally(talks)["endpoint"] == 0, "the server answered each time"
    for talk, by_phrases in zip(talks, plain, strict=True):
        assert talk.outcome is not None
        assert by_phrases.outcome is not None
        extra = talk.outcome.model_extra or {}
        assert extra["counterpart_acts"] == (by_phrases.outcome.model_extra or {})["counterpart_acts"]
        assert talk.outcome.tickets == by_phrases.outcome.tickets
        fallen = {one["turn"] for one in extra["deviations"] if one["kind"] == "fallback"}
        said = [turn for turn in talk.turns if turn.speaker == "counterpart"]
        for turn, act in zip(said, extra["counterpart_acts"], strict=True):
            assert act == "silence" or act in hearing.hear("counterpart", turn.text or "")
        for place, turn in enumerate(talk.turns):
            tries = [one for one in extra["deviations"] if one["turn"] == place]
            assert {one["kind"] for one in tries} <= {"fallback", *CHECKS}
            assert (place in fallen) == (len(tries) == settings.tries + 1)
            assert turn.speaker == "counterpart" or not tries
