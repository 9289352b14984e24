"""spikesim_py: accuracy, energy, delay and area of spiking networks on in-memory-computing chips.

::

    import spikesim_py as ss

    report = ss.evaluate("digits-w4", "rram_32nm", samples=600, chips=4, seed=0)
    report.accuracy, report.accuracy_ci, report.edap, report.tops_per_watt

Names are imported when they are first used (PEP 562), so that ``import spikesim_py`` stays fast.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import crossbar as crossbar
    from . import noc as noc
    from .balance import balance as balance
    from .batch import cost_batch as cost_batch
    from .compare import compare as compare
    from .compare import cost_order as cost_order
    from .compare import degradation as degradation
    from .diff import diff as diff
    from .evaluate import cost as cost
    from .evaluate import evaluate as evaluate
    from .hardware import load_hardware as load_hardware
    from .importers import load_network as load_network
    from .mapping import map_network as map_network
    from .network import full_precision as full_precision
    from .network import quantize as quantize
    from .network import with_precision as with_precision
    from .neurobench import neurobench as neurobench
    from .precision import precision_ratio as precision_ratio
    from .sweep import cost_sweep as cost_sweep
    from .sweep import load_study as load_study
    from .sweep import sweep as sweep

_PUBLIC = {
    "evaluate": "evaluate",
    "cost": "evaluate",
    "cost_batch": "batch",
    "balance": "balance",
    "compare": "compare",
    "cost_order": "compare",
    "diff": "diff",
    "degradation": "compare",
    "load_hardware": "hardware",
    "load_network": "importers",
    "quantize": "network",
    "with_precision": "network",
    "full_precision": "network",
    "precision_ratio": "precision",
    "map_network": "mapping",
    "neurobench": "neurobench",
    "sweep": "sweep",
    "cost_sweep": "sweep",
    "load_study": "sweep",
}
_ROOMS = ("crossbar", "noc")

__all__ = ["__version__", *_PUBLIC, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Face(ModuleType):
    """The package as users see it: where a function shares its room's name, the function is what they mean.

    Importing the room `spikesim_py.cost` would otherwise put the module in the place of the function.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
