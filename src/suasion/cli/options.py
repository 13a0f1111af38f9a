"""What several commands share: how paths are asked for, and how an example is shown."""

import sys
from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


def example(text: str) -> str:
    """The epilog of a command's help."""
    return f"Example:\n\n    {text}"


def command_line() -> str:
    """The command as it was given, for the record of a run."""
    return "suasion " + " ".join(sys.argv[1:])
