"""The circuits of a chip, one family per file: energy and time per action, area and leakage.

Every family is a law in (bits, rows, columns, ways, node) whose coefficients come from a `Technology`. Units:
energies in fJ per action, times in ns, areas in um2, leakages in pW.
"""

from .adc import Converter, converter
from .array import CellArray, cell_array
from .base import Circuit
from .columns import column_circuits
from .digital import adder, adder_tree, comparator, counter, multiplier, permutation, register, selector
from .htree import HTree
from .memory import Memory, RegisterFile
from .neuron import neuron_lane
from .rows import RowDriver, row_driver
from .shift_add import input_shift_add, shift_add
from .subarray import Block, subarray

__all__ = [
    "Block",
    "CellArray",
    "Circuit",
    "Converter",
    "HTree",
    "Memory",
    "RegisterFile",
    "RowDriver",
    "adder",
    "adder_tree",
    "cell_array",
    "column_circuits",
    "comparator",
    "converter",
    "counter",
    "input_shift_add",
    "multiplier",
    "neuron_lane",
    "permutation",
    "register",
    "row_driver",
    "selector",
    "shift_add",
    "subarray",
]
