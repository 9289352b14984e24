"""Other people's checkpoints as networks.

::

    net = import_network("model.nir", dt=1e-4, reset="subtract")
    net.model.metadata["import"]     # every convention that was used, and which of them were assumed

`load_network` is the public face's: bundled names and network files, and checkpoints by their suffix.
"""

from .export_bundle import export_bundle
from .export_nir import export_nir
from .load import FORMATS, SUFFIXES, import_network, load_network, read_checkpoint
from .semantics import CHOICES, CONVENTIONS, RANGES, AssumedWarning, Options, about_options

__all__ = [
    "CHOICES",
    "CONVENTIONS",
    "FORMATS",
    "RANGES",
    "SUFFIXES",
    "AssumedWarning",
    "Options",
    "about_options",
    "export_bundle",
    "export_nir",
    "import_network",
    "load_network",
    "read_checkpoint",
]
