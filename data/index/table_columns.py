"""Names of the columns of a label table."""

from dataclasses import dataclass

from ...configs.choices import Task
from .split_names import AUTO


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a label table.

    Attributes:
        image: Column of image names.
        label: Column of classes.
        group: Column of groups, such as patients, or None.
        split: Column of splits, None for none, or `"auto"`: `split` if there is one.
        several: Instead of `label`, one column per class, label or number.
        task: The task.
        features: Columns that the model takes in addition to the image.
    """

    image: str = "image"
    label: str = "label"
    group: str | None = None
    split: str | None = AUTO
    several: tuple[str, ...] = ()
    task: Task = "classification"
    features: tuple[str, ...] = ()

    def named(self) -> dict[str, str]:
        """Returns the required columns by their settings."""
        label = None if self.several else self.label
        columns = {"image": self.image, "label": label, "group": self.group}
        if self.split != AUTO:
            columns["split"] = self.split
        return {f"data.{k}_column": name for k, name in columns.items() if name is not None}
