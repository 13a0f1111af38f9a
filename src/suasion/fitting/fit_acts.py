"""Fits the trained ear of a pack: logistic regression, one act at a time, on sentences with their acts.

Learned from: the pack's phrases (those not held out), the examples of its intents, and labelled utterances of
the split `train`. Measured on the labelled ones of the split `held_out`, which other voices speak.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy import optimize, sparse

from suasion.errors import InputError
from suasion.files import beside
from suasion.language.acts import load_patterns
from suasion.language.check import wordings
from suasion.language.features import Reading, features_of
from suasion.language.phrases import load_phrases
from suasion.language.trained import ActFile, HeldOut, SpeakerWeights, hearing_of
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import Hearing

NEGATIONS = (
    "cannot",
    "neither",
    "never",
    "no",
    "nobody",
    "none",
    "nor",
    "not",
    "nothing",
    "unable",
    "without",
)
RIDGE, THRESHOLD, FLOOR = 0.1, 0.3, 0.5
SHARE = 0.3  # a rare act weighs as if this share of its negatives had it
KEPT = 0.1  # smaller weights are left out
SPEAKERS: tuple[Literal["agent", "counterpart"], ...] = ("agent", "counterpart")


class Part(BaseModel):
    """One sentence or clause, and its acts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    acts: frozenset[str]


