"""Code blocks of the documents are run: each page from top to bottom, on small data.

Small settings are put after the recipe of each command, and networks of a few layers in
place of ResNet50 and the like; everything else runs as shown.
"""

import ast
import importlib
import operator
import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from subprocess import CompletedProcess

import keraunos
import pytest
from helpers import SECONDS_AT_MOST
from keraunos.cli.commands.launch import free_ports
from programs import fork_keraunos
from shown_blocks import NOT_RUN, PAGES, ROOT, SMALL, Block, blocks_of, small, write_files
from shown_workspace import make_folders_of_readme, make_workspace
from typed_commands import keraunos_on_path

BLOCKS = {page.relative_to(ROOT).as_posix(): blocks_of(page) for page in PAGES}
RUN = ("python", "bash", "sh")
SHOWN_PORT = "8000"
SHOWN = {
    page: blocks
    for page, blocks in BLOCKS.items()
    if any(block.language in RUN for block in blocks)
}

# What the programs of a page assume.
SETUPS = {
    "CONTRIBUTING.md": """
        import tensorflow as tf
        from keraunos.core.deprecations import Renamed
        from keraunos.strategies import register_strategy
        from keraunos.strategies.devices import Devices
        """,
    "docs/evaluation.md": """
        import keraunos as kr
        data = kr.ImageData.from_csv("slices.csv", image_size=32, test_split=0.3)
        module = kr.TransferClassifier(data.num_classes, weights=None, image_size=32)
        trainer = kr.Trainer(max_epochs=1)
        model = trainer.fit(module, data).model
        result = trainer.test(model, data)
        """,
    "docs/losses.md": """
        import keraunos
        data = keraunos.ImageData.from_folder("FOLDER", image_size=32)
        """,
    "docs/search.md": """
        import numpy as np
        import tensorflow as tf
        x = np.random.default_rng(0).normal(size=(90, 8)).astype("float32")
        examples = tf.data.Dataset.from_tensor_slices((x, x[:, :3].argmax(axis=1)))
        train_dataset = examples.take(70).batch(16)
        validation_dataset = examples.skip(70).batch(16)
        """,
    "docs/table-features.md": """
        import numpy
        images = numpy.zeros((2, 32, 32, 3), "float32")
        """,
}
# Their programs need nothing that a command writes: they run with the tests of each push.
CHEAP = {
    "README.md": "",
    "docs/extending.md": "mistaken most often: [",
    "docs/finetuning.md": "['0.0010', '0.0001', '0.0001']",
}
# Pages whose first command creates runs/classify-001.
MAKE_THEIR_RUN = ("docs/table-features.md",)

needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "jq"))), reason="needs bash, curl and jq"
)


def programs_of(blocks: list[Block]) -> str:
    return small("\n".join(block.code_to_run for block in blocks if block.file is None))


def at_port(port: str, code: str) -> str:
    """The same code for a server on another port."""
    return code.replace(f"127.0.0.1:{SHOWN_PORT}", f"127.0.0.1:{port}")


def setup_of(page: str) -> str:
    shrink = "from small_backbone import shrink_networks\nshrink_networks()\n"
    return shrink + textwrap.dedent(SETUPS.get(page, "")) + "\n"


def run_program(
    page: str, blocks: list[Block], folder: Path, port: str = SHOWN_PORT
) -> CompletedProcess[str]:
    """Runs blocks of Python as one program."""
    script = folder / "program.py"
    code = at_port(port, setup_of(page) + programs_of(blocks))
    script.write_text(code, encoding="utf-8")
    return fork_keraunos(cwd=folder, script=script)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "printed"), CHEAP.items())
def test_python_blocks_of_a_page_run(page: str, printed: str, tmp_path: Path) -> None:
    make_folders_of_readme(tmp_path)
    write_files(SHOWN[page], tmp_path)
    blocks = [block for block in SHOWN[page] if block.language == "python"]
    finished = run_program(page, blocks, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert printed in finished.stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("shown") / "workspace")


@pytest.fixture
def here(workspace: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "here"
    shutil.copytree(workspace, folder)
    if request.node.callspec.params["page"] in MAKE_THEIR_RUN:
        shutil.rmtree(folder / "runs")
    return folder


@pytest.fixture
def shell(here: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a shell in which `keraunos` is fast, and `curl` fails on HTTP errors."""
    (port,) = free_ports(1)
    (tmp_path / ".curlrc").write_text("fail\n")
    with keraunos_on_path(tmp_path / "bin", here / "small.yaml", port) as path:
        curl = {"CURL_HOME": str(tmp_path), "PORT": str(port)}
        yield {**os.environ, **curl, "PATH": path, "KERAUNOS_CPU_DEVICES": "2"}


@pytest.mark.nightly
@needs_programs
@pytest.mark.parametrize("page", SHOWN)
def test_page_runs_from_top_to_bottom(
    page: str, here: Path, shell: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(BLOCKS[page], here)
    unnamed = [block for block in SHOWN[page] if block.file is None]
    blocks = [each for each in unnamed if each.language in RUN and each.code_to_run]
    monkeypatch.setenv("KERAUNOS_CPU_DEVICES", "2")
    problems = []
    for part in parts_of(blocks):
        is_python = part[0].language == "python"
        run = (
            run_program(page, part, here, shell["PORT"])
            if is_python
            else run_commands(part[0], here, shell)
        )
        if run.returncode:
            problems.append(f"line {part[0].line}: {run.returncode}\n{run.stderr[-2000:]}")
    assert not problems, "\n".join(problems)


def parts_of(blocks: list[Block]) -> Iterator[list[Block]]:
    """What is run together: blocks of Python that follow each other, or one of bash."""
    for language, group in groupby(blocks, key=lambda block: block.language):
        found = [*group]
        yield from [found] if language == "python" else [[block] for block in found]


def run_commands(block: Block, here: Path, shell: dict[str, str]) -> CompletedProcess[str]:
    """Runs a block of bash as it stands."""
    code = at_port(shell["PORT"], small(block.code_to_run))
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", code],
        cwd=here,
        env=shell,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
        check=False,
    )


@pytest.mark.parametrize("page", SHOWN)
def test_every_keraunos_name_in_a_program_exists(page: str) -> None:
    programs = [block.code for block in SHOWN[page] if block.language == "python"]
    for node in ast.walk(ast.parse("\n".join(programs))):
        dotted = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("keraunos"):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, name.name) for name in node.names), node.module
        elif re.fullmatch(r"kr(\.\w+)+", dotted):
            operator.attrgetter(dotted.removeprefix("kr."))(keraunos)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_names_its_language(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(fences[0::2])  # a block without one would not be run
    assert not any(fences[1::2])


def test_languages_of_blocks_are_known() -> None:
    shown = {block.language for blocks in BLOCKS.values() for block in blocks}
    assert shown <= {*RUN, "diff", "json", "text", "yaml", "yml"}


@pytest.mark.parametrize(("page", "begin"), NOT_RUN)
def test_blocks_excluded_from_running_still_exist(page: str, begin: str) -> None:
    code = "\n".join(block.code for block in SHOWN[page])
    assert re.search(f"^{re.escape(begin)}", code, re.MULTILINE)


def test_few_blocks_are_excluded_from_running() -> None:
    assert len(NOT_RUN) <= 30
    assert len(set(NOT_RUN.values())) <= 7


@pytest.mark.parametrize("shown", SMALL)
def test_settings_that_are_shrunk_still_appear_in_documents(shown: str) -> None:
    assert any(shown in block.code for blocks in BLOCKS.values() for block in blocks)
