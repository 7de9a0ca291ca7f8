"""Makes docs/data-faults.md of the faults that are tested.

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


_HEAD = """# What can be wrong with data, and what happens then

Every picture is opened once before the first step, so that no file stops a run later (not
with [`data.check=lazy`](input.md#a-million-files), which opens none before it is used). All
that is wrong is said at once; exit code 3 there means that nothing was trained and nothing
written. No file of yours is ever changed. [`keraunos audit`](audit.md) says more, also of
copies that are not alike to the byte.

Each test makes the fault, types the commands, and checks messages, exit codes, and that
all folders are as before, to the byte. `python tests/fault_document.py` writes this page.

| Fault | What happens | Test |
| --- | --- | --- |"""


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
