"""The scale of numeric targets."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class TargetScale(NamedTuple):
    """The scale of the numeric targets of the training images.

    Attributes:
        means: Mean of each target.
        deviations: Standard deviation of each target; 1 for constant targets.
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, targets: npt.NDArray[np.floating]) -> "TargetScale":
        """Measures mean and standard deviation.

        Args:
            targets: Targets of the training images, of shape `(images, targets)`.

        Example:
            >>> TargetScale.of(np.array([[1.0, 4.0], [3.0, 4.0]]))
            TargetScale(means=(2.0, 4.0), deviations=(1.0, 1.0))
        """
        values = targets.astype(np.float64)
        deviations = values.std(axis=0)
        deviations[deviations == 0] = 1.0  # constant: avoids dividing by zero
        return cls(tuple(values.mean(axis=0).tolist()), tuple(deviations.tolist()))
