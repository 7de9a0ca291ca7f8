"""The operations of RandAugment that change pixel values, on the training device.

Each takes images `(rows, height, width, 3)` float32 in [0, 255] and parameters
`(rows, 1, 1, 1)`, and returns images of that kind. The results match the operations of the
same names in Pillow.
"""

import tensorflow as tf

LEVELS = 256
_GRAY = (0.299, 0.587, 0.114)  # weights of red, green and blue


def apply(images: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """Applies each image's own operations.

    Args:
        images: `(rows, height, width, 3)` float32 in [0, 255].
        steps: `(rows, steps, 2)` float32: for each step, the position of the operation in
            `TONAL`, and its parameter.
    """
    for step in tf.unstack(steps, axis=1):
        images = _apply_one(images, tf.cast(step[:, 0], tf.int32), step[:, 1])
    return images


def _apply_one(images: tf.Tensor, which: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
    """Partitions images by operation, so that each runs only on its own images."""
    count = len(OPERATIONS)
    rows = tf.range(tf.shape(images)[0])
    places = tf.dynamic_partition(rows, which, count)
    parts = tf.dynamic_partition(images, which, count)
    of_parts = tf.dynamic_partition(parameters[:, None, None, None], which, count)
    changed = [
        tf.clip_by_value(operation(part, parameter), 0.0, 255.0)
        for operation, part, parameter in zip(
            OPERATIONS.values(), parts, of_parts, strict=True
        )
    ]
    stitched = tf.reshape(tf.dynamic_stitch(places, changed), tf.shape(images))
    return tf.ensure_shape(stitched, images.shape)


def identity(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
    """Returns the images unchanged."""
    return images


def auto_contrast(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
    """Stretches the range of each channel to [0, 255]."""
    low = tf.reduce_min(images, axis=[1, 2], keepdims=True)
    span = tf.reduce_max(images, axis=[1, 2], keepdims=True) - low
    return tf.where(span > 0, (images - low) * tf.math.divide_no_nan(255.0, span), images)


def equalize(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
    """Equalizes the histogram of each channel."""
    shape = tf.shape(images)
    channels = tf.reshape(
        tf.transpose(images, [0, 3, 1, 2]), [3 * shape[0], shape[1] * shape[2]]
    )
    levels = tf.cast(tf.round(channels), tf.int64)
    equalized = tf.gather(_equalizing_table(levels), levels, batch_dims=1)
    planes = tf.reshape(equalized, [shape[0], 3, shape[1], shape[2]])
    return tf.transpose(planes, [0, 2, 3, 1])


def posterize(images: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Rounds down to multiples of `step`."""
    return tf.floor(images / step) * step


def solarize(images: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Inverts values at or above a threshold."""
    return tf.where(images < threshold, images, 255.0 - images)


def color(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Moves away from gray by a factor; 0 is gray."""
    return _blend(_gray(images), images, factor)


def contrast(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Moves away from the mean gray by a factor; 0 is that gray."""
    # Rounded as in Pillow, so that results don't depend on how a batch was partitioned.
    mean = tf.round(tf.reduce_mean(_gray(images), axis=[1, 2], keepdims=True))
    return _blend(mean, images, factor)


def brightness(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Multiplies by a factor; 0 is black."""
    return images * factor


def sharpness(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Moves away from a smoothed image by a factor; 0 is that image."""
    around = tf.nn.avg_pool2d(images, ksize=3, strides=1, padding="SAME")
    return _blend((9 * around + 4 * images) / 13, images, factor)


# The order determines what is drawn: never change it.
OPERATIONS = {
    "identity": identity,
    "auto_contrast": auto_contrast,
    "equalize": equalize,
    "posterize": posterize,
    "solarize": solarize,
    "color": color,
    "contrast": contrast,
    "brightness": brightness,
    "sharpness": sharpness,
}
TONAL = tuple(OPERATIONS)
ENHANCEMENTS = TONAL[-4:]  # their parameter is a factor; 1 changes nothing


def _gray(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(images * tf.constant(_GRAY), axis=3, keepdims=True)


def _blend(nothing: tf.Tensor, images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    # In this form, a factor of 1 returns `images` exactly.
    return images + (factor - 1) * (images - nothing)


def _equalizing_table(levels: tf.Tensor) -> tf.Tensor:
    """Returns the new value of each level, `(channels, 256)` float32, as in Pillow.

    Args:
        levels: `(channels, pixels)` int64.
    """
    # Integers as float64, because GPUs lack integer kernels for some of these operations.
    counts = tf.cast(_histograms(levels), tf.float64)
    below = tf.cumsum(counts, axis=1, exclusive=True)
    brightest = tf.reduce_max(levels, axis=1, keepdims=True)
    last = tf.gather(counts, brightest, batch_dims=1)
    step = tf.floor((tf.reduce_sum(counts, axis=1, keepdims=True) - last) / (LEVELS - 1))
    table = tf.floor((tf.floor(step / 2) + below) / tf.maximum(step, 1))
    unchanged = tf.range(LEVELS, dtype=tf.float64)[None]
    table = tf.where(step > 0, tf.minimum(table, LEVELS - 1), unchanged)
    return tf.cast(table, tf.float32)


def _histograms(levels: tf.Tensor) -> tf.Tensor:
    """Counts the pixels of each channel by level: `(channels, 256)` float32."""
    channels = tf.shape(levels, tf.int64)[0]
    bins = levels + LEVELS * tf.range(channels)[:, None]
    # Unlike tf.math.bincount, this has a deterministic kernel for GPUs.
    ones = tf.ones_like(bins, tf.float32)
    counts = tf.math.unsorted_segment_sum(ones, bins, LEVELS * channels)
    return tf.reshape(counts, [channels, LEVELS])
