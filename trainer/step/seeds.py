"""Seeds the random generators of a model differently per replica and step.

Keras gives all replicas the same dropout mask, and does not save the state of generators
with the weights. Here every generator is set at the start of each step, depending on the
seed, its position in the model, the replica and the step: there is no state to save,
replicas differ, and runs are reproducible.
"""

import keras
import tensorflow as tf

from .keras_internals import seed_generators


def set_seeds(model: keras.Model, seed: int, step: tf.Tensor) -> None:
    """Sets the random generators of a model; in replica context.

    Args:
        model: The model, built.
        seed: Seed of the run.
        step: Number of the step over all epochs, scalar integer.
    """
    generators = seed_generators(model)
    if not generators:
        return
    context = tf.distribute.get_replica_context()
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
    key = tf.random.experimental.stateless_fold_in([seed, 0], replica)
    key = tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int32))
    # One draw for all generators, since the overhead of an operation exceeds its cost.
    shape = (len(generators), 2)
    states = tf.random.stateless_uniform(shape, key, None, None, tf.uint32)
    for generator, state in zip(generators, tf.unstack(states), strict=True):
        generator.state.assign(state)
