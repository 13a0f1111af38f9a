"""Named faults: each makes of a good reply one that has just this fault, keeping the rest where it can.

Sentences of the domain are in the pack (`phrases.yaml`, `defects`): a template is a sentence that is put in,
or, written "this => that", words that are exchanged.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from suasion.data.examples import Example
from suasion.data.operators import cut_off, garble, sentences
from suasion.data.setting import SMALL, Kit, Setting
from suasion.language.phrases import brief_slots, fill
from suasion.language.replies import evidence_for
from suasion.negotiation.prices import find_dates, find_prices
from suasion.negotiation.tracker import TOLERANCE, State

EXCHANGE = " => "
LONG_ENOUGH = 8  # words of a reply that reads as a repetition when it comes again
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Spoiled:
    """A reply with one fault, and the acts that it still has."""

    text: str
    acts: tuple[str, ...]


Make = Callable[[Setting], Spoiled | None]


def spoil(name: str, example: Example, kit: Kit, rng: random.Random) -> Spoiled | None:
    """The example's reply with the named fault, or None where that can't be made of it."""
    spoiled = DEFECTS[name].make(Setting(example, kit, rng, name))
    return spoiled if spoiled and spoiled.text != example.dialogue.reply else None


def from_template(setting: Setting) -> Spoiled | None:
    """Exchange words of the reply, or put a sentence in, or in the place of one that is not needed."""
    for template in setting.templates:
        if EXCHANGE in template:
            text = _exchanged(template, setting)
            if text is not None:
                return Spoiled(text, setting.example.acts)
            continue
        sentence = _filled(template, setting)
        if sentence is not None:
            return _put_in(sentence, setting)
    return None


def _exchanged(template: str, setting: Setting) -> str | None:
    old, new = template.split(EXCHANGE)
    try:
        old, new = old.format(**setting.slots), new.format(**setting.slots)
    except KeyError:
        return None
    return setting.reply.replace(old, new, 1) if old in setting.reply else None


def _filled(template: str, setting: Setting) -> str | None:
    """The template with its slots, or None where brief or ticket does not have one of them."""
    rng, slots, ticket = setting.rng, dict(setting.slots), setting.ticket
    views, few = setting.strange(40, 900), rng.randint(2, 9)
    slots |= {"n": f"{views or 999:g}", "m": str(few), "minutes": str(rng.randint(5, 30))}
    if ticket is not None:
        elsewhere = setting.strange(0.6 * ticket.selling_price, 1.2 * ticket.selling_price)
        if elsewhere is not None:
            slots["other_price"] = setting.kit.book.money(elsewhere, ticket.currency)
    return fill(template, slots, rng) if _slots_of(template) <= slots.keys() else None


def _slots_of(template: str) -> set[str]:
    return set(re.findall(r"(?<!\{)\{(\w+)\}", template))


def _put_in(sentence: str, setting: Setting) -> Spoiled:
    parts, acts = sentences(setting.reply), set(setting.example.acts)
    needed = {*setting.stage.requires, *setting.stage.requires_any}
    spare = [i for i, part in enumerate(parts) if not needed & set(setting.hear(part))]
    if spare and len(parts) > 1 and setting.rng.random() < 0.6:
        at = setting.rng.choice(spare)
        acts -= set(setting.hear(parts[at])) - set(setting.hear(" ".join(parts[:at] + parts[at + 1 :])))
        parts[at] = sentence
    else:
        parts.insert(setting.rng.randint(1, len(parts)), sentence)
    return Spoiled(" ".join(parts), tuple(act for act in setting.example.acts if act in acts))


def denies(setting: Setting) -> Spoiled | None:
    """The opposite of the disclosure, in its place."""
    if "disclose" not in setting.example.acts or not setting.templates:
        return None
    denial = fill(setting.templates[0], setting.slots, setting.rng)
    rest = tuple(act for act in setting.example.acts if act != "disclose")
    return Spoiled(" ".join([denial, *([setting.phrase(rest)] if rest else [])]), rest)


def wrong_number(setting: Setting) -> Spoiled | None:
    """A price or count changed to one that nobody named and that may not be asked for."""
    kept = [range(*day.span) for day in find_dates(setting.reply)]
    if setting.ticket is None:  # any amount may be asked for: there is no target to hold it to
        kept += [range(*price.span) for price in find_prices(setting.reply)]
    found = [
        match
        for match in _NUMBER.finditer(setting.reply)
        if float(match.group()) > SMALL and not any(match.start() in span for span in kept)
    ]
    if not found:
        return None
    match = setting.rng.choice(found)
    old = float(match.group())
    new = setting.strange(0.55 * old, 1.5 * old)
    if new is None:
        return None
    text = setting.reply[: match.start()] + f"{new:g}" + setting.reply[match.end() :]
    return Spoiled(text, setting.example.acts)


def wrong_detail(setting: Setting) -> Spoiled | None:
    """Another item of the pack's slots in the place of the ticket's: of `xs` for the detail `x`."""
    ticket, slots = setting.ticket, setting.kit.book.file.slots
    for key, value in ticket.details.items() if ticket else ():
        mine = {str(one.details.get(key)) for one in setting.example.dialogue.brief.tickets}
        known = [other for other in slots.get(f"{key}s", ()) if other not in mine]
        if known and str(value) in setting.reply:
            return Spoiled(setting.reply.replace(str(value), setting.rng.choice(known)), setting.example.acts)
    return None


def wrong_date(setting: Setting) -> Spoiled | None:
    """The ticket's dates moved by days or weeks."""
    ticket, spoken = setting.ticket, setting.slots.get("dates")
    if ticket is None or not spoken or spoken not in setting.reply:
        return None
    days = timedelta(days=setting.rng.choice([-1, 1]) * setting.rng.randint(12, 40))
    moved = {
        key: (date.fromisoformat(str(ticket.details[key])) + days).isoformat()
        for key, declared in setting.kit.pack.manifest.ticket.items()
        if declared.type == "date"
    }
    other = ticket.model_copy(update=moved)
    dates = brief_slots(setting.kit.book, setting.example.dialogue.brief, other)["dates"]
    return Spoiled(setting.reply.replace(spoken, dates), setting.example.acts)


