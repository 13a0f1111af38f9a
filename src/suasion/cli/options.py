"""What several commands share: how paths are asked for, and how an example is shown."""

from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


def example(text: str) -> str:
    """The epilog of a command's help."""
    return f"Example:\n\n    {text}"
