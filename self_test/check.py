"""Checks of the self-test, and the settings that they receive."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .device_layout import DeviceLayout, Where


@dataclass(frozen=True)
class Check:
    """A measurement that confirms or refutes one promise.

    Attributes:
        name: Name in the table and in the JSON.
        promise: The sentence of the documents that it tests.
        module: Module in `checks` with the function `measure`.
        where: The devices that it needs; see `find_layout`.
        seconds: Duration on two CPU cores, including the start of TensorFlow.
        options: Further options for `measure`.
    """

    name: str
    promise: str
    module: str
    where: Where
    seconds: float
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckSettings:
    """Arguments of the `measure` function of a check.

    Attributes:
        layout: The devices; they are already configured.
        image_size: Height and width of images, in pixels.
        batch_size: Examples per replica.
        steps: Steps per timed epoch.
        epochs: Number of timed epochs.
        options: Options of the check.
        folder: An empty temporary folder, removed afterwards.
    """

    layout: DeviceLayout
    image_size: int = 64
    batch_size: int = 16
    steps: int = 4
    epochs: int = 3
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON values."""
        return asdict(self) | {"folder": str(self.folder)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CheckSettings":
        """Creates settings from the result of `to_json`."""
        layout, folder = DeviceLayout(**values["layout"]), Path(values["folder"])
        return cls(**{**values, "layout": layout, "folder": folder})
