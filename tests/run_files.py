"""Files of training runs, for tests of what shows them. Their numbers are made up and ship nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import training

RECIPE = training.load_config("digits-w4").model_dump(mode="json")


def rows(epochs: int, search: bool = False, worse: float = 0.0) -> list[dict[str, float]]:
    """Every number is different, so that a swapped one shows."""
    made = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "epochs": 40, "learning_rate": 0.01 / epoch}
        row |= {"cross_entropy_loss": 2 / epoch + worse, "logits_loss": 3 / epoch + worse}
        row["train_accuracy"] = 0.5 + 0.01 * epoch - worse
        made.append(row | ({"search_accuracy": 0.9 - 0.01 * abs(epoch - 2)} if search else {}))
    return made


def write_run(path: Path, epochs: int = 3, search: bool = False, worse: float = 0.0, **fields: Any) -> Path:
    """A `NAME.run.json`, finished unless `fields` say otherwise."""
    seconds = [1.5 + 0.1 * epoch for epoch in range(epochs)]
    data = {"kind": "spikesim training run, version 1", "recipe": RECIPE, "process": None, "result": {}}
    data |= {"state": "finished", "message": "", "rows": rows(epochs, search, worse), "seconds": seconds}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data | fields))
    return path
