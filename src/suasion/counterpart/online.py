"""An online set: briefs to negotiate, each with the counterpart that stands behind it."""

import random
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.coefficients import load_ears
from suasion.counterpart.hidden_type import HiddenType
from suasion.counterpart.listening import net_of
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, read_dialogues
from suasion.negotiation.pack import Pack
from suasion.yaml_files import describe

ROOM, PATIENCE, MOOD, BUSYNESS, NO_REPLY = (0.0, 0.3), (4, 20), (0.2, 0.95), (0.0, 0.7), (0.3, 0.7)
DECIDES_ALONE, WRONG_PERSON, LATE, NET_TALK = 0.6, 0.12, 0.2, 0.4


class Traits(BaseModel):
    """`counterpart` of a record: the hidden type, with `room` in the place of reservation prices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    room: float = Field(ge=0, lt=1, description="share of the net price that it could do without")
    patience: int = Field(ge=1)
    mood: float = Field(ge=0, le=1)
    busyness: float = Field(ge=0, le=1)
    no_reply: float = Field(ge=0, le=1)
    silence: float = Field(ge=0, le=1)
    decides_alone: bool = True
    wrong_person: bool = False
    late: bool = False
    net_talk: bool = False
    style: str = "plain"

    def of(self, brief: Brief) -> HiddenType:
        """The type behind a brief."""
        limits = {t.id: net_of(t.selling_price, t) * (1 - self.room) for t in brief.tickets}
        return HiddenType(reservation_net=limits, **self.model_dump(exclude={"room"}))


def read_online(path: Path, pack: Pack) -> tuple[list[Brief], Callable[[Brief], HiddenType] | None]:
    """The briefs of a file of dialogue records, and what `simulate` takes as `hidden`.

    None where no record has a `counterpart`: types are drawn then. Raises InputError by file, line and field:
    a record that has turns, a brief that is there twice, some but not all with a `counterpart`.
    """
    kinds: dict[str, HiddenType] = {}
    briefs: list[Brief] = []
    for number, record in read_dialogues(path, pack.check_brief):
        if isinstance(record, InputError):
            raise record
        if record.turns:
            raise InputError("a brief to negotiate has no turns yet", str(path), number, "turns")
        if record.brief in briefs:
            raise InputError("the same brief stands above", str(path), number, "brief")
        briefs.append(record.brief)
        given = (record.model_extra or {}).get("counterpart")
        if given is not None:
            kinds[record.brief.model_dump_json()] = _traits(given, str(path), number).of(record.brief)
        if len(kinds) not in (0, len(briefs)):
            raise InputError("either each record has a counterpart or none", str(path), number, "counterpart")
    if not briefs:
        raise InputError("there is no brief in it", str(path))
    return briefs, (lambda brief: kinds[brief.model_dump_json()]) if kinds else None


def _traits(given: object, file: str, line: int) -> Traits:
    try:
        return Traits.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, ("counterpart", *fault["loc"])))
        raise InputError(describe(fault), file, line, field) from None


def draw_online(pack: Pack, count: int, seed: int) -> list[Dialogue]:
    """`count` briefs that no training has seen, with types from wider ranges than the pack's.

    The n-th is the same for any larger count.
    """
    styles = load_ears(pack).coefficients.population.styles
    briefs = draw_briefs(pack, count, seed, "test")
    return [
        Dialogue.model_validate(
            {
                "id": f"online-{seed}-{index:04d}",
                "brief": brief.model_dump(),
                "source": "drawn",
                "counterpart": _draw_traits(random.Random(f"{seed}:online:{index}"), styles).model_dump(),
            }
        )
        for index, brief in enumerate(briefs)
    ]


def _draw_traits(rng: random.Random, styles: tuple[str, ...]) -> Traits:
    return Traits(
        room=round(rng.uniform(*ROOM), 3),
        patience=rng.randint(*PATIENCE),
        mood=round(rng.uniform(*MOOD), 2),
        busyness=round(rng.uniform(*BUSYNESS), 2),
        no_reply=round(rng.uniform(*NO_REPLY), 2),
        silence=round(rng.uniform(0.02, 0.2), 2),
        decides_alone=rng.random() < DECIDES_ALONE,
        wrong_person=rng.random() < WRONG_PERSON,
        late=rng.random() < LATE,
        net_talk=rng.random() < NET_TALK,
        style=rng.choice(styles),
    )
