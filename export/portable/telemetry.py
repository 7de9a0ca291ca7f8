"""Imports libraries that tell their makers when they are used, so that they don't."""

import os
from importlib import import_module
from typing import Any

# Read by openvino-telemetry, NNCF and ONNX Runtime as they are imported, and by nothing
# else then.
_SWITCHES = {"CI": "true", "NNCF_CI": "1", "ORT_DISABLE_TELEMETRY": "1"}


def import_silently(name: str) -> Any:
    """Imports a module without its reports.

    OpenVINO sends one for each import, and NNCF for each model, unless somebody has
    refused that for the whole machine. Where tests run unattended they send none. ONNX
    Runtime has sent some since 1.29, with a number that it gives the machine; what its
    `disable_telemetry_events` keeps back is not all.
    """
    earlier = {switch: os.environ.get(switch) for switch in _SWITCHES}
    os.environ.update(_SWITCHES)
    try:
        return import_module(name)
    finally:
        for switch, value in earlier.items():
            if value is None:
                del os.environ[switch]
            else:
                os.environ[switch] = value
