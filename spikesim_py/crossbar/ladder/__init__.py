"""Crossbars whose rows gate access transistors: exact reads of column ladders, one pass over the active rows."""

from .circuit import Ladder, ladder_of, work_arrays
from .kernels import ladder_noise, ladder_reads, ladder_sums

__all__ = ["Ladder", "ladder_noise", "ladder_of", "ladder_reads", "ladder_sums", "work_arrays"]
