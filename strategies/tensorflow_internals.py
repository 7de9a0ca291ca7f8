"""What we lean on in TensorFlow without a public promise, each thing in one function.

docs/keras-internals.md says of each why it is needed; a test is named after each.
"""

from collections.abc import Sequence

import tensorflow as tf

_GROUPS_PER_STRATEGY = 1000


def mirrored_strategy_of_its_own(devices: Sequence[str]) -> tf.distribute.Strategy:
    """Makes a MirroredStrategy whose collectives don't collide with another's.

    TensorFlow numbers the device groups of each strategy from 1 on but remembers them
    for the whole process, so that collectives of a second strategy (synchronised
    BatchNorm on other devices, or in another model) fail. Its own tests move the start
    of the numbering as this does.
    """
    tf.distribute.MirroredStrategy._collective_key_base += _GROUPS_PER_STRATEGY
    return tf.distribute.MirroredStrategy(list(devices))
