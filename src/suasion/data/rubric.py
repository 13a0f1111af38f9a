"""The judge's criteria: `rubric.yaml` of a pack."""

from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from suasion.data.defects import DEFECTS
from suasion.negotiation.pack import Pack


class Criterion(BaseModel):
    """One yes/no question. `acts` and `defects` say which synthetic replies are a yes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str = Field(min_length=1)
    points: float = Field(allow_inf_nan=False)
    version: int = 1
    acts: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()

    def holds(self, acts: tuple[str, ...], defect: str | None = None) -> bool:
        """The answer for a reply of which acts and defect are known."""
        return defect in self.defects or not set(self.acts).isdisjoint(acts)


class Rubric(BaseModel):
    """All criteria of a pack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @property
    def merits(self) -> tuple[Criterion, ...]:
        """Criteria that reward acts."""
        return tuple(criterion for criterion in self.criteria if criterion.points > 0 and criterion.acts)


@lru_cache
def load_rubric(pack: Pack) -> Rubric:
    """The pack's rubric. Raises InputError with file, line and field of the first fault."""
    file = pack.file("rubric.yaml")
    rubric = file.parse(Rubric)
    acts = {intent.id for intent in pack.intents.intents if intent.speaker == "agent"}
    seen: set[str] = set()
    for index, criterion in enumerate(rubric.criteria):
        loc = ("criteria", index)
        if criterion.id in seen:
            raise file.error(f"criterion {criterion.id!r} is given twice", (*loc, "id"))
        seen.add(criterion.id)
        fields = (("acts", criterion.acts, acts), ("defects", criterion.defects, set(DEFECTS)))
        for field, names, known in fields:
            for number, name in enumerate(names):
                if name not in known:
                    listed = ", ".join(sorted(known))
                    raise file.error(f"unknown name {name!r}; known are {listed}", (*loc, field, number))
    return rubric
