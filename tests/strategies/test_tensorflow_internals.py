import tensorflow as tf
from keraunos.strategies.tensorflow_internals import mirrored_strategy_of_its_own


def sum_within_replicas(strategy):
    """A sum over replicas that is asked for from within them, as by BatchNorm."""

    @tf.function
    def run():
        def on_replica():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("SUM", tf.constant(1.0))

        return strategy.run(on_replica)

    return [float(each) for each in strategy.experimental_local_results(run())]


def test_mirrored_strategy_of_its_own():
    for count in (2, 4, 3, 2):
        devices = [f"/cpu:{number}" for number in range(count)]
        assert sum_within_replicas(mirrored_strategy_of_its_own(devices)) == [count] * count
