import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.strategies import Part, Replicas, collectives, own_part, sums_on_devices


@pytest.mark.parametrize("total", [1, 2, 3, 4, 8])
def test_parts_contain_every_row_once_in_order(total):
    for rows in range(total, 40):
        numbers = np.arange(rows)
        parts = [numbers[Replicas(total).rows(each, rows)] for each in range(total)]
        np.testing.assert_array_equal(np.concatenate(parts), numbers)
        sizes = [len(part) for part in parts]
        assert 1 <= max(sizes) <= min(sizes) + 1
        assert Replicas(total).repeats(rows) == 1


def test_fewer_rows_than_replicas_are_sent_to_all_replicas():
    four = Replicas(total=4)
    for rows in (1, 2, 3):
        assert four.repeats(rows) == 4
        assert [four.rows(each, rows) for each in range(4)] == [slice(0, rows)] * 4


@pytest.mark.parametrize("total", [1, 2, 3, 4, 8])
def test_sums_over_parts_divided_by_repeats_equal_the_batch_sum(total):
    replicas_of_all = Replicas(total)
    for rows in range(1, 40):
        values = np.random.default_rng(rows).normal(size=rows)
        parts = [values[replicas_of_all.rows(each, rows)] for each in range(total)]
        repeats = replicas_of_all.repeats(rows)
        for sum_of in (np.sum, len, lambda part: np.square(part).sum()):
            shared = sum(sum_of(part) / repeats for part in parts)
            np.testing.assert_allclose(shared, sum_of(values), rtol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_single_process_strategy_has_all_replicas_locally(count):
    assert Replicas.of(replicas(count)) == Replicas(total=count, first=0, local=count)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_replica_gets_its_own_part_on_its_device(count):
    strategy = replicas(count)
    parts = tuple(Part(tf.constant(10 * number), 1) for number in range(count))
    devices = []

    def content(given):
        own = own_part(given).content
        devices.append(own.device)
        return own

    @tf.function
    def run():
        return strategy.run(content, args=(parts,))

    found = [int(each) for each in strategy.experimental_local_results(run())]
    assert found == [10 * number for number in range(count)]
    if count > 1:
        assert [name[-1] for name in devices] == [str(number) for number in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "share_memory"), [(1, True), (2, True), (2, False), (4, True)]
)
def test_every_device_gets_the_sum_over_all_replicas(count, share_memory, monkeypatch):
    """Sums in shared memory, and those by collectives, as between GPUs."""
    strategy = replicas(count)
    assert collectives._share_memory(strategy)
    monkeypatch.setattr(collectives, "_share_memory", lambda _: share_memory)
    numbers = [float(number + 1) for number in range(count)]
    parts = tuple(Part(number, 1) for number in numbers)

    @tf.function
    def run():
        def on_replica(given):
            value = tf.convert_to_tensor(own_part(given).content)
            rows = tf.IndexedSlices(
                tf.reshape(value, (1, 1)), tf.constant([0]), tf.constant([1, 1])
            )
            double = tf.cast(value, tf.float64)  # of a different dtype than the rest
            dense = tf.fill((3, collectives.SMALL), value)  # sent separately
            return {"n": value, "double": double}, [
                dense,
                tf.stack([value] * 2),
                None,
                rows,
            ]

        local = strategy.run(on_replica, args=(parts,))
        results = []
        for small, (*dense, nothing, sparse) in sums_on_devices(strategy, local):
            assert nothing is None
            results.append((small, dense, tf.convert_to_tensor(sparse)))
        return results

    total = sum(numbers)
    results = run()
    assert len(results) == count
    for small, dense, sparse in results:
        assert float(small["n"]) == float(small["double"]) == total
        np.testing.assert_array_equal(dense[0], np.full((3, collectives.SMALL), total))
        np.testing.assert_array_equal(dense[1], [total, total])
        np.testing.assert_array_equal(sparse, [[total]])
