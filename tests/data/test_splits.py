"""What each stage learns from: nothing twice, and nothing of it is judged on."""

from suasion.config import RunConfig
from suasion.data.splits import prepare
from suasion.negotiation.pack import Pack


def test_no_dialogue_and_no_hotel_serves_twice(hotel: Pack) -> None:
    sizes = {"dialogues": 12, "pairs": 30, "faults": 10}
    config = RunConfig.model_validate({"data": sizes, "evaluation": {"contexts": 20}})
    data = prepare(hotel, config)
    imitated = {dialogue.id for dialogue in data.dialogues}
    learned = {one.id.split("#")[0] for one in (*data.contexts, *(pair.dialogue for pair in data.pairs))}
    learned |= {verdict.dialogue.id.split("#")[0] for verdict in data.verdicts}
    assert len(imitated) == 12
    assert len(learned) > 12
    assert not imitated & learned, "what SFT knows by heart"
    trained = {one.brief.details["hotel"] for one in (*data.dialogues, *data.contexts)}
    chosen_by = {one.brief.details["hotel"] for one in data.validation_contexts}
    judged = {one.brief.details["hotel"] for one in data.test_contexts}
    assert not trained & chosen_by
    assert not (trained | chosen_by) & judged


def test_another_seed_is_judged_on_other_contexts(hotel: Pack) -> None:
    sizes = {"data": {"dialogues": 4, "pairs": 4, "faults": 0}, "evaluation": {"contexts": 20}}
    first, again, other = (
        prepare(hotel, RunConfig.model_validate({**sizes, "seed": seed})).test_contexts for seed in (1, 1, 2)
    )
    assert first == again
    assert not {one.turns for one in first} & {one.turns for one in other if one.turns}
