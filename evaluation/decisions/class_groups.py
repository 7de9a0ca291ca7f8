"""Binary tasks: a class, or a group of classes, against all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.names import did_you_mean


@dataclass(frozen=True)
class BinaryTask:
    """A class, or a group of classes, against all others.

    Attributes:
        name: Name of the class or group.
        places: Positions of its outputs of the model.
        is_group: Whether it is a group.

    Example:
        >>> task = BinaryTask("pets", (0, 2), is_group=True)
        >>> task.truth(np.array([0, 1, 2])).tolist()
        [True, False, True]
        >>> task.score(np.array([[0.25, 0.25, 0.5]], np.float32)).tolist()
        [0.75]
    """

    name: str
    places: tuple[int, ...]
    is_group: bool = False

    def truth(self, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Returns whether each image belongs to it, `(images,)` bool."""
        return np.isin(labels, self.places)

    def score(self, probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Returns its probability, for a group the sum over its classes, `(images,)`."""
        chosen = probabilities[:, self.places]
        return chosen.sum(axis=1, dtype=np.float64).astype(np.float32)


def binary_tasks(
    class_names: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> list[BinaryTask]:
    """Returns a task for each group, then for each class.

    Args:
        class_names: The classes, in the order of the model's outputs.
        groups: Names of classes by name of the group; see `group_problems`.
    """
    place = {name: number for number, name in enumerate(class_names)}
    of_groups = [
        BinaryTask(name, tuple(place[each] for each in members), is_group=True)
        for name, members in groups.items()
    ]
    return of_groups + [BinaryTask(name, (number,)) for name, number in place.items()]


def group_problems(
    class_names: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> list[str]:
    """Returns the problems with groups of classes.

    Example:
        >>> group_problems(["cat", "dog"], {"pets": ["cat", "dgo"], "a": []})
        ['groups.pets: dgo is not a class. Did you mean dog?', 'groups.a: it is empty']
    """
    problems = []
    for name, members in groups.items():
        found = [unknown(each, class_names) for each in members if each not in class_names]
        twice = sorted({each for each in members if list(members).count(each) > 1})
        found += [f"{each} is listed twice" for each in twice]
        if name in class_names:
            found.append("a class has that name")
        if not members:
            found.append("it is empty")
        elif set(class_names) <= set(members):
            found.append("it contains all classes, so that no others are left")
        problems += [f"groups.{name}: {each}" for each in found]
    return problems


def unknown(name: str, known: Sequence[str]) -> str:
    """Describes an unknown class, with a suggestion."""
    return f"{name} is not a class. {did_you_mean(name, known)}".strip()
