"""`python -m spikesim_py` is `spikesim`."""

from .cli import main

main()
