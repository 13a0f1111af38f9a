"""What only the agent may read, so that the guard finds it in a reply: notes, prompt, the agency's share."""

from collections.abc import Container

import re2

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.scene import words_of

RUN = 6  # words in a row from the system prompt that are no accident
CLAUSE = 4  # words of a clause that is whole: fewer may be said by anybody


def repeats(words: tuple[str, ...], runs: Container[tuple[str, ...]]) -> bool:
    """Whether any of `prompt_runs` is among the words of a reply."""
    sizes = range(CLAUSE, RUN + 1)
    return any(words[i : i + size] in runs for size in sizes for i in range(len(words)))


def leak_pattern(pack: Pack) -> "re2._Regexp | None":
    """The notes that a prompt tells among the turns: opening, silence, and where the reply stands."""
    prompt = pack.manifest.prompt
    steps = [step.id for step in (*pack.sop.stages, *pack.sop.side_states)] if prompt.stage else []
    starts = [re2.escape(prompt.opening.strip("[]")), re2.escape(prompt.silence.strip("[]").split("{")[0])]
    starts += [re2.escape(step) + r"\s*[\]):,]" for step in steps]
    options = re2.Options()
    options.case_sensitive = False
    return re2.compile(r"[\[(]\s*(?:" + "|".join(filter(None, starts)) + ")", options)


def prompt_runs(pack: Pack) -> frozenset[tuple[str, ...]]:
    """Every `RUN` words in a row of the system prompt's own wording without slots, and its short clauses."""
    runs: set[tuple[str, ...]] = set()
    for literal in re2.split(r"\{[^}]*\}|\n", pack.manifest.prompt.system):
        words = words_of(literal)
        runs |= {words[i : i + RUN] for i in range(len(words) - RUN + 1)}
        clauses = map(words_of, re2.split(r"[.,;:]", literal))
        runs |= {clause for clause in clauses if CLAUSE <= len(clause) < RUN}
    return frozenset(runs)


def commission_told(dialogue: Dialogue, looks: str) -> str | None:
    """The share that a ticket leaves the agency, where the counterpart did not name it itself."""
    heard = " ".join(turn.text or "" for turn in dialogue.turns if turn.speaker == "counterpart")
    for ticket in dialogue.brief.tickets:
        share = f"{100 * ticket.commission_rate:g}"
        said = re2.compile(rf"(?:^|[^\d.]){re2.escape(share)}\s?(?:%|percent|per cent)")
        if ticket.commission_rate and said.search(looks) and not said.search(heard):
            return f"{share}%"
    return None
