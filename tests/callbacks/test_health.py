import re

import pytest
from hand_made_runs import SPEED, FakeEngine, end_epoch, new_run
from keraunos.callbacks import Health
from keraunos.callbacks.health_findings import find

FINE = {
    "input_wait_share": 0.01,
    "all_reduce_share": 0.1,
    "loss_scale": 1024.0,
    "update_ratio/head": 1e-3,
    "gradient_norm/conv1": 0.5,
}


@pytest.fixture
def reported():
    return []


@pytest.fixture
def run(reported):
    run = new_run()
    run.events.listen(lambda event: reported.append((event.kind, event.text)))
    return run


def add_samples(run, health, count=5, **values):
    """Adds samples with these values in place of those of a healthy run."""
    for _ in range(count):
        run.step += 1
        run.health.add(run.step, {**FINE, **values})
        health.on_train_step_end(run)


@pytest.fixture
def health(run):
    health = Health(every_n_steps=10)
    health.reset()
    health.on_fit_begin(run)
    return health


@pytest.mark.feature("health")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"input_wait_share": 0.62}, "input-bound: 62% of a step .*data.cache=disk"),
        ({"all_reduce_share": 0.4}, "40% of the device time goes into all-reduce"),
        ({"loss_scale": 0.25}, "loss scale has fallen to 0.25: .*mixed_bfloat16"),
        ({"update_ratio/head": 0.3}, "ratio 3e-01 in head: learning rate too high"),
        ({"gradient_norm/conv1": 0.0}, "no gradient reaches conv1"),
    ],
)
def test_each_problem_is_reported_once_and_again_on_recovery(
    values, words, run, health, reported
):
    add_samples(run, health)
    assert not reported
    add_samples(run, health, 9, **values)
    ((kind, text),) = reported
    assert kind == "health"
    assert re.search(words, text)
    add_samples(run, health, 9)
    (_, (kind, over)) = reported
    assert kind == "recovered"
    assert over != text
    add_samples(run, health, 9, **values)
    assert reported[2:] == [("health", text)]


def test_slow_data_on_another_worker_is_blamed_instead_of_all_reduce(run, health, reported):
    waits = {"input_wait_share/worker_1": 0.9, "all_reduce_share": 0.95}
    add_samples(run, health, **waits)
    ((_, text),) = reported
    assert "90% of a step is spent waiting for data on worker 1" in text
    add_samples(run, health, **waits | {"input_wait_share/worker_1": 0.1})
    assert [kind for kind, _ in reported] == ["health", "recovered", "health"]
    assert "all-reduce" in reported[-1][1]


def test_brief_outliers_are_not_reported(run, health, reported):
    add_samples(run, health, 2, **{"update_ratio/head": 0.9})
    add_samples(run, health, 20)
    add_samples(run, health, 2, **{"update_ratio/head": 0.9})
    assert not reported


def test_value_hovering_around_a_threshold_is_reported_once(run, health, reported):
    for _ in range(4):
        add_samples(run, health, **{"update_ratio/head": 0.11})
        add_samples(run, health, **{"update_ratio/head": 0.09})
    assert len(reported) == 1


def test_short_epochs_are_judged_by_their_total_data_wait(run, health, reported):
    for waited in (0.3, 0.5, 1.0, 0.1):
        end_epoch(run, health, **{**SPEED, "data_wait_seconds": waited})
    first, second = (text for _, text in reported)
    assert first.startswith("input-bound: 25% of a step")
    assert second.startswith("no longer input-bound: 5%")


def test_caching_images_is_not_suggested_when_training_on_cached_features(health, reported):
    run = new_run(FakeEngine(trains_on_features=True))
    run.events.listen(lambda event: reported.append(event.text))
    health.on_fit_begin(run)
    add_samples(run, health, input_wait_share=0.62)
    (text,) = reported
    assert "62% of a step is spent waiting for data: features are cached" in text
    assert "data.cache" not in text


def test_resumed_run_repeats_no_finding_and_continues_its_means(run, health, reported):
    add_samples(run, health, 6, **{"update_ratio/head": 0.3})
    state, means = health.state_dict(), run.health.means()
    other, resumed = Health(), new_run(step=run.step)
    resumed.events.listen(lambda event: reported.append(event.text))
    other.reset()
    other.on_fit_begin(resumed)
    other.on_epoch_begin(resumed)
    other.load_state_dict(state)
    assert resumed.health.means() == means
    add_samples(resumed, other, 1, **{"update_ratio/head": 0.3})
    assert len(reported) == 1
    other.on_epoch_begin(resumed)
    assert resumed.health.means() == {}


def test_new_phase_is_judged_only_by_its_own_samples(run, health, reported):
    add_samples(run, health, **{"update_ratio/head": 0.3})
    health.on_phase_begin(run)
    add_samples(run, health, 4, **{"update_ratio/head": 0.3})
    assert len(reported) == 1
    add_samples(run, health, 1, **{"update_ratio/head": 0.3})
    assert len(reported) == 2


def test_missing_measurements_produce_no_findings():
    assert find({}) == []
    assert [each.key for each in find({"update_ratio/a/b": 1.0})] == ["update_ratio/a/b"]
