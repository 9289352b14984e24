"""What training minimizes, one file each: the task, teachers' answers, membranes and spikes, and regularizers.

All take plain tensors: logits (samples, T, classes) or their mean over time (samples, classes); spikes and membranes
of each stage (samples, T, C, H, W), membranes before the reset and in units of one threshold. A teacher's tensors are
taken as given: run it without gradients. Weights in the total are the caller's.
"""

from .bkdsnn import BlurredFeature
from .cross_entropy import task
from .im import information_maximization
from .kdsnn import RateFeature, response_distillation
from .lasnn import attention, attention_distillation
from .logits import focal_logit_distillation, logit_distillation
from .membrane import membrane_distillation
from .qsnn import sign_entropy_bits, spike_regulation, standardized
from .rmp import rmp, rmp_weight
from .s2nn import membrane_features
from .sei import sei_distillation
from .spike import spike_distillation
from .steps import match_steps
from .temporal_self import temporal_self_distillation
from .tet import tet

__all__ = [
    "BlurredFeature",
    "RateFeature",
    "attention",
    "attention_distillation",
    "focal_logit_distillation",
    "information_maximization",
    "logit_distillation",
    "match_steps",
    "membrane_distillation",
    "membrane_features",
    "response_distillation",
    "rmp",
    "rmp_weight",
    "sei_distillation",
    "sign_entropy_bits",
    "spike_distillation",
    "spike_regulation",
    "standardized",
    "task",
    "temporal_self_distillation",
    "tet",
]
