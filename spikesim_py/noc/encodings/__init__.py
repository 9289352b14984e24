"""How spikes become flits: one code per file behind `Encoding`."""

from .aer import Aer
from .auto import Choice, EncodingName, choose, encoding_of, expected_sent
from .base import Encoding, Sent
from .bitmap import Bitmap
from .packed_aer import PackedAer
from .run_length import RunLength

__all__ = [
    "Aer",
    "Bitmap",
    "Choice",
    "Encoding",
    "EncodingName",
    "PackedAer",
    "RunLength",
    "Sent",
    "choose",
    "encoding_of",
    "expected_sent",
]
