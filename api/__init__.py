"""Keraunos: train Keras 3 models on one or many GPUs.

    import keraunos as kr

    data = kr.ImageData.from_folder("images/train", test="images/test")
    module = kr.TransferClassifier(num_classes=data.num_classes)
    trainer = kr.Trainer(max_epochs=10, run_dir="runs/first")
    result = trainer.fit(module, data)
    trainer.test(result.model, data)

Names are resolved on first use, so importing this package does not load TensorFlow. When
they load it, its messages on CPU instructions and missing CUDA libraries are hidden; with
the environment variable TF_CPP_MIN_LOG_LEVEL=0 they are shown.
"""

import contextlib
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import callbacks as callbacks
    from .cli.configured_run import ConfiguredRun as ConfiguredRun
    from .cli.configured_run import configure as configure
    from .core.errors import CheckpointError as CheckpointError
    from .core.errors import ConfigError as ConfigError
    from .core.errors import DataError as DataError
    from .core.errors import DivergedError as DivergedError
    from .core.errors import KeraunosError as KeraunosError
    from .core.errors import OutOfMemoryError as OutOfMemoryError
    from .core.errors import SearchError as SearchError
    from .core.errors import SelfTestError as SelfTestError
    from .core.errors import WorkerError as WorkerError
    from .core.exit_codes import exit_codes as exit_codes
    from .data import Augmentation as Augmentation
    from .data import ImageData as ImageData
    from .models import Accuracy as Accuracy
    from .models import BalancedAccuracy as BalancedAccuracy
    from .models import ClassRecall as ClassRecall
    from .models import Crossentropy as Crossentropy
    from .models import MacroF1 as MacroF1
    from .models import MacroRocAuc as MacroRocAuc
    from .models import Module as Module
    from .models import MultiLabelTransferClassifier as MultiLabelTransferClassifier
    from .models import Optimizer as Optimizer
    from .models import TransferClassifier as TransferClassifier
    from .models import TransferRegressor as TransferRegressor
    from .report.tested_run import compare_runs as compare_runs
    from .search.hypermodel import Search as Search
    from .search.result import SearchResult as SearchResult
    from .self_test.report import SelfTestReport as SelfTestReport
    from .self_test.selftest import selftest as selftest
    from .strategies import init_workers as init_workers
    from .strategies import set_cpu_devices as set_cpu_devices
    from .strategies import set_gpu_memory_limit as set_gpu_memory_limit
    from .trainer import FitResult as FitResult
    from .trainer import TestResult as TestResult
    from .trainer import Trainer as Trainer

    __version__: str

_HOMES = {
    "Accuracy": "models",
    "Augmentation": "data",
    "BalancedAccuracy": "models",
    "CheckpointError": "core.errors",
    "ClassRecall": "models",
    "ConfigError": "core.errors",
    "ConfiguredRun": "cli.configured_run",
    "Crossentropy": "models",
    "DataError": "core.errors",
    "DivergedError": "core.errors",
    "FitResult": "trainer",
    "ImageData": "data",
    "KeraunosError": "core.errors",
    "MacroF1": "models",
    "MacroRocAuc": "models",
    "Module": "models",
    "MultiLabelTransferClassifier": "models",
    "Optimizer": "models",
    "OutOfMemoryError": "core.errors",
    "Search": "search.hypermodel",
    "SearchError": "core.errors",
    "SearchResult": "search.result",
    "SelfTestError": "core.errors",
    "SelfTestReport": "self_test.report",
    "TestResult": "trainer",
    "Trainer": "trainer",
    "TransferClassifier": "models",
    "TransferRegressor": "models",
    "WorkerError": "core.errors",
    "compare_runs": "report.tested_run",
    "configure": "cli.configured_run",
    "exit_codes": "core.exit_codes",
    "init_workers": "strategies",
    "selftest": "self_test.selftest",
    "set_cpu_devices": "strategies",
    "set_gpu_memory_limit": "strategies",
}

__all__ = [*sorted(_HOMES), "callbacks"]


def _find(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("keraunos")
    if name == "callbacks" or name in _HOMES:
        return _load(name)
    from .core.deprecations import current_name

    current = current_name(name)
    if current != name:
        return _find(current)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _load(name: str) -> Any:
    """Loads a public name; if this loads TensorFlow, without its startup messages."""
    from .core.startup_noise import without_startup_noise

    is_first = "tensorflow" not in sys.modules
    with without_startup_noise() if is_first else contextlib.nullcontext():
        if name == "callbacks":
            return importlib.import_module(".callbacks", __name__)
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


if not TYPE_CHECKING:  # type checkers would take any name for one that exists
    __getattr__ = _find


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
