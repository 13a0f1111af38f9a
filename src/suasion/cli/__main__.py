"""`python -m suasion.cli`."""

from suasion.cli import main

main()
