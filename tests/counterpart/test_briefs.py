"""Random briefs: every one fits the pack, and no hotel is in two splits."""

import pytest

from suasion.counterpart.briefs import draw_briefs, split_names, split_of
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.pack import Pack


@pytest.fixture(scope="module")
def briefs() -> list[Brief]:
    return draw_briefs(Pack.load("hotel"), 600, seed=3)


def test_every_brief_fits_the_pack(pack: Pack, briefs: list[Brief]) -> None:
    for brief in briefs:
        pack.check_brief(brief)


def test_prices_are_in_the_ranges_of_the_task(briefs: list[Brief]) -> None:
    for ticket in (ticket for brief in briefs for ticket in brief.tickets):
        assert 148 <= ticket.selling_price <= 1500
        assert ticket.target_selling_price % 5 == 0
        assert 0.025 <= 1 - ticket.target_selling_price / ticket.selling_price <= 0.16  # 4-14 %, rounded to 5
        assert 0.10 <= ticket.commission_rate <= 0.20
        if ticket.competitor_price:
            assert 0 < ticket.competitor_price.selling_price < ticket.selling_price


def test_shares_of_what_is_optional(briefs: list[Brief]) -> None:
    tickets = [ticket for brief in briefs for ticket in brief.tickets]
    assert sum(len(brief.tickets) == 2 for brief in briefs) / len(briefs) == pytest.approx(0.15, abs=0.05)
    assert sum(t.competitor_price is not None for t in tickets) / len(tickets) == pytest.approx(
        0.70, abs=0.06
    )
    assert sum(t.currency == "CNY" for t in tickets) / len(tickets) == pytest.approx(0.95, abs=0.03)
    assert {len(brief.facts) for brief in briefs} == {1, 2, 3}
    assert all("{" not in fact for brief in briefs for fact in brief.facts)


def test_tickets_of_one_brief_can_be_told_apart(briefs: list[Brief]) -> None:
    for brief in briefs:
        items = {(t.details["room"], t.details["check_in"]) for t in brief.tickets}
        assert len(items) == len(brief.tickets)


def test_splits_share_no_hotel(pack: Pack) -> None:
    hotels = [set(split_names(pack, split)) for split in ("train", "validation", "test")]
    assert all(hotels)
    assert sum(map(len, hotels)) == len(set.union(*hotels))
    for split in ("train", "validation", "test"):
        drawn = {str(brief.details["hotel"]) for brief in draw_briefs(pack, 100, seed=1, split=split)}
        assert {split_of(hotel) for hotel in drawn} == {split}


def test_the_nth_brief_does_not_depend_on_how_many_are_drawn(pack: Pack) -> None:
    assert draw_briefs(pack, 5, seed=9) == draw_briefs(pack, 50, seed=9)[:5]
    assert draw_briefs(pack, 5, seed=9) != draw_briefs(pack, 5, seed=10)


def test_unknown_split_is_refused(pack: Pack) -> None:
    with pytest.raises(InputError, match="known are train, validation, test"):
        draw_briefs(pack, 1, seed=1, split="dev")  # type: ignore[arg-type]
