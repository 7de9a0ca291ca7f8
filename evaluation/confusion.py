"""The confusion matrix; this module loads only NumPy."""

import numpy as np
import numpy.typing as npt


def confusion_matrix(
    labels: npt.NDArray[np.integer], probabilities: npt.NDArray[np.floating]
) -> npt.NDArray[np.int64]:
    """Counts predictions by true class (rows) and predicted class, `(classes, classes)`.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]]).tolist()
        [[1, 0], [1, 1]]
    """
    classes = probabilities.shape[1]
    cells = labels.astype(np.int64) * classes + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)
