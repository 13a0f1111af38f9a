"""Stored conversations as dialogue records: the road back to scoring, incidents and training."""

from collections.abc import Iterator

from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue, Outcome
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TOLERANCE, track
from suasion.serving.records import Status, Talk
from suasion.serving.store import Store


def record_of(talk: Talk, pack: Pack) -> Dialogue:
    """The conversation with its outcome so far, by what was heard.

    A price counts where it was agreed and restated; `successes` are those at or under the target.
    """
    dialogue, standing = talk.dialogue, talk.standing
    state = track(dialogue, pack.sop, load_hearing(pack))
    prices = {one.ticket.id: one.agreed if one.restated else None for one in state.tickets}
    outcome = Outcome(
        responded=state.responded,
        tickets={name: None if price is None else round(price, 2) for name, price in prices.items()},
        successes={
            one.ticket.id: (price := prices[one.ticket.id]) is not None
            and price <= one.ticket.target_selling_price + TOLERANCE
            for one in state.tickets
        },
        ending=standing.outcome or standing.status.value,
        over=standing.status == Status.ENDED,
    )
    spoken = [message for message in talk.messages if message.suite_version]
    more = {"arm": talk.conversation.arm, "at": talk.conversation.at, "contact": talk.conversation.contact}
    if spoken:
        more |= {"run": str(spoken[-1].run), "suite_version": str(spoken[-1].suite_version)}
    return Dialogue.model_validate(
        {**dialogue.model_dump(exclude_none=True), "outcome": outcome.model_dump(), **more}
    )


def replies_of(record: Dialogue) -> Iterator[Dialogue]:
    """Each reply of the agent with the turns before it: what `suasion score` reads."""
    for place, turn in enumerate(record.turns):
        if turn.speaker == "agent" and turn.text is not None:
            before = {"id": f"{record.id}-{place}", "turns": record.turns[:place], "reply": turn.text}
            yield record.model_copy(update=before | {"outcome": None})


def records(store: Store, pack: Pack) -> Iterator[Dialogue]:
    """Every conversation of the pack, in the order in which they began."""
    return (record_of(talk, pack) for talk in store.talks() if talk.conversation.pack == pack.id)
