"""Which of the heavy libraries a public name loads: only what it needs itself.

Read from the source, so that it is cheap, and Keras, which loads most of them if they are
installed, does not hide what our own files do.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from keraunos import _HOMES, data, evaluation

ROOT = Path(__file__).parents[1]
LAZY = {("data",): data._HOMES, ("evaluation",): evaluation._HOMES}
HEAVY = {
    "keras",
    "keras_tuner",
    "matplotlib",
    "pandas",
    "PIL",
    "scipy",
    "sklearn",
    "tensorboard",
    "tensorflow",
}


def statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """What runs when a file is imported: not the bodies of functions, nor type checks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.stmt):
            yield node
        yield from statements(node)


def file_of(module: tuple[str, ...]) -> Path | None:
    path = ROOT.joinpath(*module)
    candidates = path / "__init__.py", path.with_suffix(".py")
    return next((each for each in candidates if module and each.is_file()), None)


@cache
def imports_of(module: tuple[str, ...]) -> tuple[set[str], set[tuple[str, ...]]]:
    """The heavy libraries that a module of ours imports, and its other modules of ours."""
    file = file_of(module)
    assert file is not None, module
    package = module if file.name == "__init__.py" else module[:-1]
    heavy: set[str] = set()
    own: set[tuple[str, ...]] = {module[:n] for n in range(1, len(module))}
    for node in statements(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            heavy |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            heavy.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            base += tuple(node.module.split(".")) if node.module else ()
            names = [alias.name for alias in node.names]
            homes = [LAZY.get(base, {}).get(name, name) for name in names]
            found = {base, *((*base, home) for home in homes)}
            own |= {each for each in found if file_of(each)}
    return heavy & HEAVY, own


def loaded_by(module: str) -> set[str]:
    """The heavy libraries that are imported with a module, and with all that it imports."""
    waiting, seen, heavy = [tuple(module.split("."))], set(), set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            found, own = imports_of(name)
            heavy |= found
            waiting += own
    return heavy


TENSORFLOW = {"tensorflow", "keras"}
OF_SEARCH = {"keras_tuner", "scipy", "sklearn"}
LOADED = {
    "callbacks": TENSORFLOW | {"tensorboard"},
    "models": TENSORFLOW,
    "report.tested_run": {"matplotlib", "scipy"},
    "search.hypermodel": TENSORFLOW | {"tensorboard"} | OF_SEARCH,
    "search.result": TENSORFLOW | {"tensorboard"} | OF_SEARCH,
    "strategies": {"tensorflow"},
    "trainer": TENSORFLOW | {"tensorboard"},
}


def test_top_level_package_loads_no_heavy_library():
    assert loaded_by("api") == set()


@pytest.mark.parametrize("home", sorted({*_HOMES.values(), "callbacks"}))
def test_public_names_load_only_the_libraries_they_need(home):
    assert loaded_by(home) == LOADED.get(home, set())


def test_loaded_libraries_are_recognized():
    """A control: otherwise the tests above might pass because they find nothing."""
    assert loaded_by("evaluation.figures") == {"matplotlib"}
    assert loaded_by("evaluation.scores") == set()
    assert "PIL" in loaded_by("data.image_data")
