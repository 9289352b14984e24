"""`digits`: scikit-learn's 1,797 handwritten digits (Alpaydin and Kaynak, UCI 1998), 8 x 8 pixels of 0 to 16."""

from __future__ import annotations

from functools import cache

import numpy as np

from .dataset import Source

#: 897 are left to train on
SIZES = {"report": 600, "search": 200, "calibration": 100}


@cache
def digits() -> Source:
    """The digits; nothing is read from disk but scikit-learn's own file."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    keys = [str(i) for i in range(len(labels))]
    return Source(labels, keys, images=lambda picked: images[picked], high=16, sizes=SIZES)