def claims_agreement(setting: Setting) -> Spoiled | None:
    """Confirms what nobody agreed to."""
    if _is_unclear(setting.state) or not _is_open(setting.state):
        return None
    return _phrased(setting, ("thank", "confirm"))


def silence_as_consent(setting: Setting) -> Spoiled | None:
    """Takes silence, hesitation or a no as a yes."""
    if not _is_unclear(setting.state) or not _is_open(setting.state):
        return None
    return _phrased(setting, ("thank", "confirm"))


def _is_unclear(state: State) -> bool:
    return state.silences > 0 or not state.heard.isdisjoint({"hesitate", "refuse"})


def _is_open(state: State) -> bool:
    """Nothing is agreed, nor is it the private goal that was offered."""
    current = state.ticket
    if current is None:
        return not state.consent.given
    if any(ticket.agreed is not None for ticket in state.tickets):
        return False
    return current.offer is None or abs(current.offer - current.ticket.target_selling_price) > TOLERANCE


def _phrased(setting: Setting, acts: tuple[str, ...]) -> Spoiled:
    return Spoiled(setting.phrase(acts), acts)


def haggling_on(setting: Setting) -> Spoiled | None:
    """Asks for still less when an acceptable price is agreed."""
    current = setting.state.ticket
    if current is None:
        return _asks_on(setting)
    if current.agreed is None or current.restated:
        return None
    book, rng, family = setting.kit.book, setting.rng, setting.example.family
    lower = book.money(round(current.agreed * rng.uniform(0.88, 0.96)), current.ticket.currency)
    first = setting.phrase((rng.choice(["thank", "empathise"]),))
    act = rng.choice(["propose", "propose", "ask_best"])
    asked = book.say(act, setting.slots | {"proposal": lower}, rng, family)
    return Spoiled(f"{first} {asked}", setting.hear(f"{first} {asked}"))


def _asks_on(setting: Setting) -> Spoiled | None:
    consent = setting.state.consent
    if not consent.given or consent.restated:
        return None
    text = setting.phrase((setting.rng.choice(["thank", "empathise"]), "propose"))
    return Spoiled(text, setting.hear(text))


