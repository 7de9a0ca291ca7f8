"""The blocks of code that the documents show, and which of them no test runs."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w/]+\.(?:py|yaml))\n")

DOWNLOADS = "downloads from a registry"
INSTALLS = "installs or creates an environment"
MACHINES = "needs several machines, a scheduler or a cluster"
LONG = "takes minutes to hours, and has tests of its own"
OTHERS = "needs a package that is not installed with the tests"
TESTS = "runs the tests themselves"
ELSEWHERE = "run by tests/serving/test_serving_document.py or tests/serving/foreign"

# The page, and what a line of bash or the first line of a block begins with.
NOT_RUN = {
    ("CONTRIBUTING.md", "python3 -m venv"): INSTALLS,
    ("CONTRIBUTING.md", "source .venv"): INSTALLS,
    ("CONTRIBUTING.md", "pytest"): TESTS,
    ("CONTRIBUTING.md", "KERAUNOS_NIGHTLY=1 pytest"): TESTS,
    ("CONTRIBUTING.md", "ruff"): TESTS,
    ("CONTRIBUTING.md", ".ci/"): TESTS,
    ("README.md", "python3 -m venv"): INSTALLS,
    ("README.md", ".venv/bin/pip"): INSTALLS,
    ("docs/backbones.md", "pip install"): INSTALLS,
    ("docs/backbones.md", "import keras_hub"): DOWNLOADS,
    ("docs/better-models.md", "python benchmarks/"): LONG,
    ("docs/clusters.md", "openssl rand"): MACHINES,
    ("docs/clusters.md", "keraunos launch --hosts"): MACHINES,
    ("docs/export.md", "pip install"): INSTALLS,
    ("docs/hardware.md", "keraunos doctor --selftest"): LONG,
    ("docs/input.md", "pip install"): INSTALLS,
    ("docs/monitoring.md", "import mlflow"): OTHERS,
    ("docs/scaling.md", "python benchmarks/"): LONG,
    ("docs/search-on-clusters.md", "KERASTUNER_TUNER_ID"): MACHINES,
    ("docs/search-on-clusters.md", "#!/bin/bash"): MACHINES,
    ("docs/search.md", "python benchmarks/"): LONG,
    ("docs/serving.md", "pip install"): INSTALLS,
    ("docs/serving.md", "# in an environment of its own"): ELSEWHERE,
    ("docs/serving.md", "curl"): ELSEWHERE,
    ("docs/serving.md", "echo"): ELSEWHERE,
    ("docs/tutorials/from-lightning.md", "# lightning_digits.py"): OTHERS,
    ("docs/tutorials/serve.md", "pip install"): INSTALLS,
    ("docs/tutorials/several-machines.md", "keraunos launch --hosts"): MACHINES,
    ("docs/tutorials/several-machines.md", "sbatch"): MACHINES,
    ("docs/weights.md", "torch.save"): OTHERS,
}

# What is shown, and what is run instead so that it ends within seconds.
SMALL = {
    "image_size=224": "image_size=32",
    'weights="imagenet"': "weights=None",
    "max_epochs=10": "max_epochs=1",
    "> 0.95": ">= 0.0",
    'test.report("report.html")': "test.findings",
    "max_trials=20": "max_trials=2",
    "max_trials=12": "max_trials=4",
    "max_trials: 12": "max_trials: 4",
    "max_trials=16": "max_trials=5",
    "max_trials=6": "max_trials=2",
    "/network/packed": "packed",
    '"effort=good",': '"effort=quick", "model.weights=null", "data.image_size=32",',
}


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        page: Its page, relative to the root of the repository.
        line: Where it begins.
        language: What follows the fence.
        code: Its lines.
    """

    page: str
    line: int
    language: str
    code: str

    @property
    def file(self) -> str | None:
        """The name of the file that it shows, if a comment in its first line gives one."""
        found = _FILE.match(self.code)
        return found[1] if found else None

    @property
    def code_to_run(self) -> str:
        """The part that is run: the whole block, or line by line in bash."""
        is_script = self.code.startswith("#!") or self.language == "python"
        parts = [self.code] if is_script else self.code.splitlines(keepends=True)
        return "".join(each for each in parts if reason_not_to_run(self.page, each) is None)


def reason_not_to_run(page: str, code: str) -> str | None:
    """Why this is not run, or None."""
    reasons = (
        reason
        for (of_page, begin), reason in NOT_RUN.items()
        if of_page == page and code.startswith(begin)
    )
    return next(reasons, None)


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(name, text[: each.start()].count("\n") + 1, each[2], textwrap.dedent(each[3]))
        for each in _BLOCK.finditer(text)
    ]


def write_files(blocks: Sequence[Block], folder: Path) -> None:
    """Writes the files that are shown, except those that are not run."""
    for block in blocks:
        if block.file is not None and reason_not_to_run(block.page, block.code) is None:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(small(block.code), encoding="utf-8")


def small(code: str) -> str:
    """The same code with small numbers."""
    for shown, replacement in SMALL.items():
        code = code.replace(shown, replacement)
    return code
