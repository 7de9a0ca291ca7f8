"""`python predict.py IMAGE...`: a JSON line for each image."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .model import Model


def main(directory: Path, files: Sequence[str]) -> int:
    """Prints class and probabilities of each file.

    Returns:
        The exit status.
    """
    model = Model.open(directory)
    for file in files:
        pixels = model.decode(Path(file).read_bytes())
        probabilities = model.answers(pixels[np.newaxis]).probabilities[0]
        line = {
            "file": file,
            "class": model.classes[int(probabilities.argmax())],
            "probabilities": dict(zip(model.classes, probabilities.tolist(), strict=True)),
        }
        sys.stdout.write(json.dumps(line) + "\n")
    return 0
