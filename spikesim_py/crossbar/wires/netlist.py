"""The circuits of `nodal.py` as ngspice netlists: a solver that nobody here wrote.

Needs ngspice (https://ngspice.sourceforge.io; Debian: apt-get install ngspice). The operating point of 32 x 32 cells
takes about 0.1 s, of 64 x 64 seconds.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError, SpikesimError
from .circuit import Wires
from .nodal import circuit_of

#: where the program is, or None
NGSPICE = shutil.which("ngspice")
#: nothing is added to the circuit, and all 17 digits of a result are printed
_HEAD = ".options gmin=1e-25 reltol=1e-12 abstol=1e-25 vntol=1e-20"
_SOLVE = [".control", "op", "set numdgt=17"]
_CURRENT = re.compile(r"^i\(vsense(\d+)\) = (\S+)$", re.MULTILINE)


def netlist(
    conductance: ArrayLike, wires: Wires, volts: ArrayLike, *, active: ArrayLike | None = None, phase: int = 0
) -> str:
    """ngspice text of one read in one mux phase; it prints the current into every column's virtual ground.

    Arguments and errors as for `nodal.solve`. Resistors of 0 ohm, for which ngspice would take 1 mohm, are merged
    nodes; parts of the circuit without a path to a source or a virtual ground are left out.
    """
    circuit, given = circuit_of(conductance, wires, volts, active, phase)
    merged, known = circuit.merged, circuit.known
    one, other = merged[circuit.one], merged[circuit.other]
    branches = zip(one, other, circuit.ohm, strict=True)
    lines = [f"R{i} n{a} n{b} {ohm:.17g}" for i, (a, b, ohm) in enumerate(branches) if ohm > 0 and known[a]]
    sources = [f"Vfeed{i} n{merged[node]} 0 {given[i]:.17g}" for i, node in enumerate(circuit.feed)]
    sources += [f"Vsense{j} n{merged[node]} 0 0" for j, node in enumerate(circuit.sense)]
    prints = [f"print i(vsense{j})" for j in range(circuit.sense.size)]
    title = f"* crossbar of {circuit.word.shape[0]} rows and {circuit.word.shape[1]} columns, {wires.topology}"
    return "\n".join([title, *lines, *sources, _HEAD, *_SOLVE, *prints, "quit 0", ".endc", ".end", ""])


def run_ngspice(text: str) -> NDArray[np.float64]:
    """Column currents, (columns,) A, of a netlist of `netlist`.

    Raises:
        InputError: ngspice is not installed.
        SpikesimError: ngspice did not solve the circuit.
    """
    if NGSPICE is None:
        raise InputError("ngspice is not installed: apt-get install ngspice")
    # read from standard input, so that no file is written
    done = subprocess.run([NGSPICE, "-b"], input=text, capture_output=True, text=True, check=False)
    found = {int(column): float(value) for column, value in _CURRENT.findall(done.stdout)}
    if done.returncode or len(found) != text.count("\nVsense"):
        raise SpikesimError(f"ngspice failed with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]!r}")
    return np.array([found[column] for column in range(len(found))])
