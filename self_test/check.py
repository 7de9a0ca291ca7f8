"""What a check is, and what it is given."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .device_layout import DeviceLayout, Where


@dataclass(frozen=True)
class Check:
    """One measurement of one promise.

    Attributes:
        name: In the table and in the JSON.
        promise: The sentence that it proves or breaks.
        module: The file in `checks` whose `measure` does it.
        where: On which devices.
        seconds: How long it takes on two CPU cores, start of TensorFlow included.
        options: What else `measure` is told.
    """

    name: str
    promise: str
    module: str
    where: Where
    seconds: float
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckSettings:
    """What `measure` of a check is given.

    Attributes:
        layout: The devices, which are configured already.
        image_size: Height and width of images, in pixels.
        batch_size: Examples on each replica.
        steps: Of each epoch that is timed.
        epochs: That are timed.
        options: Those of the check.
        folder: An empty one for files; it vanishes.
    """

    layout: DeviceLayout
    image_size: int = 64
    batch_size: int = 16
    steps: int = 4
    epochs: int = 3
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"folder": str(self.folder)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CheckSettings":
        """Reads the result of `to_json`."""
        layout, folder = DeviceLayout(**values["layout"]), Path(values["folder"])
        return cls(**{**values, "layout": layout, "folder": folder})
