"""Shared setup: four virtual CPU devices, a separate cache, and checks for leaks."""

# ruff: noqa: E402 - what is set and checked first is needed by the imports after it

import gc
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # some tests import it themselves
# PyTorch sets it when it is imported.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())
os.environ["KERAUNOS_CACHE_DIR"] = tempfile.mkdtemp(prefix="keraunos-test-cache-")
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="keraunos-test-state-")

from installed_files import require_installed

require_installed()  # before anything that may import a file that is not

import keras
import pytest
import tensorflow as tf
from helpers import make_images
from keraunos.strategies import set_cpu_devices
from small_backbone import tiny_network
from tensorflow.python.ops import summary_ops_v2

set_cpu_devices(4)
gc.collect()
gc.freeze()  # the modules of TensorFlow are a million objects that are never garbage

TESTS = Path(__file__).parent
NIGHTLY_TIMEOUT_SECONDS = 1800
PHOTOGRAPHS = TESTS.parents[1] / "shared" / "data" / "isic9"


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fails a test that changes the process for those after it."""
    environment = _environment()
    threads = set(threading.enumerate())
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    policy, floatx = keras.config.dtype_policy().name, keras.config.floatx()
    folder = Path.cwd()
    yield
    assert _environment() == environment
    assert {number: signal.getsignal(number) for number in _SIGNALS} == handlers
    assert keras.config.dtype_policy().name == policy
    assert keras.config.floatx() == floatx
    assert not tf.distribute.has_strategy()
    assert Path.cwd() == folder
    assert tf.summary.experimental.get_step() is None
    assert summary_ops_v2.has_default_writer() is False
    left = {each for each in set(threading.enumerate()) - threads if not each.daemon}
    for each in left:
        each.join(60.0)  # it may be about to end, which takes long on a busy machine
    left = {each for each in left if each.is_alive()}
    assert not left, f"threads left running: {left}"


@pytest.fixture
def tiny_mobilenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes MobileNetV2 a network of three layers."""
    monkeypatch.setattr(keras.applications, "MobileNetV2", tiny_network)


# The longest come first, so that no process is left working alone at the end.
LONGEST_FIRST = [
    "cli/test_quickstart.py",
    "benchmarks/test_benchmarks.py",
    "test_notebook.py",
    "trainer/test_replica_invariance.py",
    "strategies/test_worker_faults.py",
    "cli/test_resume.py",
    "features/test_cache.py",
    "trainer/test_workers.py",
    "cli/test_finished_run.py",
    "trainer/probe/test_replica_probe.py",
    "trainer/checkpoint/test_resume.py",
    "cli/commands/test_search.py",
    "cli/commands/test_predict.py",
    "trainer/test_finetuning.py",
    "search/test_hypermodel.py",
    "trainer/test_control.py",
    "trainer/test_run_directory_use.py",
    "trainer/test_trainer.py",
    "trainer/test_killed.py",
    "trainer/test_damaged_checkpoints.py",
    "search/test_killed_searches.py",
    "search/cluster/test_chief.py",
    "test_documents.py",
]


def pytest_configure(config: pytest.Config) -> None:
    """Runs the tests of every layer where KERAUNOS_NIGHTLY is set."""
    if os.environ.get("KERAUNOS_NIGHTLY"):
        config.option.markexpr = ""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of those files first, and gives nightly tests more time."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        if item.get_closest_marker("nightly") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(NIGHTLY_TIMEOUT_SECONDS))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends one of several processes at once: TensorFlow would take minutes to clean up."""
    if hasattr(config, "workerinput"):
        os._exit(0)


@pytest.fixture(autouse=True, scope="module")
def models_are_freed() -> Iterator[None]:
    """Frees the models and traces of a file: those of all would take gigabytes.

    What is left then, mostly TensorFlow, is not scanned again.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def float64() -> Iterator[None]:
    """Lets Keras compute in float64, in which every real difference shows."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the folders train (3 classes, 30 images) and test (9)."""
    root = tmp_path_factory.mktemp("images")
    make_images(root / "train", {"cat": 14, "dog": 10, "emu": 6}, seed=0)
    make_images(root / "test", {"cat": 3, "dog": 3, "emu": 3}, seed=1)
    return root


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of real photographs; skips the test if there is none."""
    if not PHOTOGRAPHS.is_dir():
        pytest.skip(f"the real photographs are not at {PHOTOGRAPHS}")
    return PHOTOGRAPHS


def _environment() -> dict[str, str]:
    own = {"PYTEST_CURRENT_TEST"}  # pytest changes it in each phase
    return {name: value for name, value in os.environ.items() if name not in own}


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
