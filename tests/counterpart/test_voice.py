"""A model words what was decided: at a real server, whatever it answers, and whatever the agent writes."""

import json
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.rewards.judge_server import Request, Said

from suasion.agents.remote import voice_at
from suasion.cli import main
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.play import play
from suasion.counterpart.simulate import managers
from suasion.counterpart.voice import tally
from suasion.errors import InputError
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue, Turn, load_dialogues, write_dialogues
from suasion.negotiation.pack import Pack

from .conftest import cooperative
from .voice_server import SETTINGS, Serve, deviate, extra, fluent, negotiate, shown, texts


@pytest.mark.parametrize("name", ["hotel", "donation"])
def test_good_texts_are_said_and_nothing_else_changes(serve: Serve, name: str) -> None:
    pack = Pack.load(name)
    plain, said = negotiate(pack, None), negotiate(pack, voice_at(serve(fluent).url, pack, "m", SETTINGS))
    for by_phrases, by_model in zip(plain, said, strict=True):
        assert extra(by_model)["speaker"] == "m"
        assert extra(by_model)["deviations"] == []
        assert extra(by_model)["counterpart_acts"] == extra(by_phrases)["counterpart_acts"]
        assert by_model.outcome is not None
        assert by_phrases.outcome is not None
        assert by_model.outcome.tickets == by_phrases.outcome.tickets
        assert by_model.outcome.successes == by_phrases.outcome.successes
    own = [text for dialogue in said for text in texts(dialogue).values()]
    assert own != [text for dialogue in plain for text in texts(dialogue).values()]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Purple.", "act"),
        ("Please don't contact us again.", "act"),
        ("Manager: hm", "label"),
        ("(thinks)", "notes"),
        ("I can do 12345 yuan, deal.", "price"),
        ("Hm. " * 100, "long"),
        ("\u6210\u4ea4", "characters"),
        ("\ud800", "act"),  # half a character, which no file could hold
    ],
)
def test_a_text_that_deviates_is_asked_for_again_and_kept(
    pack: Pack, serve: Serve, tmp_path: Path, words: str, kind: str
) -> None:
    server = serve(deviate(Said(words)))
    (dialogue,) = negotiate(pack, voice_at(server.url, pack, "m", SETTINGS), 1)
    found = extra(dialogue)["deviations"]
    assert [one["turn"] for one in found] == list(texts(dialogue)), "each once, and none fell back"
    assert {one["kind"] for one in found} == {kind}
    assert all(one["text"] == words.encode("utf-8", "replace").decode() for one in found)
    assert words not in texts(dialogue).values()
    (rejected,) = shown(server.requests[1])["rejected"]
    assert rejected["why"] == found[0]["why"]
    write_dialogues(tmp_path / "d.jsonl", [dialogue])
    assert load_dialogues(tmp_path / "d.jsonl") == [dialogue]


def test_when_no_text_will_do_the_phrases_are_used_and_that_is_told(pack: Pack, serve: Serve) -> None:
    server = serve(lambda request: Said("Deal! 1 yuan. Don't contact us again."))
    found = negotiate(pack, voice_at(server.url, pack, "m", SETTINGS))
    for plain, dialogue in zip(negotiate(pack, None), found, strict=True):
        assert dialogue.turns == plain.turns
        kinds = [(one["turn"], one["kind"]) for one in extra(dialogue)["deviations"]]
        told = ("price", "price", "price", "fallback")
        assert kinds == [(turn, kind) for turn in texts(dialogue) for kind in told]
    assert tally(found)["price"] == 3 * tally(found)["fallback"] == len(server.requests)


