"""Agreements that a person should look at before they are confirmed: nobody may have meant them."""

import re

from suasion.counterpart.listening import as_selling
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.prices import find_prices
from suasion.negotiation.tracker import TicketState

LEAST_SHARE = 0.5  # of the price of now: nobody halves it, but "by 380" and "-50" read like that
SAME = 0.5  # money apart at most
_SENTENCE = re.compile(r"(?<=[.!?。！？;；])(?!\d)|\n|[,，](?!\d)(?!\s*\w+\s*[?？])")  # "380, right?" is one
_COMPARES = re.compile(
    r"\b(below|above|under|over|between|closer|higher|lower|more|less|warmer|colder|which|or)\b|以上|以下|还是|之间"
    r"|大于|小于|高于|低于",
    re.IGNORECASE,
)


def doubt(ticket: TicketState, dialogue: Dialogue) -> str | None:
    """Why the price that counts as agreed may be a misunderstanding; None where nothing speaks for that.

    Besides a price far too low: the counterpart's last words name it only to ask ("is it below 350?"), and
    compare, or state another price.
    """
    agreed = ticket.agreed
    if agreed is None:
        return None
    if agreed < LEAST_SHARE * ticket.ticket.selling_price:
        return f"{agreed:g} is under half of the price of now"
    heard = [turn.text for turn in dialogue.turns if turn.speaker == "counterpart" and turn.text]
    if not heard:
        return None
    asking, stated, compared = False, set(), False
    digits = re.compile(rf"(?<![\d.]){re.escape(f'{agreed:g}')}(?![\d])")
    for sentence in _SENTENCE.split(heard[-1]):
        found = find_prices(sentence, ticket.ticket.currency)
        prices = {price for one in found if (price := as_selling(one, ticket.ticket)) is not None}
        named = any(abs(price - agreed) < SAME for price in prices) or bool(digits.search(sentence))
        if not sentence.rstrip().endswith(("?", "？")):
            if named:
                return None
            stated |= prices
        elif named:
            asking, compared = True, compared or bool(_COMPARES.search(sentence))
    if asking and (compared or stated):
        return f"{agreed:g} was asked about, not offered"
    return None
