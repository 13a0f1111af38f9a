"""The brief of a rule's example: the file's own, but for what the example says."""

import pytest

from suasion.rewards.rules import override_brief

FIRST, SECOND = {"id": "t1", "room": "Queen"}, {"id": "t2"}


@pytest.mark.parametrize(
    ("base", "other", "tickets"),
    [
        ([FIRST], [SECOND], [FIRST | SECOND]),
        ([FIRST, SECOND], [{}, SECOND], [FIRST, FIRST | SECOND]),
        ([], [SECOND], [SECOND]),
        # what is no list of tickets stays for the brief to refuse
        ([FIRST], 5, 5),
        ([FIRST], ["t2"], ["t2"]),
        (5, [SECOND], [SECOND]),
        ({"id": "t1"}, [SECOND], [SECOND]),
        (["t1"], [SECOND], [SECOND]),
    ],
)
def test_a_ticket_says_only_how_it_differs(base: object, other: object, tickets: object) -> None:
    assert override_brief({"hotel": "A", "tickets": base}, {"tickets": other}) == {
        "hotel": "A",
        "tickets": tickets,
    }
    assert override_brief({"tickets": base}, {"hotel": "B"}) == {"hotel": "B", "tickets": base}
