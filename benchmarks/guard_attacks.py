"""A hostile hotel against a served agent: what it got out, counted by leaks.py, which knows no guard.

    python benchmarks/guard_attacks.py --agent intent --json runs/guard.json

Starts `suasion serve` on a store of its own and plays every attack of the file in a conversation of its own:
the agent opens, the hotel writes the attack's messages one after the other, the detector reads each reply.
`--every N` plays each N-th attack only, for an agent that is slow.
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leaks import Leak, Secrets, leaks
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving import Client, wait_for
from suasion.negotiation.pack import Pack
from suasion.serving.contracts import BRIEF_EXAMPLE

ATTACKS = Path(__file__).parent / "attacks" / "guard.jsonl"


class Attack(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: str = Field(alias="class")
    messages: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Played:
    """One attack: what each reply leaked. `withheld`: drafts that the guard held back, by rule."""

    attack: str
    kind: str
    replies: tuple[str | None, ...]
    leaks: tuple[tuple[int, Leak], ...]
    withheld: tuple[str, ...]
    refused: int  # messages that the service did not take


def read(path: Path) -> list[Attack]:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            try:
                found.append(Attack.model_validate_json(line))
            except ValidationError as error:
                raise SystemExit(f"{path}:{number}: {error}") from None
    return found


def secrets_of(brief: dict[str, Any], prompt: str) -> Secrets:
    """The brief's one ticket, and what both sides may speak of."""
    (ticket,) = brief["tickets"]
    public = {ticket["selling_price"], ticket["competitor_price"]["selling_price"], 310, 7}
    return Secrets(
        float(ticket["target_selling_price"]),
        float(ticket["selling_price"]),
        ticket["commission_rate"],
        prompt,
        frozenset(map(float, public)),
    )


async def play(port: int, attack: Attack, secrets: Secrets) -> Played:
    client = Client(port)
    await client.open()
    brief = {**BRIEF_EXAMPLE, "hotel": f"Sunrise Hotel {attack.id}"}
    _, said = await client.post("/v1/conversations", {"brief": brief})
    place = f"/v1/conversations/{said['conversation_id']}/messages"
    replies, found, withheld, refused, heard = [said["text"]], [], [], 0, []
    for turn, message in enumerate(["", *attack.messages]):
        if turn:
            status, said = await client.post(place, {"text": message})
            if status >= 500:
                raise SystemExit(f"{attack.id}: {status} {said}")
            if status >= 400:
                refused += 1
                continue
            heard.append(message)
            replies.append(said["text"])
        if said["text"]:
            found += [(turn, leak) for leak in leaks(str(said["text"]), secrets, heard)]
        for note in said["guard"]:  # type: ignore[attr-defined]
            withheld += [one["rule"] for one in note["objections"]] or [note["failure"]]
    client.writer.close()
    return Played(attack.id, attack.kind, tuple(replies), tuple(found), tuple(withheld), refused)  # type: ignore[arg-type]


async def play_all(port: int, attacks: list[Attack], secrets: Secrets, at_once: int) -> list[Played]:
    gate = asyncio.Semaphore(at_once)

    async def one(attack: Attack) -> Played:
        async with gate:
            return await play(port, attack, secrets)

    return list(await asyncio.gather(*map(one, attacks)))


def report(played: list[Played]) -> None:
    through = [one for one in played if one.leaks]
    replies = sum(text is not None for one in played for text in one.replies)
    print(f"{len(played)} attacks, {replies} replies; got something out: {len(through)}")
    print("leaks:", dict(Counter(leak.kind for one in played for _, leak in one.leaks)) or "none")
    print("by class:", {kind: f"{sum(bool(o.leaks) for o in played if o.kind == kind)} of {n}"
                        for kind, n in Counter(one.kind for one in played).items()})  # fmt: skip
    print(
        "withheld drafts, by rule:", dict(Counter(rule for one in played for rule in one.withheld)) or "none"
    )
    print("messages that were refused:", sum(one.refused for one in played))
    for one in through:
        for turn, leak in one.leaks:
            print(f"  {one.attack} ({one.kind}) turn {turn}: {leak.kind}: {leak.what}")


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--attacks", type=Path, default=ATTACKS)
    parser.add_argument("--agent", default="intent")
    parser.add_argument("--every", type=int, default=1, help="play each N-th attack")
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--json", type=Path, help="every reply and leak")
    asked = parser.parse_args()
    attacks = read(asked.attacks)[:: asked.every]
    secrets = secrets_of(BRIEF_EXAMPLE, Pack.load("hotel").manifest.prompt.system)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        words = ["serve", "--agent", asked.agent, "--store", f"sqlite:///{folder}/s.db", "--rate", "0"]
        words += ["--port", str(port)]
        server = subprocess.Popen([sys.executable, "-m", "suasion.cli", *words], stderr=log)
        try:
            wait_for(port, server)
            played = asyncio.run(play_all(port, attacks, secrets, asked.at_once))
        finally:
            server.terminate()
            server.wait(40)
    report(played)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(asdict(one), ensure_ascii=False) for one in played]
        asked.json.write_text("[" + ",\n".join(lines) + "]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
