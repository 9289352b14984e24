"""`python -m spikesim_py.cli` is `spikesim`."""

from . import main

main()
