"""Preference pairs and verdicts, made from examples.

Half of the pairs set a good reply against the same with one fault; in the other half both are free of
faults and one is better: it has what the rubric rewards, or is shorter or more natural. Else a reward model
would only repeat the rules.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from suasion.data.defects import DEFECTS, spoil
from suasion.data.examples import Example, Pair, Verdict
from suasion.data.operators import sentences, shares_words
from suasion.data.rubric import Criterion, Rubric, load_rubric
from suasion.data.setting import Kit, Setting
from suasion.data.synthesize import REPEATED, leaves_open
from suasion.language.replies import evidence_for
from suasion.negotiation.dialogue import dump_dialogue
from suasion.negotiation.pack import Pack

# Where the pairs of the paper come from. Ours are all made here; the field says whose part each plays.
SOURCES = {"online": 252, "linguist": 3178, "business": 1211, "sop_path": 1991}
BREVITY = 2.0  # share of the pairs in which the shorter reply is better: in most others the longer one is
ROUNDS = 40  # over the examples, before giving up on a count that they can't yield


@dataclass(frozen=True)
class Preference:
    """Two replies without faults: what the first contains, and what is missing from the second."""

    chosen: str
    rejected: str
    chosen_acts: tuple[str, ...]
    rejected_acts: tuple[str, ...]


Prefer = Callable[[Setting, Rubric], Preference | None]


def make_pairs(examples: Sequence[Example], pack: Pack, count: int, seed: int) -> list[Pair]:
    """`count` pairs, half of each kind (fewer where the examples don't yield as many), in random order."""
    rng = random.Random(f"{seed}:pairs")
    kit, rubric = Kit(pack, tuple(examples)), load_rubric(pack)
    reasons = {criterion.id: 1.0 for criterion in rubric.merits} | dict.fromkeys(MANNERS, 1.0)
    reasons["brevity"] = BREVITY

    def defect(name: str, example: Example) -> Pair | None:
        return _defect_pair(name, example, kit, rng)

    def quality(name: str, example: Example) -> Pair | None:
        return _quality_pair(name, example, kit, rubric, rng)

    shares = {name: made.share for name, made in DEFECTS.items()}
    defects = _collect(examples, count // 2, rng, shares, defect)
    merits = _collect(examples, count - count // 2, rng, reasons, quality)
    pairs = [*defects, *merits]
    rng.shuffle(pairs)
    return pairs


def make_faults(examples: Sequence[Example], pack: Pack, count: int, seed: int) -> list[Pair]:
    """`count` pairs of the defects that the rubric asks about, each criterion as often as the others.

    Among all pairs a criterion's defects are too rare to learn a yes from, or to say how well it was learnt.
    """
    rng = random.Random(f"{seed}:faults")
    kit, rubric = Kit(pack, tuple(examples)), load_rubric(pack)
    shares = {name: 1 / len(one.defects) for one in rubric.criteria for name in one.defects}
    return _collect(examples, count, rng, shares, lambda name, example: _defect_pair(name, example, kit, rng))


def _collect(
    examples: Sequence[Example],
    count: int,
    rng: random.Random,
    shares: Mapping[str, float],
    make: Callable[[str, Example], Pair | None],
) -> list[Pair]:
    """Pairs with every name as often as its share: each example serves the rarest name that it can."""
    pairs: list[Pair] = []
    made: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for _ in range(ROUNDS if examples else 0):
        before = len(pairs)
        for example in rng.sample(list(examples), len(examples)):
            if len(pairs) >= count:
                return pairs
            for name in sorted(shares, key=lambda name: (made[name] / shares[name], rng.random())):
                pair = make(name, example)
                if pair is not None and (pair.dialogue.id, pair.rejected) not in seen:
                    seen.add((pair.dialogue.id, pair.rejected))
                    made[name] += 1
                    pairs.append(pair)
                    break
        if len(pairs) == before:
            return pairs
    return pairs


def _pair(example: Example, kind: str, name: str, preference: Preference, rng: random.Random) -> Pair:
    return Pair(
        dialogue=example.dialogue.model_copy(update={"reply": None}),
        chosen=preference.chosen,
        rejected=preference.rejected,
        kind="defect" if kind == "defect" else "quality",
        defect=name,
        source=rng.choices(list(SOURCES), list(SOURCES.values()))[0],
        family=example.family,
        chosen_acts=preference.chosen_acts,
        rejected_acts=preference.rejected_acts,
    )


def _defect_pair(name: str, example: Example, kit: Kit, rng: random.Random) -> Pair | None:
    spoiled, good = spoil(name, example, kit, rng), example.dialogue.reply
    if spoiled is None or good is None:
        return None
    return _pair(example, "defect", name, Preference(good, spoiled.text, example.acts, spoiled.acts), rng)


def _quality_pair(name: str, example: Example, kit: Kit, rubric: Rubric, rng: random.Random) -> Pair | None:
    setting = Setting(example, kit, rng, name)
    preference = MANNERS[name](setting, rubric) if name in MANNERS else _has_merit(setting, rubric)
    if preference is None or preference.chosen == preference.rejected:
        return None
    if any(_repeats(text, setting) for text in (preference.chosen, preference.rejected)):
        return None
    return _pair(example, "quality", name, preference, rng)


def _repeats(text: str, setting: Setting) -> bool:
    turns = setting.example.dialogue.turns
    said = [turn.text for turn in turns if turn.speaker == "agent" and turn.text]
    return any(shares_words(text, other) > REPEATED for other in said)


def _moves(setting: Setting) -> list[tuple[str, ...]]:
    """Moves of the stage, and the example's own, that can be made here."""
    evident = bool(evidence_for(setting.state, setting.example.dialogue.brief))
    moves = {*setting.stage.moves, setting.example.acts}
    return sorted(
        move for move in moves if (evident or "evidence" not in move) and not leaves_open(move, setting.state)
    )


def _has_merit(setting: Setting, rubric: Rubric) -> Preference | None:
    """A move that has what the criterion `setting.name` rewards, against the same without it.

    Half of the time another polite act takes the place of what is missing, so that length does not tell.
    """
    criterion = next(one for one in rubric.merits if one.id == setting.name)
    options = []
    for move in _moves(setting):
        kept = set(move).difference(criterion.acts).union(setting.stage.requires)
        rest = tuple(act for act in move if act in kept)
        if rest and rest != move and setting.suffices(rest):
            options.append((move, rest))
    if not options:
        return None
    move, rest = setting.rng.choice(options)
    fillers = [act for act in _fillers(setting, rubric) if act not in move]
    if fillers and setting.rng.random() < 0.6:
        filler = setting.rng.choice(fillers)
        at = next(i for i, act in enumerate(move) if act not in rest)
        rest = (*rest[:at], filler, *rest[at:])
    if setting.rng.random() < 0.5:
        return Preference(setting.phrase(move), setting.phrase(rest), move, rest)
    return _same_words(move, rest, setting)


def _same_words(chosen: tuple[str, ...], rejected: tuple[str, ...], setting: Setting) -> Preference:
    """Both with the same phrase for each act that they share."""
    said = {act: setting.phrase((act,)) for act in dict.fromkeys((*chosen, *rejected))}
    texts = [" ".join(said[act] for act in acts) for acts in (chosen, rejected)]
    return Preference(texts[0], texts[1], chosen, rejected)


def _fillers(setting: Setting, rubric: Rubric) -> list[str]:
    """Acts that fit in everywhere after the opening, and that no criterion rewards."""
    sop = setting.kit.pack.sop
    stages = (*sop.stages, *sop.side_states)
    ruled = {act for stage in stages for act in (*stage.requires, *stage.requires_any, *stage.forbids)}
    ruled |= {act for criterion in rubric.criteria for act in criterion.acts}
    usual = {act for stage in stages if stage is not sop.start for move in stage.moves for act in move}
    return sorted(usual - ruled)


def _is_brief(setting: Setting, rubric: Rubric) -> Preference | None:
    """A move against the same with one of its points made a second time, in other words."""
    moves = _moves(setting)
    if not moves:
        return None
    move = setting.rng.choice(moves)
    act = setting.rng.choice([*move, *_fillers(setting, rubric)])
    said = {act: setting.phrase((act,)) for act in move}
    chosen = " ".join(said.values())
    again = setting.phrase((act,))
    if set(sentences(again)) & set(sentences(chosen)):
        return None
    at = setting.rng.randint(1, len(move))
    parts = list(said.values())
    rejected = " ".join([*parts[:at], again, *parts[at:]])
    return Preference(chosen, rejected, move, (*move[:at], act, *move[at:]))


def _is_natural(setting: Setting, rubric: Rubric) -> Preference | None:
    """A move against one that says the same things in an odd order, or without the courtesy."""
    moves = _moves(setting)
    if not moves:
        return None
    move = setting.rng.choice(moves)
    polite = [act for act in move if act in _fillers(setting, rubric) and act != move[-1]]
    if polite and len(move) > 1 and setting.rng.random() < 0.5:
        return _same_words(move, tuple(act for act in move if act not in polite), setting)
    if len(move) < 2:
        return None
    return _same_words(move, tuple(reversed(move)), setting)


MANNERS: dict[str, Prefer] = {"brevity": _is_brief, "naturalness": _is_natural}


def make_verdicts(records: Iterable[Pair | Example], pack: Pack) -> list[Verdict]:
    """Yes or no for each criterion of the pack's rubric on each reply: known from how it was made.

    Nothing is known of a criterion that names neither acts nor defects: people's verdicts have to say it.
    """
    criteria = [one for one in load_rubric(pack).criteria if one.acts or one.defects]
    verdicts: list[Verdict] = []
    seen: set[tuple[str, str]] = set()
    for reply in (reply for record in records for reply in _replies(record)):
        key = (dump_dialogue(reply.record.dialogue.with_reply("")), reply.text)
        if key not in seen:
            seen.add(key)
            verdicts += [_verdict(reply, criterion) for criterion in criteria]
    return verdicts


@dataclass(frozen=True)
class _Reply:
    record: Pair | Example
    text: str
    acts: tuple[str, ...]
    defect: str | None


def _replies(record: Pair | Example) -> list[_Reply]:
    if isinstance(record, Example):
        return [_Reply(record, record.dialogue.reply or "", record.acts, None)]
    defect = record.defect if record.kind == "defect" else None
    return [
        _Reply(record, record.chosen, record.chosen_acts, None),
        _Reply(record, record.rejected, record.rejected_acts, defect),
    ]


def _verdict(reply: _Reply, criterion: Criterion) -> Verdict:
    dialogue = reply.record.dialogue.with_reply(reply.text)
    return Verdict(dialogue, criterion.id, criterion.holds(reply.acts, reply.defect))