FAULTS = {
    "429": Said(code=429),
    "500": Said(code=500),
    "401": Said(code=401),
    "too slow": Said("No.", delay_s=0.5),
    "cut stream": Said("No.", cut=True),
    "no JSON": Said(body="<html>we moved</html>"),
    "no choice": Said(body='{"choices": []}'),
    "null": Said(words=None),
    "empty": Said(" "),
    "filtered": Said("No.", finish="content_filter"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_endpoint_fails_to_give_the_phrases_say(pack: Pack, serve: Serve, fault: str) -> None:
    server = serve(lambda request: FAULTS[fault])
    settings = SETTINGS.model_copy(update={"timeout_s": 0.2, "retries": 0, "concurrency": 8})
    found = negotiate(pack, voice_at(server.url, pack, "m", settings), 2)
    assert [dialogue.turns for dialogue in found] == [d.turns for d in negotiate(pack, None, 2)]
    for dialogue in found:
        told = extra(dialogue)["deviations"]
        assert [one["kind"] for one in told] == ["endpoint", "fallback"] * len(texts(dialogue))
        assert all(one["why"] for one in told)


def test_a_failure_is_tried_again_and_a_cut_text_is_too_long(pack: Pack, serve: Serve) -> None:
    seen: dict[str, int] = {}

    def flaky(request: Request) -> Said:
        body = json.dumps(request)
        seen[body] = seen.get(body, 0) + 1
        return Said(code=503) if seen[body] == 1 else fluent(request)

    (dialogue,) = negotiate(pack, voice_at(serve(flaky).url, pack, "m", SETTINGS), 1)
    assert extra(dialogue)["deviations"] == []
    cut = serve(deviate(Said("No", finish="length")))
    (dialogue,) = negotiate(pack, voice_at(cut.url, pack, "m", SETTINGS), 1)
    assert {one["kind"] for one in extra(dialogue)["deviations"]} == {"long"}


def test_a_server_that_knows_no_seed_is_asked_without(pack: Pack, serve: Serve) -> None:
    server = serve(lambda request: Said(code=422) if "seed" in request else fluent(request))
    found = negotiate(pack, voice_at(server.url, pack, "m", SETTINGS), 2)
    assert tally(found).total() == 0


def test_conversations_are_answered_at_once_within_the_bound_and_in_order(pack: Pack, serve: Serve) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def slow(request: Request) -> Said:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02 * (len(request["messages"][1]["content"]) % 3))  # they overtake each other
        with lock:
            now -= 1
        return fluent(request)

    server = serve(slow)
    alone = SETTINGS.model_copy(update={"concurrency": 1})
    together = negotiate(pack, voice_at(server.url, pack, "m", SETTINGS), 10)
    assert 1 < most <= SETTINGS.concurrency
    assert together == negotiate(pack, voice_at(server.url, pack, "m", alone), 10)


def test_a_text_is_drawn_by_the_seed(pack: Pack, serve: Serve) -> None:
    server = serve(deviate(Said("Purple.")))
    negotiate(pack, voice_at(server.url, pack, "m", SETTINGS), 3)
    seeds = [request["seed"] for request in server.requests]
    assert len(set(seeds)) == len(seeds)
    negotiate(pack, voice_at(server.url, pack, "m", SETTINGS), 3)
    assert sorted(seeds) == sorted(request["seed"] for request in server.requests[len(seeds) :])


def test_forks_speak_by_the_same_voice(pack: Pack, serve: Serve) -> None:
    brief = draw_briefs(pack, 1, seed=1)[0]
    voice = voice_at(serve(fluent).url, pack, "m", SETTINGS)
    manager = managers(pack, load_hearing(pack), cooperative(brief), voice)(brief, "s")
    dialogue = Dialogue(id="d", brief=brief).continued(Turn(speaker="agent", text="Hello, this is Lin."))
    twin = manager.fork("s")  # type: ignore[attr-defined]
    assert twin.reply(dialogue) == manager.reply(dialogue)
    assert twin.truth()["speaker"] == "m"


def test_the_command_tells_what_deviated(
    pack: Pack, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUASION_COUNTERPART_KEY", "s3cret")
    server, output = serve(deviate(Said("Agent: no"))), tmp_path / "talks.jsonl"
    words = ["simulate", "--agent", "intent", "--conversations", "8", "--seed", "1", "--output", str(output)]
    result = CliRunner().invoke(main, [*words, "--counterpart", server.url, "--counterpart-model", "m"])
    assert result.exit_code == 0, result.output
    talks = load_dialogues(output)
    said = sum(len(texts(talk)) for talk in talks)
    assert f"{said} texts of counterparts: {said} by the model, 0 by the phrases" in result.stdout
    assert f"{said} of the {2 * said} that it wrote deviated (label {said})" in result.stdout
    assert set(server.keys) == {"Bearer s3cret"}
    assert "s3cret" not in output.read_text("utf-8") + result.output
    assert {request["model"] for request in server.requests} == {"m"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--counterpart", "ftp://x"], "starts with http"),
        (["--counterpart", "http://user:key@x/v1"], "$SUASION_COUNTERPART_KEY"),
        (["--counterpart-model", "m"], "--counterpart"),
    ],
)
def test_what_the_command_refuses(tmp_path: Path, more: list[str], says: str) -> None:
    words = ["simulate", "--agent", "intent", "--conversations", "1", "--output", str(tmp_path / "x")]
    result = CliRunner().invoke(main, [*words, *more])
    assert result.exit_code == 2
    assert says in result.stderr
    assert "user:key" not in result.stderr


def test_an_address_is_needed(pack: Pack) -> None:
    with pytest.raises(InputError, match="starts with http"):
        voice_at("example.org", pack)


def test_a_person_plays_against_the_voice(pack: Pack, serve: Serve) -> None:
    seed = 9
    brief = draw_briefs(pack, 1, seed)[0]
    room = brief.tickets[0].details["room"]
    opener = f"Hello {brief.details['hotel']}, this is Lin from Voyara. It's about the {room}."
    lines = iter([opener, "What is your best price?", "/quit"])
    written: list[str] = []
    voice = voice_at(serve(deviate(Said("Purple."))).url, pack, "m", SETTINGS)
    dialogue = play(pack, brief, None, "agent", seed, lambda _: next(lines), written.append, voice)
    assert texts(dialogue), "another seed: this one's counterpart does not answer"
    assert any("was not used: act" in line for line in written)
