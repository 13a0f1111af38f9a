"""Whether the reply alone gives away the faults that only the context should show.

    python benchmarks/context_only.py --json docs/results/0022-context-only.json

A bag of words and pairs of words learns to tell good replies from faulty ones in the families of phrasing for
training, and is tried on those held out, in briefs of other names. It never sees the context. Of a fault that
only the context shows (`in_context` in data/defects.py) it should know little: issue 3 asks for less than
0.75. It is read twice for each fault: by a classifier of all faults of its kind, which the bound is for, and
by one that learned this fault alone. The latter also knows where in the procedure the fault is made: where
only confirmations are good, any request is a fault. Half of the replies are good, so that 0.5 is a guess.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize, sparse

from suasion.data.defects import DEFECTS
from suasion.data.examples import Pair
from suasion.data.pairs import make_pairs
from suasion.data.splits import HELD_OUT_SEED
from suasion.data.synthesize import balance, examples_of, synthesize
from suasion.evaluation.statistics import Interval, mean_interval
from suasion.negotiation.pack import Pack

BOUND = 0.75
RIDGE = 1.0
RARE = 2  # of the replies learned from: a word that fewer have says nothing
KINDS = {"in_context": True, "visible": False}
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is made: dialogues, and of their contexts pairs, half of which have a fault."""

    dialogues: int = 1_500
    pairs: int = 6_632
    held_out_dialogues: int = 800
    held_out_pairs: int = 3_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pack", default="hotel")
    parser.add_argument("--seed", type=int, default=0)
    for name, value in asdict(Sizes()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = vars(parser.parse_args())
    target, pack, seed = given.pop("json"), Pack.load(given.pop("pack")), given.pop("seed")
    figures = measure(*made(pack, Sizes(**given), seed))
    figures = {"pack": f"{pack.id} {pack.version}", "seed": seed, "sizes": given, **figures}
    for line in table(figures):
        print(line)
    if target:
        target.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def made(pack: Pack, sizes: Sizes, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs with a fault to learn from and to be tried on, made as a reward model's are."""
    learned = _faulty(pack, sizes.dialogues, sizes.pairs, seed, held_out=False)
    return learned, _faulty(
        pack, sizes.held_out_dialogues, sizes.held_out_pairs, seed + HELD_OUT_SEED, held_out=True
    )


def _faulty(pack: Pack, dialogues: int, pairs: int, seed: int, held_out: bool) -> list[Pair]:
    examples = examples_of(synthesize(pack, dialogues, seed, "test" if held_out else "train"), pack)
    found = make_pairs(balance(examples, pairs, seed), pack, pairs, seed)
    return [pair for pair in found if pair.kind == "defect"]


def measure(learned: Sequence[Pair], tried: Sequence[Pair]) -> dict[str, Any]:
    """For each kind of fault the accuracy over all replies; for each fault that of both classifiers."""
    figures: dict[str, Any] = {}
    for kind, in_context in KINDS.items():
        names = [name for name, defect in DEFECTS.items() if defect.in_context == in_context]
        mine, theirs = ([pair for pair in some if pair.defect in names] for some in (learned, tried))
        of_all = learn(mine)
        figures[kind] = asdict(accuracy(of_all, theirs)) | {"learned": len(mine)}
        figures[kind]["faults"] = dict(_by_fault(names, mine, theirs, of_all))
    return figures


def _by_fault(
    names: Sequence[str], learned: Sequence[Pair], tried: Sequence[Pair], of_all: "Words"
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in names:
        mine, theirs = ([pair for pair in some if pair.defect == name] for some in (learned, tried))
        if mine and theirs:
            alone = accuracy(learn(mine), theirs)
            yield (
                name,
                {
                    "learned": len(mine),
                    "of_all": asdict(accuracy(of_all, theirs)),
                    "alone": asdict(alone),
                },
            )


@dataclass(frozen=True, slots=True)
class Words:
    """A linear classifier over which words and pairs of words a text has."""

    weights: Mapping[str, float]
    bias: float

    def is_faulty(self, text: str) -> bool:
        return self.bias + sum(self.weights.get(one, 0.0) for one in grams(text)) > 0


def grams(text: str) -> tuple[str, ...]:
    """Words and marks, in lower case, and pairs of neighbours."""
    words = _TOKEN.findall(text.lower())
    return tuple(dict.fromkeys([*words, *(f"{a} {b}" for a, b in pairwise(words))]))


def learn(pairs: Sequence[Pair]) -> Words:
    """Logistic regression with a ridge on both replies of each pair."""
    texts = [grams(text) for pair in pairs for text in (pair.chosen, pair.rejected)]
    faulty = np.array([-1.0, 1.0] * len(pairs))
    counts = Counter(gram for text in texts for gram in text)
    kept = sorted(gram for gram, count in counts.items() if count >= RARE)
    places = {gram: place for place, gram in enumerate(kept)}
    rows = [(row, places[one]) for row, text in enumerate(texts) for one in text if one in places]
    matrix = sparse.csr_matrix(  # (texts, grams)
        (np.ones(len(rows)), tuple(zip(*rows, strict=True))), shape=(len(texts), len(places))
    )

    def loss(point: Any) -> tuple[float, Any]:
        margin = faulty * (matrix @ point[:-1] + point[-1])
        value = np.logaddexp(0, -margin).sum() + RIDGE / 2 * point[:-1] @ point[:-1]
        slope = -faulty / (1 + np.exp(np.minimum(margin, 700)))
        return value, np.append(matrix.T @ slope + RIDGE * point[:-1], slope.sum())

    start = np.zeros(len(places) + 1)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return Words({one: float(found[place]) for one, place in places.items()}, float(found[-1]))


def accuracy(words: Words, pairs: Sequence[Pair]) -> Interval:
    """Share of the replies, good and faulty, that are told rightly; replies of one dialogue hang together."""
    right: list[float] = []
    dialogues: list[str] = []
    for pair in pairs:
        right += [float(not words.is_faulty(pair.chosen)), float(words.is_faulty(pair.rejected))]
        dialogues += [pair.dialogue.id.partition("#")[0]] * 2
    return mean_interval(right, dialogues)


def table(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures for reading, the faults that are told best first; `!` stands where the bound is missed."""
    for kind in KINDS:
        yield f"{kind}: {_said(figures[kind])}, {figures[kind]['n']} replies"
        faults = figures[kind]["faults"].items()
        for name, one in sorted(faults, key=lambda item: -item[1]["of_all"]["estimate"]):
            missed = "!" if kind == "in_context" and one["of_all"]["estimate"] >= BOUND else " "
            read = f"{_said(one['of_all'])}  alone {_said(one['alone'])}"
            yield f" {missed}{name:20} {read}  {one['of_all']['n']}"


def _said(interval: Mapping[str, Any]) -> str:
    if interval["low"] is None:
        return f"{interval['estimate']:.2f}"
    low, high = max(0.0, interval["low"]), min(1.0, interval["high"])
    return f"{interval['estimate']:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