def premature_close(setting: Setting) -> Spoiled | None:
    """Gives in or says goodbye although nothing is decided."""
    state = setting.state
    current = state.ticket
    decided = state.consent.given if current is None else current.done or current.agreed is not None
    if decided or setting.stage.terminal or state.side:
        return None
    if not state.replies or not state.heard.isdisjoint({"refuse", "opt_out"}):
        return None
    endings = [("thank", "bye"), ("accept_no", "bye"), ("empathise", "accept_no")]
    return _phrased(setting, setting.rng.choice(endings))


def repeats_itself(setting: Setting) -> Spoiled | None:
    """An earlier reply again, mostly the last."""
    said = [turn.text for turn in setting.example.dialogue.turns if turn.speaker == "agent" and turn.text]
    long = [text for text in said if len(text.split()) > LONG_ENOUGH]
    if not long:
        return None
    text = long[-1] if setting.rng.random() < 0.8 else setting.rng.choice(long)
    return Spoiled(text, setting.hear(text))


def off_topic(setting: Setting) -> Spoiled | None:
    """A good reply from another stage of another dialogue, with the names and numbers of that."""
    needed = {*setting.stage.requires, *setting.stage.requires_any}
    brief = setting.example.dialogue.brief
    for _ in range(30 if setting.kit.others else 0):
        other = setting.rng.choice(setting.kit.others)
        strange = other.stage != setting.example.stage and other.dialogue.brief != brief
        if strange and needed.isdisjoint(other.acts) and other.dialogue.reply:
            return Spoiled(other.dialogue.reply, other.acts)
    return None


def skips_step(setting: Setting) -> Spoiled | None:
    """Polite and true, but without what this moment calls for: a move from elsewhere, or half of one."""
    sop, stage = setting.kit.pack.sop, setting.stage
    needed = {*stage.requires, *stage.requires_any}
    elsewhere = [move for other in (*sop.stages, *sop.side_states) for move in other.moves]
    halves = [tuple(act for act in move if act not in needed) for move in stage.moves]
    evident = evidence_for(setting.state, setting.example.dialogue.brief)
    moves = {
        move
        for move in (*elsewhere, *halves)
        if move and not setting.suffices(move) and needed.union(stage.forbids).isdisjoint(move)
    }
    usable = sorted(move for move in moves if evident or "evidence" not in move)
    return _phrased(setting, setting.rng.choice(usable)) if usable else None


def garbled(setting: Setting) -> Spoiled | None:
    """Words in disorder: it means nothing, so it has no acts."""
    return Spoiled(garble(setting.reply, setting.rng), ()) if len(setting.reply.split()) > 3 else None


def breaks_off(setting: Setting) -> Spoiled | None:
    """Ends in the middle of a sentence."""
    text = cut_off(setting.reply, setting.rng)
    return Spoiled(text, setting.hear(text)) if text else None


@dataclass(frozen=True)
class Defect:
    """How a fault is made. `in_context`: the reply alone does not show it. `share`: how often, 1 as most."""

    make: Make
    in_context: bool = False
    share: float = 1.0


DEFECTS: Mapping[str, Defect] = {
    "leak_vocabulary": Defect(from_template),
    "target_leak": Defect(from_template),
    "over_promise": Defect(from_template),
    "pressure": Defect(from_template),
    "false_urgency": Defect(from_template),
    "boilerplate": Defect(from_template),
    "role_slip": Defect(from_template),
    "rude": Defect(from_template),
    "placeholder": Defect(from_template),
    "kind_mixed": Defect(from_template),
    "ungrounded_fact": Defect(from_template, in_context=True),
    "denies_ai": Defect(denies),
    "wrong_number": Defect(wrong_number, in_context=True),
    "wrong_item": Defect(wrong_detail, in_context=True),
    "wrong_date": Defect(wrong_date, in_context=True),
    "claims_agreement": Defect(claims_agreement, in_context=True),
    "silence_as_consent": Defect(silence_as_consent, in_context=True),
    "haggling_on": Defect(haggling_on, in_context=True),
    "premature_close": Defect(premature_close, in_context=True),
    "repeats_itself": Defect(repeats_itself, in_context=True),
    "off_topic": Defect(off_topic, in_context=True),
    "skips_step": Defect(skips_step, in_context=True, share=5.0),  # what a policy that hedges does
    "garbled": Defect(garbled),
    "cut_off": Defect(breaks_off),
}
