"""The OpenAI-compatible way in, by OpenAI's own client types where they are installed."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, Scripted, context_of

SAID = [
    {"role": "assistant", "content": "Hello, this is Lin from Voyara."},
    {"role": "user", "content": "What is it about?"},
]


def test_a_completion_is_the_guarded_reply(client: TestClient, brief: dict[str, Any]) -> None:
    openai = pytest.importorskip("openai.types.chat")
    asked = {"model": "suasion", "messages": SAID, "brief": brief, "temperature": 0.3}
    answer = client.post("/v1/chat/completions", json=asked)
    assert answer.status_code == 200
    completion = openai.ChatCompletion.model_validate(answer.json())
    assert completion.choices[0].finish_reason == "stop"
    assert "Queen Room" in completion.choices[0].message.content
    assert answer.json()["suasion"]["stage"] == "persuade"
    as_system = {"model": "x", "messages": [{"role": "system", "content": json.dumps(brief)}, *SAID]}
    assert client.post("/v1/chat/completions", json=as_system).json()["choices"] == answer.json()["choices"]


def test_a_stream_says_the_same_after_the_guard(make: Make, brief: dict[str, Any]) -> None:
    client = make(Scripted("We guarantee you more bookings."))
    asked = {"model": "suasion", "messages": SAID, "brief": brief}
    whole = client.post("/v1/chat/completions", json=asked).json()["choices"][0]["message"]["content"]
    more = {"stream": True, "stream_options": {"include_usage": True}}
    answer = client.post("/v1/chat/completions", json={**asked, **more})
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == whole
    assert "guarantee" not in answer.text
    assert chunks[-1]["usage"]["total_tokens"] > 0
    kept = context_of(client).service.store.events_after(0, 9, ("completion",))
    assert [event.data["guard"][0]["text"] for event in kept] == ["We guarantee you more bookings."] * 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"brief": None}, "brief"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages.0.content"),
        ({"tools": []}, "tools"),
        ({"n": 2}, "n"),
    ],
)
def test_what_it_can_not_do_is_refused(
    client: TestClient, brief: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    asked = {"model": "suasion", "messages": SAID, "brief": brief, **change}
    answer = client.post("/v1/chat/completions", json=asked)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
