"""What the columns of a label table are called."""

from dataclasses import dataclass

from ...configs.choices import Task
from .split_names import AUTO


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called.

    Attributes:
        image: That of the images' names.
        label: That of their classes.
        group: That of their groups, such as patients, or None.
        split: That of their splits, None for none, or `"auto"`: `split` if there is one.
        several: In place of `label` a column for each class, label or number.
        task: What is to be predicted.
        features: Columns that the model takes beside the image.
    """

    image: str = "image"
    label: str = "label"
    group: str | None = None
    split: str | None = AUTO
    several: tuple[str, ...] = ()
    task: Task = "classification"
    features: tuple[str, ...] = ()

    def named(self) -> dict[str, str]:
        """The columns that must be there, by the setting that names each."""
        label = None if self.several else self.label
        columns = {"image": self.image, "label": label, "group": self.group}
        if self.split != AUTO:
            columns["split"] = self.split
        return {f"data.{k}_column": name for k, name in columns.items() if name is not None}
