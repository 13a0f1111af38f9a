"""How an OpenAI-compatible endpoint is asked."""

from urllib.parse import urlsplit

from pydantic import Field

from suasion.config.base import Frozen


class EndpointConfig(Frozen):
    """What a call of any endpoint may take."""

    concurrency: int = Field(16, ge=1, le=100, description="calls at once")
    requests_per_minute: int | None = Field(None, ge=1, description="retries count; no limit by default")
    tokens_per_minute: int | None = Field(None, ge=1, description="sent and received; no limit by default")
    timeout_s: float = Field(30, gt=0, description="of one attempt")
    retries: int = Field(
        3, ge=0, description="more attempts after 429, 5xx, a time-out, a lost connection, no answer"
    )
    backoff_s: float = Field(0.5, gt=0, description="before the first of them; doubled each time, to 8 s")
    max_tokens: int = Field(200, ge=8, description="longest answer")


class VoiceConfig(EndpointConfig):
    """How a model is asked to word what a simulated counterpart says."""

    concurrency: int = Field(8, ge=1, le=100, description="conversations that are answered at once")
    retries: int = Field(2, ge=0, description="more attempts at a text that the endpoint failed to give")
    max_tokens: int = Field(120, ge=8, description="longest text")
    temperature: float = Field(0.7, ge=0, le=2)
    tries: int = Field(
        3, ge=1, description="texts that are asked for before the pack's phrases are used, where they deviate"
    )


def check_address(address: str, whose: str = "judge") -> None:
    """Raises ValueError for an address without a host, or that may hold a secret: it stands in run folders.

    What it says does not repeat the address.
    """
    if not address.startswith(("http://", "https://")):
        return
    try:
        parts = urlsplit(address)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(f"a {whose}'s address needs a host, and a port that is one or none")
    if parts.username or parts.password or parts.query or parts.fragment:
        key = f"$SUASION_{whose.upper()}_KEY"
        raise ValueError(f"a {whose}'s address is scheme, host and path alone: the key goes into {key}")
