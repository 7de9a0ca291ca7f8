"""Runs one check in its own process.

    python -m keraunos.self_test.child JOB RESULT

Devices must be configured before TensorFlow starts, and a crash must not affect other
checks.
"""

import importlib
import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from ..core.files import write_json_atomic
from .check import CheckSettings
from .verdict import Verdict


def main(job: Path, result: Path) -> None:
    """Runs the check described in the file `job`, and writes its verdict to `result`."""
    described = json.loads(job.read_text())
    write_json_atomic(result, asdict(_run(described["module"], described["settings"])))


def _run(module: str, settings: dict[str, object]) -> Verdict:
    try:
        check, given = importlib.import_module(module), CheckSettings.from_json(settings)
        given.layout.apply()
        verdict: Verdict = check.measure(given)
    except Exception as error:
        traceback.print_exc()
        return Verdict("failed", f"{type(error).__name__}: {error}")
    return verdict


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
