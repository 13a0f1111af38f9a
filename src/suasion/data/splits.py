"""All data of a run: what each stage learns from, and what it is judged on. The splits share no names."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suasion.config import RunConfig
from suasion.data.examples import Pair, Verdict
from suasion.data.importers import next_reply_examples, next_reply_pairs
from suasion.data.pairs import make_faults, make_pairs, make_verdicts
from suasion.data.synthesize import balance, cover, examples_of, synthesize
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue, load_dialogues
from suasion.negotiation.pack import Pack

HELD_OUT_SEED = 20_000
HELD_OUT_PAIRS = 120
HELD_OUT_FAULTS = 150
POOL = 5  # synthetic dialogues made for each that SFT imitates; the others teach rewards and REPO


@dataclass(frozen=True, slots=True)
class Data:
    """What the stages learn from and are judged on.

    Of synthetic data none that SFT imitates is used again: it knows the replies of `dialogues` by heart, and
    pairs or contexts from there would teach what it does where it remembers, not what it does elsewhere.
    """

    dialogues: Sequence[Dialogue]
    pairs: Sequence[Pair]
    held_out_pairs: Sequence[Pair]
    verdicts: Sequence[Verdict]
    held_out_verdicts: Sequence[Verdict]
    contexts: Sequence[Dialogue]
    validation_contexts: Sequence[Dialogue]  # for choosing among policies, never for judging one
    test_contexts: Sequence[Dialogue]


def prepare(pack: Pack, config: RunConfig) -> Data:
    """Synthetic dialogues and what is made of them, or next-reply data from given records."""
    if config.data.records:
        return _from_records(pack, config, config.data.records)
    seed, sizes = config.seed, config.data
    pool = synthesize(pack, POOL * sizes.dialogues, seed, "train")
    dialogues = cover(pool, pack, sizes.dialogues)
    imitated = {dialogue.id for dialogue in dialogues}
    examples = examples_of((dialogue for dialogue in pool if dialogue.id not in imitated), pack)
    per_context = sizes.pairs_per_context
    paired = balance(examples, -(-sizes.pairs // per_context), seed)
    pairs = make_pairs(paired, pack, sizes.pairs, seed)
    validation = examples_of(synthesize(pack, 60, seed + HELD_OUT_SEED, "validation"), pack)
    kept = balance(validation, HELD_OUT_PAIRS // per_context, seed)
    held_out = make_pairs(kept, pack, HELD_OUT_PAIRS, seed)
    # another seed is judged on other contexts: what was tried on one says something about the next
    judged, held_out_seed = config.evaluation.contexts, seed + HELD_OUT_SEED
    test = examples_of(synthesize(pack, judged, held_out_seed, "test"), pack)
    return Data(
        dialogues=dialogues,
        pairs=pairs,
        held_out_pairs=held_out,
        verdicts=make_verdicts([*pairs, *make_faults(paired, pack, sizes.faults, seed)], pack),
        held_out_verdicts=make_verdicts(
            [*held_out, *make_faults(kept, pack, HELD_OUT_FAULTS, seed + HELD_OUT_SEED)], pack
        ),
        contexts=[example.dialogue.with_reply("") for example in balance(examples, len(examples), seed)],
        validation_contexts=[
            example.dialogue.with_reply("") for example in balance(validation, len(validation), seed)
        ],
        test_contexts=[e.dialogue for e in balance(test, judged, held_out_seed)],
    )


def _from_records(pack: Pack, config: RunConfig, path: Path) -> Data:
    """Real dialogues: every fifth is held out; pairs are the real next reply against one from elsewhere.

    Where policies are to be chosen among, every tenth of the others is kept for that.
    """
    records = load_dialogues(path, pack.check_brief)
    train = [record for index, record in enumerate(records) if index % 5]
    kept = train[::10] if config.training.validate_every else []
    train = [record for index, record in enumerate(train) if index % 10 or not kept]
    test = [record for index, record in enumerate(records) if index % 5 == 0]
    if not train or not test:
        raise InputError("at least five dialogues are needed", str(path))
    seed, judged = config.seed, config.evaluation.contexts
    held_out, learned = next_reply_examples(test, pack), next_reply_examples(train, pack)
    random.Random(f"{seed}:contexts").shuffle(learned)
    return Data(
        dialogues=train[: config.data.dialogues],
        pairs=next_reply_pairs(train, config.data.pairs, seed),
        held_out_pairs=next_reply_pairs(test, HELD_OUT_PAIRS, seed),
        verdicts=(),
        held_out_verdicts=(),
        contexts=[example.dialogue for example in learned],
        validation_contexts=[example.dialogue for example in next_reply_examples(kept, pack)],
        test_contexts=[e.dialogue for e in held_out[:: max(1, len(held_out) // judged)]][:judged],
    )
