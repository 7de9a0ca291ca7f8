"""Mixes pairs of images: mixup and CutMix.

Like all augmentation, drawing runs on the host and is a pure function of the seed, the
image and the number of its draw. Partners are drawn from the whole split, not from the
batch, so that they depend neither on the batch size nor on the number of replicas.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from .random_numbers import Key, Stream

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Mixes(NamedTuple):
    """The partners of the images of a batch, and how they are mixed.

    Attributes:
        partners: `(rows,)` positions of the partners.
        patches: `(rows, 5)` float32, for `mix`: the share of the image itself within a box,
            and the box: left, top, right, bottom in pixels, right and bottom excluded.
        shares: `(rows,)` shares of the image itself in the target.
    """

    partners: Integers
    patches: npt.NDArray[np.float32]
    shares: Floats


class Partners:
    """The images that others can be mixed with.

    Args:
        groups: `(images,)` integers: groups are drawn with equal probability, and so are
            the images of each. A single group draws all images equally often.
        identities: `(images,)` distinct numbers that identify the images, so that the
            order of the table makes no difference.
    """

    def __init__(
        self, groups: npt.NDArray[np.integer], identities: npt.NDArray[np.uint64]
    ) -> None:
        self._order = np.lexsort((identities, groups))
        _, self._starts, self._counts = np.unique(
            groups[self._order], return_index=True, return_counts=True
        )

    def at(self, group: Floats, member: Floats) -> Integers:
        """Returns the positions of the images selected by random numbers in [0, 1)."""
        groups = np.floor(group * len(self._starts)).astype(np.int64)
        members = np.floor(member * self._counts[groups]).astype(np.int64)
        return self._order[self._starts[groups] + members]


def draw_mixes(
    mixup: float, cutmix: float, key: Key, size: int, partners: Partners
) -> Mixes:
    """Draws a partner for each image, and how they are mixed.

    mixup blends two images (Zhang, Cisse, Dauphin and Lopez-Paz, 2017, "mixup: Beyond
    Empirical Risk Minimization"). CutMix pastes a box of one into the other (Yun, Han, Oh,
    Chun, Choe and Yoo, 2019, "CutMix: Regularization Strategy to Train Strong Classifiers
    with Localizable Features"). If both are on, each image gets one of them with equal
    probability.

    Args:
        mixup: Both parameters of the Beta distribution of shares; 0 turns mixup off.
        cutmix: The same for CutMix.
        key: Key of the draw.
        size: Height and width of the images in pixels.
        partners: The images to mix with.
    """
    drawn = key.uniforms(6, Stream.MIXING)
    chance, share, group, member = drawn[:, :4].T
    is_cut = chance < (cutmix > 0) / ((mixup > 0) + (cutmix > 0))
    shares = np.where(is_cut, _beta(cutmix, share), _beta(mixup, share))
    boxes = np.where(
        is_cut[:, None], _boxes(shares, drawn[:, 4:], size), [0, 0, size, size]
    )
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / size**2
    within = np.where(is_cut, 0.0, shares)
    return Mixes(
        partners.at(group, member),
        np.column_stack([within, boxes]).astype(np.float32),
        1 - area * (1 - within),
    )


def mix(images: tf.Tensor, partners: tf.Tensor, patches: tf.Tensor) -> tf.Tensor:
    """Mixes images with their partners, on the training device.

    Args:
        images: `(rows, height, width, 3)` float32 in [0, 255].
        partners: Images of the same shape.
        patches: `(rows, 5)` float32 of `draw_mixes`.

    Returns:
        Images of the same shape, dtype and range.
    """
    within, left, top, right, bottom = tf.unstack(patches[:, :, None, None], axis=1)
    height, width = tf.unstack(tf.cast(tf.shape(images)[1:3], tf.float32))
    rows, columns = tf.range(height)[None, :, None], tf.range(width)[None, None, :]
    is_in_rows = (rows >= top) & (rows < bottom)
    is_within = is_in_rows & (columns >= left) & (columns < right)
    own = tf.where(is_within, within, 1.0)[..., None]
    # Exact if the share is 0 or 1.
    return tf.minimum(own * images + (1 - own) * partners, 255.0)


def mixed_targets(
    labels: npt.NDArray[np.integer],
    others: npt.NDArray[np.integer],
    shares: Floats,
    class_weights: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns the targets and weights of mixed images.

    The weighted loss is the mean of the losses for the classes of image and partner, each
    with its class weight. This is exact for losses that are linear in the target, such as
    crossentropy, with or without label smoothing, and focal loss.

    Args:
        labels: `(rows,)` classes of the images.
        others: `(rows,)` classes of their partners.
        shares: `(rows,)` shares of the images themselves.
        class_weights: `(classes,)`, above 0 for all classes that occur.

    Returns:
        Probabilities `(rows, classes)` and weights `(rows,)`, float32.

    Example:
        >>> label, other = np.array([0]), np.array([1])
        >>> mixed_targets(label, other, np.array([0.75]), np.array([1.0, 3.0]))
        (array([[0.5, 0.5]], dtype=float32), array([1.5], dtype=float32))
    """
    targets = np.zeros((len(labels), len(class_weights)))
    rows = np.arange(len(labels))
    np.add.at(targets, (rows, labels), shares * class_weights[labels])
    np.add.at(targets, (rows, others), (1 - shares) * class_weights[others])
    weights = targets.sum(axis=1)
    return (targets / weights[:, None]).astype(np.float32), weights.astype(np.float32)


def _beta(alpha: float, chance: Floats) -> Floats:
    """Transforms uniform random numbers to Beta(alpha, alpha)."""
    from scipy.special import betaincinv  # takes half a second, and few runs need it

    return np.asarray(betaincinv(alpha, alpha, chance)) if alpha else np.ones_like(chance)


def _boxes(shares: Floats, centres: Floats, size: int) -> Floats:
    """Returns `(rows, 4)` boxes of area `1 - shares` around centers, clipped."""
    half = np.sqrt(1 - shares)[:, None] / 2
    ends = np.hstack([centres - half, centres + half])
    return np.rint(np.clip(ends, 0, 1) * size)
