"""Quantized spiking networks, trained with a full-precision teacher and exported as a `Network`.

::

    import training

    made = training.train("digits-w4", output="digits-w4.safetensors")
    made.accuracy, made.network

or piece by piece: an `architecture` writes down a network's nodes, a `SpikingNetwork` trains them in either arithmetic,
and `export` makes a `Network` of it that spikes the same::

    nodes = training.architecture("vgg9", input_shape=(3, 32, 32), input_bits=8, classes=10, width=0.25)
    module = training.SpikingNetwork(nodes, training.Integer(weight_bits=4, membrane_bits=8, weights="lsq"))
    answer = module(images)  # in training mode, with gradients: answer.logits, .step_logits, .spikes, .membranes
    module.settle(images)
    network = training.export(module, "mine")
"""

from .activity import measure_activity
from .config import TrainingConfig, load_config, recipes
from .export import export
from .hardware_aware import Crossbars, crossbar_product
from .loop import Epoch
from .module import SpikingNetwork
from .networks import ARCHITECTURES, architecture
from .neurons import Neuron
from .quantizers import Float, Integer
from .running import Answer
from .trainer import Trained, finish, fit, train

__all__ = [
    "ARCHITECTURES",
    "Answer",
    "Crossbars",
    "Epoch",
    "Float",
    "Integer",
    "Neuron",
    "SpikingNetwork",
    "Trained",
    "TrainingConfig",
    "architecture",
    "crossbar_product",
    "export",
    "finish",
    "fit",
    "load_config",
    "measure_activity",
    "recipes",
    "train",
]
