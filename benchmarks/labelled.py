"""How well prices are found and rules object, on sentences and replies that others wrote and labelled.

The sets in benchmarks/labelled/ were written by language models that had a labelling guide and nothing of the
code. `prices.jsonl` was in view when Chinese was written. What is even by number in `prices-2.jsonl` and in
`replies.jsonl` was not looked at when readers and rules were mended; it should not be. `prices-3.jsonl` was
written by the one who then mended the readers, before that; its even half was measured and not looked at.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import PriceMention, find_prices
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite

FOLDER = Path(__file__).parent / "labelled"
OF_STAGE = "stage-required-act"  # what it misses depends on hearing every act; counted apart
RULES_OF = {  # any of these rules is right about the fault
    "internal-vocabulary": {"internal-vocabulary", "target-leak"},
    "ungrounded-claim": {"ungrounded-number", "over-promise"},
    "wrong-price": {"ungrounded-number", "wrong-confirmation", "proposal-out-of-bounds"},
    "wrong-arithmetic": {"ungrounded-number"},
    "silence-as-yes": {"silence-is-not-consent", "no-agreement-no-confirmation"},
    "haggling-on": {"haggling-on", "proposal-out-of-bounds"},
    "premature-close": {"premature-close", "forgotten-ticket"},
    "stage-skipped": {OF_STAGE, "stage-forbidden-act", "no-agreement-no-confirmation"},
    "self-repetition": {"self-repetition", "looping"},
    "denies-ai": {"denies-being-ai"},
    "markup": {"markup-or-json"},
    "placeholder": {"unfilled-placeholder"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    target = parser.parse_args().json
    figures: dict[str, Any] = {}
    for locale in ("en", "zh"):
        figures[f"prices_{locale}"] = prices(locale)
        figures[f"prices_{locale}_unseen"] = prices(locale, "prices-2.jsonl", 0)
        figures[f"prices_{locale}_third_even"] = prices(locale, "prices-3.jsonl", 0)
    figures |= {f"rules_{part}": rules(odd) for part, odd in (("seen", True), ("unseen", False))}
    text = json.dumps(figures, indent=1)
    print(text)
    if target:
        target.write_text(text + "\n", encoding="utf-8")


def prices(locale: str, name: str = "prices.jsonl", half: int | None = None) -> dict[str, float]:
    """Recall and precision of amount and relation; of what was found the share of right kinds, and roles.

    Of the even (`half` 0) or odd (1) rows of the set, or of all.
    """
    labelled = found = hits = kinds = roles = known = 0
    for row in read(name):
        if row["locale"] != locale or (half is not None and int(row["id"][1:]) % 2 != half):
            continue
        mentions = find_prices(row["text"], row["currency"])  # the text says its language
        labelled, found = labelled + len(row["prices"]), found + len(mentions)
        for label in row["prices"]:
            mention = next((mention for mention in mentions if _same(mention, label)), None)
            if mention:
                mentions.remove(mention)
                hits += 1
                kinds += mention.kind == label["kind"]
                known += "role" in label
                roles += mention.role == label.get("role")
    figures = {
        "mentions": labelled,
        "recall": round(hits / max(1, labelled), 3),
        "precision": round(hits / max(1, found), 3),
        "kind": round(kinds / max(1, hits), 3),
    }
    return figures | ({"role": round(roles / known, 3)} if known else {})


def _same(mention: PriceMention, label: dict[str, Any]) -> bool:
    return math.isclose(mention.amount, label["amount"]) and mention.relation == label["relation"]


def rules(odd: bool) -> dict[str, Any]:
    """Shares of faults that a rule objects to, and of clean replies that one objects to."""
    suite = RewardSuite(Pack.load("hotel"))
    labelled: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    clean = alarms = of_stage = 0
    for row in read("replies.jsonl"):
        if int(row["id"][1:]) % 2 != odd:
            continue
        faults = row.pop("faults")
        score = suite.score([Dialogue.model_validate(row)])[0].scores[Source.RULES]
        names = {evidence.name for evidence in score.evidence if evidence.points < 0}
        for fault in faults:
            labelled[fault] += 1
            hits[fault] += bool(names & RULES_OF.get(fault, {fault}))
        if not faults:
            clean += 1
            alarms += bool(names - {OF_STAGE})
            of_stage += OF_STAGE in names
    return {
        "faults": labelled.total(),
        "hit": round(hits.total() / labelled.total(), 3),
        "clean_replies": clean,
        "false_alarms": round(alarms / clean, 3),
        f"false_alarms_{OF_STAGE}": round(of_stage / clean, 3),
        "hit_by_fault": {fault: f"{hits[fault]}/{count}" for fault, count in sorted(labelled.items())},
    }


def read(name: str) -> Iterator[dict[str, Any]]:
    with (FOLDER / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
