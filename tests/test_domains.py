"""Domains are packs: outside their folders no line knows of hotels, and none of gifts to good causes."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "suasion"
LODGING = re.compile(
    r"(?<![a-z])(hotel|hoteli|guest|night|nite|lodg|check[-_](in|out)(?![a-z])|checkin(?!g)|occupan|breakfast|booking"
    r"|front desk|酒店|客房|房间|房价|入住)|(?<![a-z_])rooms?(?![a-z])",
    re.IGNORECASE,
)
GIVING = re.compile(
    r"(?<![a-z])(donat|donor|charit|fundrais|save the children|persuasion ?for ?good|philanthrop|giver)",
    re.IGNORECASE,
)

# What is allowed, and why: where a path begins, and the words as they stand there.
ALLOWED = [
    # A pack's name is no knowledge: the default of an option, or a pack named in an example.
    (
        "cli/",
        r'default="(hotel|generic)"'
        r"|(check|show|train-acts|--pack|--from|diff) ((hotel|generic|donation)\b ?)+",
    ),
    ("config/run.py", r'pack: str = Field\("hotel"'),
    # Another sense: memory to be filled, and what one can give way.
    ("policy/cache.py", r"\broom\b"),
    ("counterpart/coefficients.py", r"\broom: tuple|\broom to move"),
    ("counterpart/hidden_type.py", r"\broom\b"),
    ("cli/speaker.py", r'pack_name: str = "hotel"'),
    ("integrations/settings.py", r'pack: str = Field\("hotel"'),
    ("cli/evaluate.py", r"benchmarks/hotel/"),
    ("cli/bench.py", r"benchmarks/hotel"),
    ("counterpart/online.py", r"(?i)\broom\b"),
    # The example of a brief in the service's description has to be of some domain.
    (
        "serving/contracts.py",
        r'(?i)"hotel": |Sunrise Hotel|hotel\'s page|"room": "Queen Room"|"check_(in|out)": ',
    ),
    # The unit of an A/B test's log, a format that people have files in: see docs/decisions/0011.
    ("evaluation/ab", r"(?i)hotels?\b|per_hotel"),
    ("evaluation/experiment.py", r"(?i)(by_)?hotels?\b"),
    ("cli/ab.py", r"(?i)hotels?\b|per[-_]hotel"),
    ("serving/results.py", r"(?i)hotels?\b"),  # in the words of that log
    ("serving/pages/templates/experiment.html.j2", r"result\.split\.hotels"),
    ("serving/demo.py", r'PACK = "hotel"|planned\.hotels'),
]


def lines() -> list[tuple[str, int, str]]:
    """Every line of Python, locale data and templates outside `packs/`, without what is allowed there."""
    found = []
    for path in sorted(SOURCE.rglob("*")):
        name = path.relative_to(SOURCE).as_posix()
        if path.suffix not in (".py", ".yaml", ".j2", ".md") or name.startswith("packs/"):
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            for where, words in ALLOWED:
                if name.startswith(where):
                    line = re.sub(words, "", line)
            found.append((name, number, line))
    return found


@pytest.mark.parametrize("words", [LODGING, GIVING], ids=["lodging", "giving"])
def test_nothing_outside_the_packs_knows_a_domain(words: re.Pattern[str]) -> None:
    knows = [f"{name}:{number}: {line.strip()[:90]}" for name, number, line in lines() if words.search(line)]
    assert not knows, "\n".join(["move it into the pack:", *knows])


@pytest.mark.parametrize(
    ("pack", "words"), [("hotel", GIVING), ("donation", LODGING), ("generic", LODGING), ("generic", GIVING)]
)
def test_no_pack_knows_another(pack: str, words: re.Pattern[str]) -> None:
    allowed = {
        "donation": r"warm room|of its rooms|good night|weekend\|night",
        "generic": "charity",
        "hotel": "$^",
    }
    for path in sorted((SOURCE / "packs" / pack).glob("*.yaml")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            plain = re.sub(allowed[pack], "", line)
            assert not words.search(plain), f"{path.name}:{number}: {line.strip()[:100]}"


@pytest.mark.parametrize(
    "word", ["Hotel", "the check-in is", "check_out", "guests", "rooms", "two nights", "到酒店"]
)
def test_the_list_of_words_finds_what_it_should(word: str) -> None:
    assert LODGING.search(word)
    assert GIVING.search("Donations to charities")
    assert not LODGING.search("checkpoint, checks, bathroom, midnight")
