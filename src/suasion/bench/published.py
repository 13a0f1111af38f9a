"""The paper's figures (arXiv 2510.04214 v3), in percent; its ratings are of three experts, from 1 to 5."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    rating: float | None = None
    excellent: float | None = None
    fixed: float | None = None
    clean: float | None = None
    major: float | None = None
    severe: float | None = None
    response: float | None = None
    success: float | None = None


PUBLISHED = {
    "base": Published(rating=3.43, excellent=13.33),
    "sft": Published(fixed=93.33, clean=31.11, major=42.22, severe=0.0),
    "dpo": Published(rating=3.80, excellent=33.33, fixed=93.33, clean=40.00, major=31.11, severe=2.22),
    "ppo": Published(fixed=86.66, clean=33.33, major=31.11, severe=0.0),
    "grpo": Published(rating=4.30, excellent=43.33, fixed=71.10, clean=44.44, major=13.33, severe=4.44),
    "repo": Published(
        rating=4.63, excellent=66.67, fixed=93.33, clean=75.56, major=4.44, severe=0.0,
        response=58.86, success=25.26,
    ),
    "intent": Published(response=46.72, success=19.32),
}  # fmt: skip
