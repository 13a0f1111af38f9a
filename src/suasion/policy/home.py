"""Where Suasion keeps what is made once: converted models, a judge's answers."""

import os
from pathlib import Path


def home() -> Path:
    """$SUASION_HOME or ~/.cache/suasion."""
    return Path(os.environ.get("SUASION_HOME") or Path.home() / ".cache" / "suasion")
