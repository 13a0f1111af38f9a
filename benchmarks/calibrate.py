"""Fit the evaluation counterpart to the paper's production baseline, on the intent-driven agent alone.

    python benchmarks/calibrate.py             # what the file gives: three seeds of 4,000 negotiations
    python benchmarks/calibrate.py --fit       # fit `no_reply`, then `rigid`, and print both: for the file
    python benchmarks/calibrate.py --heard     # which phrases the other side's patterns do not hear

First the range of `no_reply` is moved until as many answer (four messages are enough to see it), then `rigid`
until as many tickets are won. No other agent is asked. What is printed goes into hotel/counterpart.yaml by
hand, with a line in CHANGES.md, since it is an instrument.
"""

import random
import sys
from pathlib import Path

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.coefficients import Coefficients
from suasion.counterpart.simulate import simulate
from suasion.evaluation.bad_cases import load_checks
from suasion.evaluation.counterpart import World, load_world
from suasion.evaluation.metrics import ticket_results
from suasion.language.acts import load_hearing
from suasion.language.phrases import brief_slots, fill
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

FOLDER = Path(__file__).parent / "hotel"
RESPONSE, SUCCESS = 0.4672, 0.1932  # the paper's intent-driven system
FITTED_ON, MEASURED_ON, SIZE = 101, (1, 2, 3), 4000
OPENING = 4  # messages after which nobody who has been silent begins to answer


def world() -> World:
    return load_world(FOLDER / "counterpart.yaml", load_checks(FOLDER / "checks.yaml"), Pack.load("hotel"))


def rates(talks: list[Dialogue]) -> tuple[float, float]:
    """Share of conversations with a response, of tickets with a success."""
    tickets = ticket_results(talks)
    answered = sum(bool(talk.outcome and talk.outcome.responded) for talk in talks)
    return answered / len(talks), sum(one.success for one in tickets) / len(tickets)


def response(one: World, size: int) -> float:
    """Of openings alone."""
    briefs = draw_briefs(one.pack, size, FITTED_ON, "train")
    agent = IntentAgent(one.pack)
    talks = simulate(
        agent,
        briefs,
        FITTED_ON,
        pack=one.pack,
        hearing=one.hearing,
        counterpart=one.counterpart,
        max_replies=OPENING,
    )
    return rates(talks)[0]


def with_population(one: World, **changes: object) -> World:
    base = one.ears.coefficients
    population = base.population.model_copy(update=changes)
    return one.changed(
        Coefficients.model_validate({**base.model_dump(), "population": population.model_dump()})
    )


def fit(one: World) -> World:
    """The world with both fitted: bisection on the shift of `no_reply`, then two steps of `rigid`."""
    low, high = one.ears.coefficients.population.no_reply
    down, up = -0.25, 0.25
    for _ in range(7):
        shift = (down + up) / 2
        one = with_population(one, no_reply=(round(low + shift, 3), round(high + shift, 3)))
        down, up = (shift, up) if response(one, SIZE) > RESPONSE else (down, shift)
    for _ in range(2):
        briefs = draw_briefs(one.pack, SIZE, FITTED_ON, "train")
        _, won = rates(one.hold(IntentAgent(one.pack), briefs, FITTED_ON))
        rigid = 1 - (1 - one.ears.coefficients.population.rigid) * SUCCESS / won
        one = with_population(one, rigid=round(min(0.99, max(0.0, rigid)), 3))
        print(f"success {won:.2%}: rigid {rigid:.3f}")
    return one


def heard(one: World) -> None:
    """Phrases of the evaluation counterpart that the pack's patterns miss, and the other way round."""
    pack, rng = one.pack, random.Random(0)
    book, theirs = one.ears.book, load_hearing(pack)
    brief = draw_briefs(pack, 1, 0, "test")[0]
    price = book.money(450, "CNY")
    slots = brief_slots(book, brief, brief.tickets[0]) | {"worry": "costs are high", "net": "400"}
    slots |= dict.fromkeys(("offer", "proposal", "agreed"), price)
    slots["evidence"] = fill(book.file.evidence["fact"][0], {"fact": brief.facts[0]}, rng)
    for speaker, acts, hearing in (
        ("counterpart", book.file.counterpart, theirs),
        ("agent", book.file.agent, one.hearing),
    ):
        said = [
            (act.removesuffix("_net"), fill(text, slots, rng))
            for act, families in acts.items()
            for family in families.values()
            for text in family
        ]
        missed = [text for act, text in said if act not in hearing.hear(speaker, text)]
        print(f"of {len(said)} phrases of the {speaker} {len(missed)} are missed:", *missed, sep="\n  ")


def main() -> None:
    one = world()
    if sys.argv[1:] == ["--heard"]:
        heard(one)
        return
    if sys.argv[1:] == ["--fit"]:
        one = fit(one)
        found = one.ears.coefficients.population
        print(f"no_reply: [{found.no_reply[0]}, {found.no_reply[1]}]\nrigid: {found.rigid}")
    sums = [0.0, 0.0]
    for seed in MEASURED_ON:
        talks = one.hold(IntentAgent(one.pack), draw_briefs(one.pack, SIZE, seed, "train"), seed)
        found_rates = rates(talks)
        sums = [total + rate / len(MEASURED_ON) for total, rate in zip(sums, found_rates, strict=True)]
        print(f"seed {seed}: response {found_rates[0]:.2%}, success per ticket {found_rates[1]:.2%}")
    print(f"together: {sums[0]:.2%} and {sums[1]:.2%}; the paper's are {RESPONSE:.2%} and {SUCCESS:.2%}")


if __name__ == "__main__":
    main()
