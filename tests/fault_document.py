"""Generates docs/data-faults.md from the faults that are tested.

python tests/fault_document.py
"""

from pathlib import Path

from fault_rows import ROWS

DOCUMENT = Path(__file__).parents[1] / "docs" / "data-faults.md"


def document() -> str:
    """The text of docs/data-faults.md."""
    lines = [
        f"| {row.fault} | {row.outcome} | `tests/data/test_fault_table.py::{row.test}` "
        f"`[{row.name}]` |"
        for row in ROWS
    ]
    return "\n".join([_HEAD, *lines, ""])


_HEAD = """# Faulty files

Truncated JPEGs, empty folders, 16-bit images that would be black: this page lists what can
be wrong with the files of a data set, and what Keraunos does about it.

Every image is opened once before the first step, so that no file can stop a run later
(except with [`data.check=lazy`](input.md#a-million-files)). All problems are reported at
once, and nothing is trained or written. Your files are never modified.
[`keraunos audit`](audit.md) finds more, including copies that are not identical.

Each test creates the fault, runs the commands, and checks messages, exit codes, and that
all folders are unchanged, byte for byte. `python tests/fault_document.py` generates this
page.

| Fault | What happens | Test |
| --- | --- | --- |"""


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
