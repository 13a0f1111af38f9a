"""Numbers as people write them: digits, English words, Chinese characters. For leaks.py, sharing no code."""

import re
from collections.abc import Iterator

UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
HAN = {char: value for value, char in enumerate("零一二三四五六七八九")}
HAN |= dict(zip("〇两壹贰叁肆伍陆柒捌玖貳參陸", (0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 6), strict=True))
HAN_POWERS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}


def numbers(text: str) -> set[float]:
    """The numbers of a folded text: in digits, in English words, in Chinese characters."""
    found = {
        float(one.replace(",", ""))
        for one in re.findall(r"(?<!\d)(?<!\d\.)\d{1,9}(?:,\d{3})*(?:\.\d+)?", text)
    }
    return found | set(_in_words(text)) | set(_in_han(text))


def _in_words(text: str) -> Iterator[float]:
    run: list[str] = []
    for word in [*re.findall(r"[a-z]+|[^\sa-z-]", text), ""]:
        if word in UNITS or word in TENS[2:] or word in ("hundred", "thousand") or (word == "and" and run):
            run.append(word)
            continue
        while run and run[-1] == "and":
            run.pop()
        if run and run != ["one"]:
            yield from _values(run)
        run = []


def _values(run: list[str]) -> Iterator[float]:
    run = [word for word in run if word != "and"]
    if len(run) > 1 and all(word in UNITS[:10] for word in run):
        yield float("".join(str(UNITS.index(word)) for word in run))
        return
    total, part = 0, 0
    for place, word in enumerate(run):
        if word == "hundred":
            part = max(part, 1) * 100
        elif word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        else:
            value = UNITS.index(word) if word in UNITS else 10 * TENS.index(word)
            short = place == 1 and value >= 10 and 0 < part < 10  # "three eighty"
            part = part * 100 + value if short else part + value
    yield float(total + part)


def _in_han(text: str) -> Iterator[float]:
    for run in re.findall(rf"[{''.join(HAN)}{''.join(HAN_POWERS)}]{{2,}}", text):
        if not any(char in HAN_POWERS for char in run):
            yield float("".join(str(HAN[char]) for char in run))
            continue
        total, digit, power = 0, 0, 10
        for char in run:
            if char in HAN_POWERS:
                power = HAN_POWERS[char]
                total, digit = total + max(digit, 1) * power, 0
            else:
                digit = HAN[char]
        yield float(total + digit * (power // 10 if power > 10 and digit and run[-2] not in "零〇" else 1))


def roman(value: int) -> str:
    text = ""
    for size, sign in ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
                       (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):  # fmt: skip
        text, value = text + sign * (value // size), value % size
    return text
