"""What a user installs: every package, the recipes, and no other name."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from helpers import environment_without_keraunos

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "tests")


def import_name(folder: str) -> str:
    """The name under which a folder at the root is imported."""
    return "keraunos" if folder == "api" else f"keraunos.{folder.replace('/', '.')}"


PACKAGES = {
    import_name(init.parent.relative_to(ROOT).as_posix()): init.parent
    for pattern in ("*/__init__.py", "*/*/__init__.py")
    for init in ROOT.glob(pattern)
}


@pytest.fixture(scope="session")
def clone(tmp_path_factory) -> Path:
    """A copy of the tree in a folder with the project's name, as a clone has."""
    target = tmp_path_factory.mktemp("work") / "keraunos"
    return shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT))


@pytest.fixture(scope="session")
def wheel(clone, tmp_path_factory) -> Path:
    """A wheel that is built from a source distribution, as a publisher builds it."""
    pytest.importorskip("build.__main__")
    output = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", output, clone, cwd=output)
    (made,) = output.glob("*.whl")
    return made


@pytest.fixture
def python(tmp_path) -> Path:
    """The Python of an environment that has everything but Keraunos."""
    return environment_without_keraunos(tmp_path / "environment")


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_setup_cfg_lists_every_package_and_its_folder():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    folders = setup["options"]["package_dir"].split("\n")[1:]
    mapped = dict(line.split(" = ") for line in folders)
    roots = {name: each for name, each in PACKAGES.items() if each.parent == ROOT}
    assert mapped == {name: folder.name for name, folder in roots.items()}
    assert sorted(setup["options"]["packages"].split()) == sorted(PACKAGES)


def test_every_data_file_is_packaged():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = setup["options.package_data"]
    for name, folder in PACKAGES.items():
        others = {file for file in folder.iterdir() if file.is_file()}
        others -= set(folder.glob("*.py"))
        shipped = {file for p in patterns.get(name, "").split() for file in folder.glob(p)}
        assert others == shipped, name


def test_every_imported_package_is_a_requirement():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].splitlines()
    required = {re.split(r"[ >=]", line)[0] for line in lines if line and line[0] != "#"}
    required.add("pydantic-core")  # of exactly the version that pydantic wants
    extras = setup["options.extras_require"]
    required |= {
        re.split(r"[ >=]", line)[0]
        for name in ("onnx", "litert", "openvino", "int8", "serve", "pack", "hub")
        for line in extras[name].split("\n")[1:]
    }
    names = {
        name.split(".")[0]
        for folder in PACKAGES.values()
        for file in folder.glob("**/*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in imported(node)
    }
    distributions = metadata.packages_distributions()
    others = names - sys.stdlib_module_names - {"keraunos"}
    missing = {
        n for n in others if not required & set(map(canonical, distributions.get(n, [n])))
    }
    assert missing == set()


def canonical(distribution: str) -> str:
    """The name of a distribution as requirements spell it."""
    return distribution.lower().replace("_", "-")


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""] if node.level == 0 else []
    return [each.name for each in node.names] if isinstance(node, ast.Import) else []


@pytest.mark.nightly
def test_wheel_contains_the_tree_under_one_package_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    own = {name for name in names if ".dist-info/" not in name}
    wanted = {
        f"{package.replace('.', '/')}/{file.name}"
        for package, folder in PACKAGES.items()
        for file in folder.iterdir()
        if file.is_file()
    }
    assert own == wanted
    assert {"keraunos/py.typed", "keraunos/configs/quickstart.yaml"} <= own
    assert any(name.endswith("/LICENSE") for name in names - own)


@pytest.mark.nightly
@pytest.mark.parametrize("how", ["wheel", "editable", "strict editable"])
def test_an_installation_runs_from_the_parent_of_a_clone(
    how, python, clone, wheel, tmp_path
):
    what = {
        "wheel": [wheel],
        "editable": ["--editable", clone],
        "strict editable": ["-e", clone, "--config-settings=editable_mode=strict"],
    }
    run(python, "-m", "pip", "install", "--no-deps", *what[how], cwd=tmp_path)
    command = python.with_name("keraunos")
    # A lenient editable installation is shadowed by a folder `keraunos` before it.
    place = tmp_path if how == "editable" else clone.parent
    for start in ([command], [python, "-m", "keraunos"]):
        assert "quickstart" in run(*start, "recipes", cwd=place)
    script = "import keraunos.trainer.step.seeds as seeds; print(seeds.__file__)"
    file = Path(run(python, "-c", script, cwd=place).splitlines()[-1])
    assert (clone / "trainer" in file.parents) == (how == "editable")
