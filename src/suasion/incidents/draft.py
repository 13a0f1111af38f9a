"""A patch drafted from an incident: the marked words as a pattern, the dialogue as what must flip."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Any

import yaml

from suasion.errors import InputError
from suasion.incidents.blocks import list_blocks
from suasion.incidents.incident import Incident
from suasion.incidents.patch import ENOUGH_VERDICTS, content_version
from suasion.incidents.patched import entries_of
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.rewards.scene import compiled, sentences_in
from suasion.rewards.score import Severity

LONG = 6  # words; a longer pattern catches little else than the incident
POINTS = {Severity.LOW: -10, Severity.HIGH: -30, Severity.CRITICAL: -60}  # where the pack has no such rule
VERDICT_OF = {"brief": "brief", "context": "turns", "reply": "reply"}  # of a record
_WORD = re.compile(r"[A-Za-z0-9_]")  # what RE2's \b takes for a word


def draft_pattern(reply: str, span: tuple[int, int]) -> str:
    """An RE2 pattern of the marked words: any white space between them, whole words where they are ASCII.

    A span that cuts a word in two is widened to the whole word. Apostrophes are straight, as rules see them.
    """
    text = reply.replace("\u2019", "'")
    start, end = span
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end -= len(text[start:end]) - len(text[start:end].rstrip())
    while start > 0 and _WORD.match(text[start]) and _WORD.match(text[start - 1]):
        start -= 1
    while end < len(text) and _WORD.match(text[end - 1]) and _WORD.match(text[end]):
        end += 1
    marked = text[start:end]
    space = r"\s+" if marked.isascii() or all(c in " \t\n\r" for c in marked if c.isspace()) else r"[\s\pZ]+"
    words = space.join(_escape(word) for word in marked.split())
    left = r"\b" if _WORD.match(marked[0]) else ""
    right = r"\b" if _WORD.match(marked[-1]) else ""
    return left + words + right


def _escape(word: str) -> str:
    """Signs that mean something to RE2 are escaped; letters of any script stay readable."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", word)


def draft_rule(incident: Incident, pack: Pack, who: str, when: str) -> str:
    """A patch that adds a rule of the incident's severity, with the marked words as its pattern."""
    pattern = draft_pattern(incident.dialogue.reply or "", incident.span)
    rules = RuleSet.load(pack)
    name = _free(incident, {rule.id for rule in rules.rules})
    points = [rule.points for rule in rules.rules if rule.severity == incident.severity]
    bad, good = _example_replies(incident, pattern)
    rule = {
        "id": name,
        "severity": incident.severity.value,
        "points": round(median(points)) if points else POINTS[incident.severity],
        "note": incident.wrong,
        "any": [_Quoted(pattern)],
        "hits": [bad],
        "passes": good,
    }
    long = len(incident.text.split()) > LONG
    advice = ["The pattern is long: shorten it to the words that must never be said."] if long else []
    return _text(incident, who, when, f"add-{name}", {"rule": rule}, _cases(incident, pattern), advice)


def draft_change(incident: Incident, pack: Pack, rule_id: str, who: str, when: str) -> str:
    """A patch that adds the marked words to the patterns of a rule that the pack has.

    Raises InputError when there is no such rule, or it has no list of patterns in lines of its own.
    """
    path = pack.path / "rules.yaml"
    text = path.read_bytes().decode("utf-8")
    base = _version_of(rule_id, text, pack)
    pattern = draft_pattern(incident.dialogue.reply or "", incident.span)
    listing = list_blocks(text, str(path), "rules")
    block = next(one for one in listing.blocks if one.id == rule_id)
    lines = listing.source(block).splitlines()
    lines = [line[block.indent + 2 :] for line in lines]
    if any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in yaml.scan("\n".join(lines))):
        raise InputError(
            f"rule {rule_id!r} shares a part with others (& or *): write the patch by hand", str(path)
        )
    start = next((n for n, line in enumerate(lines) if re.fullmatch(r"any:\s*(#.*)?", line)), None)
    if start is None:
        raise InputError(f"rule {rule_id!r} has no patterns, one a line, under any: to add to", str(path))
    end = start + 1
    while end < len(lines) and re.match(r"\s*(-|#)", lines[end]):
        end += 1
    indent = lines[start + 1][: len(lines[start + 1]) - len(lines[start + 1].lstrip())]
    lines.insert(end, f"{indent}- {_dump(_Quoted(pattern)).strip()}")
    body = "rule:\n" + "\n".join(f"  {line}" if line else "" for line in lines) + "\n"
    name = f"change-{rule_id}-{incident.id}"
    return _text(incident, who, when, name, {"base": base}, _cases(incident, pattern), [], body)


def draft_removal(incident: Incident, pack: Pack, rule_id: str, who: str, when: str) -> str:
    """A patch that removes a rule that should not have objected to the incident's reply."""
    text = (pack.path / "rules.yaml").read_bytes().decode("utf-8")
    head = {"removes": rule_id, "base": _version_of(rule_id, text, pack)}
    cases = {"passes": [{"dialogue": _record(incident.dialogue)}]}
    return _text(incident, who, when, f"remove-{rule_id}", head, cases, [])


