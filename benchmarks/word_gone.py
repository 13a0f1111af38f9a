"""From an incident to an agent that no longer says it: every command of the way, and what came of it.

    python benchmarks/word_gone.py --run runs/quickstart --word "fair point" --config configs/onward.toml \\
        --output runs/word-gone

The run's agent answers held-out contexts; the first of its replies that has the word is filed as an incident.
A patch is drafted, checked, tried on all these replies, and applied to a copy of the run's pack; the run goes
on from there (`suasion train repo --from`). Then both agents are compared: the share of replies with the word
and the rules that they break on the same held-out contexts, and the bad cases. What is there is used again.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from suasion.data.splits import prepare
from suasion.errors import InputError
from suasion.evaluation.statistics import mcnemar, paired_difference, paired_proportion_difference
from suasion.negotiation.dialogue import Dialogue, load_dialogues, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.running.folder import load_run_config, provenance, write_json

SEED = 7_001  # of the replies that are compared, the same for both agents
CASES = Path(__file__).parent / "hotel" / "bad_cases.jsonl"


def suasion(*words: object) -> float:
    """One command as a user gives it; its seconds. Raises SystemExit where it fails."""
    told = [str(word) for word in words]
    print("$ suasion", *told, flush=True)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "suasion.cli", *told], check=False)
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode}")
    return round(time.perf_counter() - start, 1)


def contexts(run: Path, count: int, target: Path) -> None:
    """Held-out contexts, none of which any training, choice of policy or patch has seen."""
    config = load_run_config(run)
    size = config.evaluation.model_copy(update={"contexts": count})
    data = prepare(Pack.load(config.pack), config.model_copy(update={"evaluation": size}))
    write_dialogues(target, data.test_contexts)


def incident_of(replies: list[Dialogue], word: str) -> tuple[Dialogue, str]:
    """The first reply that has the word, once, and the word as it stands there."""
    for one in replies:
        found = re.findall(re.escape(word), one.reply or "", re.IGNORECASE)
        if len(found) == 1:
            return one, found[0]
    raise InputError(f"no reply of the agent has {word!r} once: there is no incident to file")


def compare(before: list[Dialogue], after: list[Dialogue], pattern: str, pack: Pack) -> dict[str, Any]:
    """The share of replies with the word, and the other rules' objections a reply, over pairs."""
    rules, said, broken = RuleSet.load(pack), [], []
    for replies in (before, after):
        hits = [rules.check(one).evidence for one in replies]
        said.append([any(hit.name == pattern for hit in found) for found in hits])
        broken.append([float(sum(hit.points < 0 and hit.name != pattern for hit in found)) for found in hits])
    briefs = [one.brief.model_dump_json() for one in before]
    word, others = paired_proportion_difference(*said), paired_difference(*broken, briefs)
    return {
        "contexts": len(before),
        "word": {"before": sum(said[0]), "after": sum(said[1]), "p_value": mcnemar(*said)}
        | {"difference": [word.estimate, word.low, word.high]},
        "other_violations": {"before": sum(broken[0]), "after": sum(broken[1])}
        | {"difference": [others.estimate, others.low, others.high]},
        "mean_words": [sum(len((d.reply or "").split()) for d in one) / len(one) for one in (before, after)],
        "unique": [len({d.reply for d in one}) / len(one) for one in (before, after)],
    }


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--run", type=Path, required=True, help="a finished run")
    parser.add_argument("--word", required=True, help="what it must no longer say")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--config", type=Path, help="how it trains and is evaluated from now on")
    parser.add_argument("--contexts", type=int, default=200, help="held-out ones on which both are compared")
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--max-share", type=float, default=0.5, help="of replies that the rule may object to")
    asked = parser.parse_args()
    out, seconds = asked.output, {}
    out.mkdir(parents=True, exist_ok=True)
    held_out, said, now_said = (out / f"{name}.jsonl" for name in ("contexts", "before", "after"))
    bad = [out / f"bad-cases-{name}.json" for name in ("before", "after")]
    try:
        if not held_out.exists():
            contexts(asked.run, asked.contexts, held_out)
        answer(asked.run, held_out, said)
        one, word = incident_of(load_dialogues(said), asked.word)
        pack, rule, told = file_and_apply(asked.run, out, said, one, word, asked.max_share)
        seconds |= told
        after = out / "run"
        if not (after / "report.json").exists():
            more = ("--config", asked.config) if asked.config else ()
            started = ("--resume",) if (after / "run.json").exists() else ()
            seconds["train"] = suasion(
                "train", "repo", "--from", asked.run, "--suite", pack, *more, "--output", after, *started
            )
        answer(after, held_out, now_said)
        for run, target in zip((asked.run, after), bad, strict=True):
            if not target.exists():
                suasion("evaluate", "bad-cases", "--agent", run, "--cases", asked.cases, "--json", target)
        found = compare(load_dialogues(said), load_dialogues(now_said), rule, Pack.load(pack))
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    cases = [json.loads(path.read_text(encoding="utf-8"))["summary"] for path in bad]
    found["bad_cases"] = {
        name: [round(one[name]["estimate"] * one[name]["n"]) for one in cases]
        for name in ("fixed", "clean", "severe")
    }
    found |= {"word_filed": word, "seconds": seconds, **provenance(" ".join(sys.argv))}
    write_json(out / "found.json", found)
    print(json.dumps(found, indent=1))


def answer(run: Path, held_out: Path, target: Path) -> None:
    if not target.exists():
        suasion("reply", "--agent", run, "--input", held_out, "--output", target, "--seed", SEED)


def file_and_apply(
    run: Path, out: Path, said: Path, one: Dialogue, word: str, share: float
) -> tuple[Path, str, dict[str, float]]:
    """File, draft, check, back-test, apply; the patched pack, the new rule's id, and seconds."""
    own, store, patch = out / "pack", out / "incidents", out / "patch.yaml"
    wrong = f"says {word}, which it must not"
    if not own.exists():
        shutil.copytree(Pack.load(load_run_config(run).pack).path, own)
    if not store.exists():
        marks = ("--span", word, "--wrong", wrong, "--severity", "critical", "--who", "word_gone.py")
        suasion("incident", "file", "--input", said, "--record", one.id, *marks, "--store", store)
    (incident,) = store.glob("*.json")
    rule = re.sub(r"^\d{4}-\d\d-\d\d-", "", incident.stem)
    if patch.exists():
        return own, rule, {}
    told = {"new": suasion("patch", "new", "--incident", incident, "--pack", own, "--output", patch)}
    text = patch.read_text(encoding="utf-8").replace(
        "- '\\b", "- '(?i)\\b"
    )  # at the beginning of a sentence too
    patch.write_text(text, encoding="utf-8")
    told["check"] = suasion("patch", "check", patch, "--pack", own)
    limits = ("--max-share", share, "--json", out / "backtest.json", "--html", out / "backtest.html")
    told["backtest"] = suasion("patch", "backtest", patch, "--pack", own, "--dialogues", said, *limits)
    told["apply"] = suasion("patch", "apply", patch, "--pack", own)
    return own, rule, told


if __name__ == "__main__":
    main()
