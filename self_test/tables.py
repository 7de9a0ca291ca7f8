"""Tables of a self-test report."""

from rich.table import Table

from .report import SelfTestReport


def check_table(report: SelfTestReport) -> Table:
    """Returns a table with one row per check: devices, verdict and result."""
    table = Table("check", "devices", "verdict", "result")
    for row in report.rows:
        table.add_row(row.name, row.devices, row.verdict.status, row.verdict.summary)
    return table


def promise_table(report: SelfTestReport) -> Table:
    """Returns a table with one row per promise: the worst status among its checks."""
    table = Table("promise", "verdict")
    for promise, status in report.promises.items():
        table.add_row(promise[0].upper() + promise[1:], status)
    return table


def describe_machine(report: SelfTestReport) -> str:
    """Describes the machine in one line."""
    machine = report.machine
    gpus = [gpu["name"] for gpu in machine["gpus"]]
    names = ", ".join(f"{gpus.count(n)} x {n}" for n in dict.fromkeys(gpus)) or "no GPU"
    if not gpus and machine["driver"]:
        names = "an NVIDIA driver, but no GPU that TensorFlow can use"
    versions = ", ".join(
        f"{name} {version}" for name, version in machine["versions"].items()
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{names}; Python {machine['python']}, {versions}"
    )
