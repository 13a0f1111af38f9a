"""The pages there are, in the order in which they are shown, and who may open them."""

from dataclasses import dataclass

from suasion.serving.access import AGENTS, OPERATORS, REVIEWERS, Scope


@dataclass(frozen=True, slots=True)
class Item:
    path: str  # below /pages
    title: str
    scopes: frozenset[Scope]


ITEMS = (
    Item("/negotiate", "Negotiate", AGENTS),
    Item("/conversations", "Conversations", OPERATORS),
    Item("/inbox", "Inbox", OPERATORS),
    Item("/experiments", "Experiments", OPERATORS),
    Item("/review", "Review", REVIEWERS),
    Item("/incidents", "Incidents", OPERATORS),
    Item("/patches", "Patches", OPERATORS),
)


def items_for(scope: Scope) -> tuple[Item, ...]:
    return tuple(item for item in ITEMS if scope in item.scopes)
