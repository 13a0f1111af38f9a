"""A trained ear for acts: a linear model over words and pairs and triples of words, in plain Python.

Its file, `acts.yaml` of a pack, is text: for each feature the acts that it speaks for or against. It hears
what the pack's patterns do not; an act whose F1 on held-out voices stayed below the floor is not believed.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt

from pydantic import BaseModel, ConfigDict, Field

from suasion.language.features import Reading, features_of
from suasion.negotiation.tracker import Hearing
from suasion.yaml_files import YamlFile

FILE = "acts.yaml"


class HeldOut(BaseModel):
    """How well an act is heard, by patterns and model together, in utterances of voices not learned from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    f1: float
    by_patterns: float = Field(description="F1 of the patterns alone on the same utterances")
    count: int = Field(description="held-out utterances that have the act")


class SpeakerWeights(BaseModel):
    """One linear model for each act of a speaker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    acts: tuple[str, ...]
    bias: tuple[float, ...]
    held_out: dict[str, HeldOut]
    weights: str = Field(description="a feature a line, a tab, then `act:weight`s, the act by its number")


class ActFile(BaseModel):
    """`acts.yaml` of a pack, written by `suasion pack train-acts`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    threshold: float = Field(gt=0, lt=1, description="probability from which an act is heard")
    floor: float = Field(ge=0, le=1, description="F1 on held-out utterances from which an act is believed")
    negations: tuple[str, ...]
    agent: SpeakerWeights
    counterpart: SpeakerWeights

    def believed(self, speaker: str) -> frozenset[str]:
        """Acts at or above the floor that the model made no worse."""
        held = self.of(speaker).held_out
        return frozenset(
            act for act, one in held.items() if one.f1 >= self.floor and one.f1 >= one.by_patterns
        )

    def of(self, speaker: str) -> SpeakerWeights:
        return self.agent if speaker == "agent" else self.counterpart


@dataclass(frozen=True)
class _Model:
    """acts: number to name; weights: feature to its weights by number."""

    acts: tuple[str, ...]
    bias: tuple[float, ...]
    weights: dict[str, tuple[tuple[int, float], ...]]

    def probabilities(self, text: str, reading: Reading) -> list[float]:
        """For each act the highest probability that any sentence of the text gives it."""
        best = [float("-inf")] * len(self.acts)
        for features in features_of(text, reading):
            scale = 1 / sqrt(len(features))
            sums = [0.0] * len(self.acts)
            for feature in features:
                for number, weight in self.weights.get(feature, ()):
                    sums[number] += weight
            best = [
                max(old, total * scale + bias) for old, total, bias in zip(best, sums, self.bias, strict=True)
            ]
        return [1 / (1 + exp(min(-score, 700.0))) for score in best]


@dataclass(frozen=True)
class TrainedHearing:
    """What the patterns hear and, of the acts that are believed, what the model hears beside it."""

    patterns: Hearing
    models: dict[str, _Model]
    believed: dict[str, frozenset[str]]
    reading: Reading
    threshold: float

    def hear(self, speaker: str, text: str) -> frozenset[str]:
        """Acts of the utterance, without the speaker's prefix."""
        return _hear(self, speaker, text)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=8_192)
def _hear(hearing: TrainedHearing, speaker: str, text: str) -> frozenset[str]:
    model = hearing.models[speaker]
    found = zip(model.acts, model.probabilities(text, hearing.reading), strict=True)
    heard = {act for act, p in found if p >= hearing.threshold} & hearing.believed[speaker]
    return hearing.patterns.hear(speaker, text) | heard


def hearing_of(patterns: Hearing, content: ActFile, file: YamlFile | None = None) -> TrainedHearing:
    """The hearing of an `acts.yaml`. Raises InputError with the file for weights that can't be read."""
    models = {}
    for speaker in ("agent", "counterpart"):
        part = content.of(speaker)
        try:
            weights = dict(_read(line, len(part.acts)) for line in part.weights.splitlines())
            if len(part.bias) != len(part.acts):
                raise ValueError(f"{len(part.bias)} biases for {len(part.acts)} acts")
        except ValueError as error:
            if file is None:
                raise
            raise file.error(f"expected a feature, a tab and act:weight, found {error}", (speaker,)) from None
        models[speaker] = _Model(part.acts, part.bias, weights)
    believed = {speaker: content.believed(speaker) for speaker in models}
    reading = Reading(frozenset(content.negations))
    return TrainedHearing(patterns, models, believed, reading, content.threshold)


def _read(line: str, acts: int) -> tuple[str, tuple[tuple[int, float], ...]]:
    feature, tab, rest = line.partition("\t")
    pairs = [pair.split(":") for pair in rest.split()]
    if not tab or not all(len(pair) == 2 and int(pair[0]) < acts for pair in pairs):
        raise ValueError(repr(line[:60]))
    return feature, tuple((int(number), float(weight)) for number, weight in pairs)
