"""The packages import one way only, as docs/architecture.md says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the lowest layer to the highest: a package may import those before it.
PACKAGES = (
    "core",
    "configs",
    "strategies",
    "evaluation",
    "data",
    "models",
    "callbacks",
    "features",
    "report",
    "export",
    "prediction",
    "serving",
    "trainer",
    "search",
    "self_test",
    "cli",
)
NO_TENSORFLOW = ("core", "configs")


def imported_packages(source: str, depth: int = 1) -> set[str]:
    """The sibling packages that a file imports.

    Args:
        source: Its text.
        depth: Number of folders between it and the root: 1 for `trainer/trainer.py`.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keraunos"):
            found |= set((node.module or "").split(".")[1:2])
    return found


def imported_modules(source: str) -> set[str]:
    """The top-level modules from elsewhere that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def depth_of(file: Path) -> int:
    return len(file.relative_to(ROOT).parts) - 1


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_packages_below_it(package):
    allowed = set(PACKAGES[: PACKAGES.index(package)])
    for file in files_of(package):
        wrong = imported_packages(file.read_text(), depth_of(file)) - allowed - {package}
        assert not wrong, f"{file} imports {wrong}"


@pytest.mark.parametrize("package", NO_TENSORFLOW)
def test_core_and_configs_do_not_import_tensorflow(package):
    for file in files_of(package):
        wrong = imported_modules(file.read_text()) & {"tensorflow", "keras"}
        assert not wrong, f"{file} imports {wrong}"


def test_every_package_except_api_is_listed():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"api"} <= set(PACKAGES)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ..trainer import Trainer", {"trainer"}),
        ("from .. import trainer", {"trainer"}),
        ("from ..trainer.loop import Loop", {"trainer"}),
        ("def f():\n    from ..cli import main", {"cli"}),
        ("from keraunos.search import x", {"search"}),
        ("from .loop import Loop", set()),
    ],
)
def test_every_form_of_import_is_recognized(source, found):
    assert imported_packages(source) == found


def test_imports_in_subpackages_are_recognized():
    source = "from ...models import Module\nfrom ..step import losses\nfrom . import loop"
    assert imported_packages(source, depth=2) == {"models"}


def test_nothing_reads_pickles_or_unsafe_yaml():
    # `pickletools` lists the instructions of a pickle and runs none.
    banned = (
        "import pickle\n",
        "allow_pickle",
        "unsafe_load",
        "yaml.load(",
        "joblib",
    )
    for package in (*PACKAGES, "api"):
        for file in files_of(package):
            text = file.read_text()
            assert not [word for word in banned if word in text], file


def test_console_output_is_written_in_one_place():
    """There it is sanitized; two small programs write a line before they end."""
    own = {"core/console.py", "core/leash.py", "core/watcher.py"}
    for package in (*PACKAGES, "api"):
        for file in files_of(package):
            if str(file.relative_to(ROOT)) not in own:
                called = {
                    ast.unparse(node.func)
                    for node in ast.walk(ast.parse(file.read_text()))
                    if isinstance(node, ast.Call)
                }
                assert not called & {"print", "Console", "typer.echo"}, file


# Calls that remove files, or write through links or over existing files.
REMOVES = {"unlink", "rmtree", "rmdir", "removedirs"}
WRITES = {"write_text", "write_bytes", "savefig", "mkstemp", "FileLock", "tofile"}
OWN = {
    "core/removal.py": REMOVES,
    "core/files.py": WRITES,
    "core/lock.py": {"FileLock"},
    "core/secret.py": {"mkstemp", "unlink"},  # private, whatever the umask
    "core/bundle.py": {"write_text"},  # into a directory that is new
    "data/copies/find_copies.py": {"tofile"},  # into a file that the store has made
    "features/cache.py": {"tofile"},
    "evaluation/figures.py": {"savefig"},  # a figure, where the user wants it
    "report/page/svg.py": {"savefig"},  # into memory
}


def called(file: Path) -> set[str]:
    """The names of functions and methods that a file calls."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
    return found


def test_files_are_removed_and_written_in_one_place():
    for package in (*PACKAGES, "api"):
        for file in files_of(package):
            own = OWN.get(str(file.relative_to(ROOT)), set())
            wrong = called(file) & (REMOVES | WRITES) - own
            assert not wrong, f"{file} calls {wrong}: use core/removal.py or core/files.py"


# Modules that probe third-party objects whose types promise nothing.
FOREIGN = {
    "callbacks/keras_callback.py",
    "models/keras_graph.py",
    "models/layerwise.py",
    "models/variables.py",
    "strategies/dataset_internals.py",
    "strategies/tensorflow_internals.py",
    "models/keras_internals.py",
    "trainer/step/keras_internals.py",
    "trainer/step/loss_internals.py",
    "trainer/step/metric_internals.py",
}


def is_foreign(file: Path) -> bool:
    return name_of(file) in FOREIGN or name_of(file).startswith("search/tuning/")


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def sources() -> list[Path]:
    return [file for package in (*PACKAGES, "api") for file in files_of(package)]


def probes(source: str) -> list[str]:
    """The attributes that a file asks for by a literal name."""
    return [
        node.args[1].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("hasattr", "getattr")
        and isinstance(node.args[1], ast.Constant)
    ]


def test_code_checks_types_instead_of_probing_attributes():
    for file in sources():
        if not is_foreign(file):
            assert not probes(file.read_text()), f"{file}: use a protocol, or isinstance"


def private_attributes(source: str) -> set[str]:
    """The private attributes that a file reads and that it does not define itself."""
    tree = ast.parse(source)
    own = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    own |= {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    own |= {node.attr for node in used if isinstance(node.ctx, ast.Store)}
    public = {"_exit", "_current_frames", "_fields", "_replace"}  # of os, sys, named tuples
    return {
        node.attr
        for node in used
        if re.match("_[^_]", node.attr)
        and node.attr not in own | public
        and ast.unparse(node.value) not in ("self", "super()")
    }


def test_private_attributes_are_used_only_in_listed_modules():
    for file in sources():
        if not is_foreign(file):
            wrong = private_attributes(file.read_text())
            assert not wrong, f"{file} uses {wrong}, private to others"


def test_third_party_internals_are_imported_only_in_listed_modules():
    internal = ("keras.src", "tensorflow.python", "keras_tuner.src", "keras_tuner.engine")
    for file in sources():
        if not is_foreign(file):
            assert not [name for name in internal if name in file.read_text()], file


# Concrete modules of the layers below, which the trainer must not import.
CONCRETE = {
    "callbacks": {path.stem for path in files_of("callbacks")}
    - {"base", "callback_list", "registry", "run_progress", "run_state", "__init__"},
    "models": {"transfer", "transfer_model", "transfer_tasks", "backbones"},
    "data": {path.stem for path in files_of("data")}
    | {path.name for path in (ROOT / "data").iterdir()},
}


def imports_below(source: str, depth: int) -> set[tuple[str, str]]:
    """Package and module of each import of a file from other packages."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1 and node.module:
            package, _, module = node.module.partition(".")
            found |= {(package, module.split(".")[0])} if module else set()
    return found


def test_trainer_imports_no_concrete_callback_data_or_model():
    for file in files_of("trainer"):
        for package, module in imports_below(file.read_text(), depth_of(file)):
            assert module not in CONCRETE.get(package, ()), f"{file} imports {module}"