class Utterance(BaseModel):
    """A labelled utterance. `voice`: the way of speaking, kept in one split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    speaker: Literal["agent", "counterpart"]
    voice: str
    split: Literal["train", "held_out"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return " ".join(part.text for part in self.parts)

    @property
    def acts(self) -> frozenset[str]:
        return frozenset().union(*(part.acts for part in self.parts))


def load_utterances(path: Path, pack: Pack) -> list[Utterance]:
    """Read labelled utterances, one JSON a line.

    Raises InputError with file and line for one that can't be read or has an act that the pack doesn't know.
    """
    known = {(intent.speaker, intent.id) for intent in pack.intents.intents}
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            one = Utterance.model_validate_json(line)
        except ValidationError as error:
            raise InputError(error.errors()[0]["msg"], str(path), number) from None
        if unknown := sorted(act for act in one.acts if (one.speaker, act) not in known):
            raise InputError(f"no act {unknown[0]!r} of the {one.speaker} in this pack", str(path), number)
        found.append(one)
    return found


def fit_acts(pack: Pack, labelled: Sequence[Utterance], floor: float = FLOOR) -> ActFile:
    """Fit on the split `train`, then measure on `held_out`. The same input gives the same numbers."""
    patterns, reading = load_patterns(pack), Reading(frozenset(NEGATIONS))
    fitted: dict[str, Any] = {
        speaker: _fit(speaker, pack, labelled, patterns, reading) for speaker in SPEAKERS
    }
    content = ActFile(version=1, threshold=THRESHOLD, floor=0.0, negations=NEGATIONS, **fitted)
    everything = hearing_of(patterns, content)
    held = [one for one in labelled if one.split == "held_out"]
    measured = {
        speaker: part.model_copy(
            update={"held_out": _measure(speaker, part.acts, held, patterns, everything)}
        )
        for speaker, part in fitted.items()
    }
    return content.model_copy(update={**measured, "floor": floor})


def write_acts(content: ActFile, path: Path) -> None:
    """Write `acts.yaml` beside its place, then move it there."""
    head = "# Written by suasion pack train-acts; held_out is measured in voices not learned from.\n"
    dumped = yaml.dump(
        content.model_dump(mode="json"), Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=110
    )
    with beside(path) as part:
        part.write_text(head + dumped, encoding="utf-8")


class _Blocks(yaml.SafeDumper):
    """Writes a text of several lines as such."""


def _block(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _block)


def _sentences(
    speaker: str, pack: Pack, labelled: Sequence[Utterance], patterns: Hearing
) -> Iterator[tuple[str, frozenset[str]]]:
    held = load_phrases(pack).file.held_out
    for said in wordings(pack) if pack.has("phrases.yaml") else ():
        if said.speaker == speaker and said.loc[2] not in held:
            yield said.text, frozenset({said.act})
    for intent in pack.intents.intents:
        for text in (*intent.hits, *intent.passes) if intent.speaker == speaker else ():
            yield text, patterns.hear(speaker, text)
    for one in labelled:
        if one.speaker == speaker and one.split == "train":
            yield from ((part.text, part.acts) for part in one.parts)


def _fit(
    speaker: str, pack: Pack, labelled: Sequence[Utterance], patterns: Hearing, reading: Reading
) -> SpeakerWeights:
    acts = tuple(intent.id for intent in pack.intents.intents if intent.speaker == speaker)
    rows, labels = [], []
    for text, has in _sentences(speaker, pack, labelled, patterns):
        features = list(dict.fromkeys(one for sentence in features_of(text, reading) for one in sentence))
        if features:
            rows.append(features)
            labels.append(has)
    names = sorted({one for row in rows for one in row})
    places = {name: place for place, name in enumerate(names)}
    matrix = sparse.csr_matrix(  # (sentences, features), each row of length 1
        (
            [len(row) ** -0.5 for row in rows for _ in row],
            ([i for i, row in enumerate(rows) for _ in row], [places[one] for row in rows for one in row]),
        ),
        shape=(len(rows), len(names)),
    )
    fitted = np.stack(
        [_logistic(matrix, np.array([1.0 if act in has else -1.0 for has in labels])) for act in acts]
    )
    lines = []
    for place, name in enumerate(names):
        weights = [(act, round(float(one), 3)) for act, one in enumerate(fitted[:, place]) if abs(one) > KEPT]
        if weights:
            lines.append(name + "\t" + " ".join(f"{act}:{weight:g}" for act, weight in weights))
    bias = tuple(round(float(one), 4) for one in fitted[:, -1])
    return SpeakerWeights(
        acts=acts,
        bias=bias,
        held_out={act: HeldOut(f1=0, by_patterns=0, count=0) for act in acts},
        weights="\n".join(lines) + "\n",
    )


def _logistic(matrix: Any, wanted: "np.ndarray[Any, Any]") -> Any:
    """Weights (features + 1,) of a ridge-penalised logistic regression; the last is the bias."""
    share = SHARE * (wanted < 0).sum() / max(1, (wanted > 0).sum())
    weight = np.where(wanted > 0, min(5.0, max(1.0, share)), 1.0)

    def loss(point: Any) -> tuple[float, Any]:
        margin = wanted * (matrix @ point[:-1] + point[-1])
        value = (weight * np.logaddexp(0, -margin)).sum() + RIDGE / 2 * point[:-1] @ point[:-1]
        slope = -weight * wanted / (1 + np.exp(np.minimum(margin, 700)))
        return value, np.append(matrix.T @ slope + RIDGE * point[:-1], slope.sum())

    start = np.zeros(matrix.shape[1] + 1)
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def _measure(
    speaker: str, acts: tuple[str, ...], held: Sequence[Utterance], patterns: Hearing, trained: Hearing
) -> dict[str, HeldOut]:
    mine = [one for one in held if one.speaker == speaker]
    both, alone = _f1(speaker, mine, trained), _f1(speaker, mine, patterns)
    counts = Counter(act for one in mine for act in one.acts)
    return {act: HeldOut(f1=both(act), by_patterns=alone(act), count=counts[act]) for act in acts}


def _f1(speaker: str, held: Sequence[Utterance], hearing: Hearing) -> Any:
    pairs = [(one.acts, hearing.hear(speaker, one.text)) for one in held]

    def of(act: str) -> float:
        right = sum(act in has and act in heard for has, heard in pairs)
        either = sum((act in has) + (act in heard) for has, heard in pairs)
        return round(2 * right / either, 3) if either else 0.0

    return of
