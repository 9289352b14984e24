"""The wires of a crossbar: circuits, transfer matrices, and the solvers that check them."""

from .circuit import Wires, at_temperature, circuit
from .transfer import (
    FAST_SWEEPS,
    Transfer,
    driver_admittance,
    floating_operators,
    forget,
    interleaved,
    solve_transfer,
    solve_transfers,
    transfer_matrices,
    transfer_matrix,
)

__all__ = [
    "FAST_SWEEPS",
    "Transfer",
    "Wires",
    "at_temperature",
    "circuit",
    "driver_admittance",
    "floating_operators",
    "forget",
    "interleaved",
    "solve_transfer",
    "solve_transfers",
    "transfer_matrices",
    "transfer_matrix",
]
