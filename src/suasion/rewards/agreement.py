"""Checks of consent: what the counterpart agreed to, and what the agent makes of it."""

from collections.abc import Iterator

from suasion.negotiation.tracker import TOLERANCE, TicketState
from suasion.rewards.grounding import as_selling, proposals
from suasion.rewards.scene import Finding, Patterns, Scene, Span, found
from suasion.rewards.traces import names_of


def silence_as_consent(scene: Scene, *, claims: Patterns = ()) -> Iterator[Finding]:
    """Takes silence, hesitation or a refusal for an agreement. `claims`: further phrasings of having one."""
    reason = _unclear(scene)
    if reason and _invents_agreement(scene, claims):
        yield Finding(_claim_span(scene, claims), f"nothing was agreed: {reason}")


def claims_agreement_without_one(scene: Scene, *, claims: Patterns = ()) -> Iterator[Finding]:
    """Claims an agreement that there is not, and that no silence or refusal was mistaken for."""
    if not _unclear(scene) and _invents_agreement(scene, claims):
        missing = "no price was agreed for this ticket" if scene.focus else "nobody said yes to it"
        yield Finding(_claim_span(scene, claims), missing)


def _unclear(scene: Scene) -> str:
    """Why the counterpart's last sign is no yes; empty when it is none of these."""
    if scene.state.silences:
        return "the counterpart is silent"
    heard = sorted(scene.state.heard & {"hesitate", "refuse"})
    return f"its last words {' and '.join(heard)}" if heard else ""


def _invents_agreement(scene: Scene, claims: Patterns) -> bool:
    focus = scene.focus
    claimed = "confirm" in scene.acts or found(claims, scene.reply) is not None
    if focus is None:
        return claimed and not scene.state.consent.given
    if not claimed or focus.agreed is not None:
        return False
    if focus.offer is not None and _says(focus.offer, scene):
        return False  # it holds the counterpart to its own offer: too dear, but no invented consent
    return not any(
        state.agreed is not None and _names_or_prices(state, scene) for state in scene.state.tickets
    )


def _claim_span(scene: Scene, claims: Patterns) -> Span | None:
    claimed = found(claims, scene.reply)
    return claimed.span() if claimed else scene.act_span("confirm")


def _names_or_prices(state: TicketState, scene: Scene) -> bool:
    text = scene.reply.casefold()
    return any(n in text for n in names_of(state.ticket)) or (
        state.agreed is not None and _says(state.agreed, scene)
    )


def _says(amount: float, scene: Scene) -> bool:
    """The reply names this selling price, as such or as the net price that it comes to."""
    if scene.focus is None:
        return False
    ticket = scene.focus.ticket
    named = (price for price in scene.prices if price.relation == "absolute")
    return any(
        abs((as_selling(price, ticket) or price.amount) - amount) <= TOLERANCE + 1e-6 for price in named
    )


def confirms_other_price(scene: Scene) -> Iterator[Finding]:
    """Restates an agreement with another price than the agreed one."""
    focus = scene.focus
    if focus is None or focus.agreed is None or "confirm" not in scene.acts or focus.restated:
        return
    named = [price for price in scene.prices if price.relation == "absolute" and price.kind != "commission"]
    if named and not _says(focus.agreed, scene):
        yield Finding(named[0].span, f"agreed is a selling price of {focus.agreed:g}")


def haggling_on(scene: Scene, *, more: Patterns = ()) -> Iterator[Finding]:
    """Asks for a still lower price when an acceptable one is agreed, or after a yes where there is none.

    `more`: phrasings of asking for more.
    """
    focus = scene.focus
    if focus is None:
        yield from _asks_on(scene, more)
        return
    if focus.agreed is None:
        return
    note = f"a selling price of {focus.agreed:g} is agreed, and is enough"
    lower = [one for one in proposals(scene) if one.selling < focus.agreed - TOLERANCE]
    asked = found(more, scene.reply)
    if lower:
        yield Finding(lower[0].mention.span, note)
    elif "ask_best" in scene.acts or asked:
        yield Finding(scene.act_span("ask_best") or (asked.span() if asked else None), note)


def _asks_on(scene: Scene, more: Patterns) -> Iterator[Finding]:
    if not scene.state.consent.given:
        return
    asked = found(more, scene.reply)
    if asked or "propose" in scene.acts:  # to ask how much the yes is about (`ask_best`) is no haggling
        yield Finding(asked.span() if asked else scene.act_span("propose"), "a yes was given, and is enough")


def repeated_confirmation(scene: Scene) -> Iterator[Finding]:
    """Confirms once more what was confirmed, though nothing changed and nobody asked."""
    if "confirm" not in scene.acts or "?" in scene.last_words:
        return
    if not scene.state.tickets and scene.state.consent.restated:
        yield Finding(scene.act_span("confirm"), "it was confirmed before, and nothing changed since")
    again = [state for state in scene.state.tickets if state.restated and state.agreed is not None]
    focus = scene.focus
    if focus is None or not again or (focus not in again and _names_or_prices(focus, scene)):
        return
    yield Finding(scene.act_span("confirm"), "it was confirmed before, and nothing changed since")
