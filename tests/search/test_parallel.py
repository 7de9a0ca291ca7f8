"""How many trials run at a time, and which GPUs each of them sees."""

from types import SimpleNamespace

import pytest
from keraunos.configs import TrainerConfig
from keraunos.core.errors import ConfigError
from keraunos.core.processes import DEVICES_VARIABLE, visible_gpus, worker_environments
from keraunos.search import session
from keraunos.search.cluster.role import Role
from keraunos.search.parallel import trials_at_a_time
from keraunos.search.processes import parallel_of

EIGHT = [f"GPU-{letter}" for letter in "abcdefgh"]


def visible_gpus_per_process(gpus, **trainer):
    """The GPUs of each process of `auto`."""
    count = trials_at_a_time("auto", TrainerConfig(**trainer), gpus).trials
    variables = worker_environments(count, gpus)
    return [each.get(DEVICES_VARIABLE) for each in variables]


@pytest.mark.parametrize(
    ("num_gpus", "devices", "expected"),
    [
        (4, "auto", ["GPU-a", "GPU-b", "GPU-c", "GPU-d"]),
        (8, 2, ["GPU-a,GPU-b", "GPU-c,GPU-d", "GPU-e,GPU-f", "GPU-g,GPU-h"]),
        (7, 2, ["GPU-a,GPU-b", "GPU-c,GPU-d", "GPU-e,GPU-f"]),
        (1, 1, ["GPU-a"]),
        (0, "auto", [None]),
    ],
)
def test_auto_assigns_each_trial_its_own_gpus(num_gpus, devices, expected):
    assert visible_gpus_per_process(EIGHT[:num_gpus], devices=devices) == expected


def test_auto_runs_one_trial_at_a_time_without_gpus_and_gives_the_reason():
    for trainer, gpus in ((TrainerConfig(), []), (TrainerConfig(accelerator="cpu"), EIGHT)):
        parallel = trials_at_a_time("auto", trainer, gpus)
        assert parallel.trials == 1
        assert "share the CPU" in parallel.reason
    assert trials_at_a_time("auto", TrainerConfig(), EIGHT).reason == "one for each GPU"


@pytest.mark.parametrize(("wanted", "devices"), [("auto", 9), (8, 2), (3, 3)])
def test_trials_that_need_more_gpus_than_available_are_rejected(wanted, devices):
    with pytest.raises(ConfigError, match=rf"there are 8.*trainer.devices={devices}"):
        trials_at_a_time(wanted, TrainerConfig(devices=devices), EIGHT)


def test_trials_of_one_gpu_share_gpus_if_there_are_too_few():
    assert trials_at_a_time(5, TrainerConfig(devices=1), EIGHT[:2]).trials == 5


@pytest.mark.skipif(bool(visible_gpus()), reason="needs a machine without GPUs")
def test_missing_gpus_raise_before_any_process_starts():
    request = SimpleNamespace(
        parallel_trials=2, trainer=TrainerConfig(accelerator="gpu"), trial=None
    )
    with pytest.raises(ConfigError, match="TensorFlow sees no GPU"):
        session._environments(request)


def test_auto_gives_a_cluster_worker_one_trial_per_gpu_and_the_chief_one(monkeypatch):
    monkeypatch.setenv(DEVICES_VARIABLE, "2,3,5")
    for name, count in (("chief", 1), ("worker-0", 3)):
        role = Role(name, "127.0.0.1:1")
        assert parallel_of(role, "auto", TrainerConfig()).trials == count
    assert parallel_of(None, "auto", TrainerConfig()).trials == 3