def _version_of(rule_id: str, text: str, pack: Pack) -> str:
    entries, _ = entries_of(text, pack.path / "rules.yaml", "rules")
    if rule_id not in entries:
        raise InputError(
            f"no rule {rule_id!r}; there are {', '.join(entries)}", str(pack.path / "rules.yaml")
        )
    return content_version(entries[rule_id])


def draft_criterion(incident: Incident, question: str, points: float, who: str, when: str) -> str:
    """A patch that adds a criterion, with verdicts from the incident for a person to confirm or to mend."""
    name = "-".join(re.findall(r"[a-z0-9]+", question.lower())[:5]) or "criterion"
    criterion = {"id": name, "question": question, "points": points, "version": 1}
    pattern = draft_pattern(incident.dialogue.reply or "", incident.span)
    others = [case["dialogue"] for case in _cases(incident, pattern).get("passes", [])]
    proposed = [(_record(incident.dialogue), True), *((record, False) for record in others)]
    verdicts = [
        {key: record[name] for key, name in VERDICT_OF.items()} | {"verdict": verdict, "confirmed": False}
        for record, verdict in proposed
    ]
    advice = [
        f"Mend each verdict and set confirmed: true; it takes at least {ENOUGH_VERDICTS}, of both answers.",
    ]
    head = {"criterion": criterion, "verdicts": verdicts}
    return _text(incident, who, when, f"add-{name}", head, {}, advice)


def _text(
    incident: Incident,
    who: str,
    when: str,
    name: str,
    change: dict[str, Any],
    cases: dict[str, Any],
    advice: Sequence[str],
    body: str = "",
) -> str:
    head = {"id": name, "who": who, "when": when, "why": incident.wrong, "incidents": [incident.id]}
    comments = [
        f"Drafted from incident {incident.id}. Read it, mend it, then `suasion patch check` it.",
        *advice,
    ]
    limits = {"limits": {"max_share": 0.05}}
    return "".join(
        (
            *(f"# {line}\n" for line in comments),
            _dump(head) + _dump(change) + body,
            _dump(cases) if cases else "",
            _dump(limits),
        )
    )


def _example_replies(incident: Incident, pattern: str) -> tuple[str, list[str]]:
    """The sentence that must be objected to, and what is left of the incident's words that must not be."""
    reply = incident.dialogue.reply or ""
    bad = next(
        (
            reply[a:b].strip()
            for a, b in sentences_in(reply)
            if a <= incident.span[0] and incident.span[1] <= b
        ),
        reply.strip(),
    )
    said = [turn.text for turn in incident.dialogue.turns if turn.speaker == "agent" and turn.text]
    rest = [reply[a:b].strip() for a, b in sentences_in(reply)]
    good = [text for text in [*rest, *said] if text and not _matches(pattern, text)]
    return bad, good[:2] or ["Thank you for your answer."]


def _cases(incident: Incident, pattern: str) -> dict[str, Any]:
    """The incident must flip; its reply without the sentence, and what the agent said before, must stay."""
    dialogue = incident.dialogue
    flips = _record(dialogue)
    cases: dict[str, Any] = {"hits": [{"dialogue": flips}]}
    reply = dialogue.reply or ""
    kept = "".join(reply[a:b] for a, b in sentences_in(reply) if not _matches(pattern, reply[a:b])).strip()
    stay = [dialogue.with_reply(kept)] if kept and not _matches(pattern, kept) else []
    for number, turn in enumerate(dialogue.turns):
        if turn.speaker == "agent" and turn.text and not _matches(pattern, turn.text):
            stay.append(dialogue.model_copy(update={"turns": dialogue.turns[:number], "reply": turn.text}))
    if stay:
        cases["passes"] = [{"dialogue": {**_record(one), "brief": flips["brief"]}} for one in stay]
    return cases


def _matches(pattern: str, text: str) -> bool:
    found = compiled((pattern,))
    return found is not None and found.search(text.replace("\u2019", "'")) is not None


def _free(incident: Incident, taken: set[str]) -> str:
    """A rule's id from what is wrong, without the incident's date."""
    name = first = re.sub(r"^\d{4}-\d\d-\d\d-", "", incident.id)
    number = 1
    while name in taken:
        number += 1
        name = f"{first}-{number}"
    return name


def _record(dialogue: Dialogue) -> dict[str, Any]:
    return dialogue.model_dump(mode="json", exclude_none=True)


class _Quoted(str):
    """A pattern: always in single quotes, in which a backslash is a backslash."""


class _Dumper(yaml.SafeDumper):
    """A brief that several cases share stands in the first and is named in the others; nothing else is."""

    def ignore_aliases(self, data: Any) -> bool:
        return not (isinstance(data, dict) and "tickets" in data)


_Dumper.add_representer(
    _Quoted, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style="'")
)


def _dump(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
