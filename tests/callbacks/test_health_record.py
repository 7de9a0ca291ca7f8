import numpy as np
from keraunos.callbacks.health_record import HealthRecord


def test_means_cover_only_samples_with_a_finite_value():
    record = HealthRecord()
    record.add(10, {"a": 1.0, "b": 5.0})
    record.add(20, {"a": 2.0, "b": np.nan, "c": np.inf})
    assert (record.step, record.values) == (20, {"a": 2.0})
    assert record.means() == {"a": 1.5, "b": 5.0}
    record.start_epoch()
    assert record.means() == {}


def test_medians_need_the_newest_five_samples():
    record = HealthRecord()
    for step, value in enumerate([9.0, 1.0, 2.0, 3.0]):
        record.add(step, {"a": value})
    assert record.medians() == {}
    record.add(5, {"a": 8.0})
    assert record.medians() == {"a": 3.0}
    record.add(6, {"b": 1.0})
    assert record.medians() == {}


def test_log_line_shows_the_largest_update_ratio_and_the_loss_scale():
    record = HealthRecord()
    ratios = {"update_ratio/a": 0.5, "update_ratio/b": 2.0}
    record.add(1, {**ratios, "loss_scale": 8.0, "x": 1.0})
    assert record.in_log_line() == {"loss_scale": 8.0, "update_ratio": 2.0}
    assert HealthRecord().in_log_line() == {}
