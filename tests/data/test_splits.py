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
