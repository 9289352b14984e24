"""`python -m spikesim_py.sweep STORE JOB`: the process of a job that was launched."""

import sys

from .launch import run_queued

if __name__ == "__main__":
    run_queued(sys.argv[1], int(sys.argv[2]))
