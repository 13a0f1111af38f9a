"""Files appear whole or not at all: written beside their target, then moved there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suasion.errors import InputError


class NotWrittenError(InputError):
    """The disk is full, or the file can't be written for another reason; what was there before is whole."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` in the end.

    Raises NotWrittenError where the writing failed; then `path` is as it was, and nothing lies beside it.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        _settle(part)
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        # safetensors has an error of its own for a full disk, and it can't be imported everywhere
        if isinstance(error, OSError) or type(error).__name__ == "SafetensorError":
            raise NotWrittenError(
                f"can't be written: {error}. What stood there before is whole; free some space (or mend what "
                "is in the way), then go on with --resume where the command has it",
                str(path),
            ) from None
        raise


def _settle(path: Path) -> None:
    """Wait until it is on the disk, so that a power cut can't leave a file that was moved but is empty."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
