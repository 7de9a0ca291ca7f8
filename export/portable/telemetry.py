"""Imports libraries with their telemetry switched off."""

import os
from importlib import import_module
from typing import Any

# Read by openvino-telemetry, NNCF and ONNX Runtime during import.
_SWITCHES = {"CI": "true", "NNCF_CI": "1", "ORT_DISABLE_TELEMETRY": "1"}


def import_silently(name: str) -> Any:
    """Imports a module with its telemetry switched off.

    OpenVINO reports each import, and NNCF each model, unless the user has opted out on
    this machine; in continuous integration they report nothing. ONNX Runtime reports
    since 1.29, with an ID of the machine; its `disable_telemetry_events` does not stop all
    events.
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
