"""The report: a verdict for each promise, and JSON without personal data."""

import getpass
import json
import socket
import sys
from io import StringIO

import pytest
from keraunos.core.console import PlainConsole
from keraunos.core.errors import SelfTestError
from keraunos.self_test.report import SCHEMA_VERSION, Row, SelfTestReport
from keraunos.self_test.tables import check_table, describe_machine, promise_table
from keraunos.self_test.verdict import Verdict

MACHINE = {
    "processor": "Some CPU",
    "cores": 4,
    "memory_gib": 15.5,
    "gpus": [],
    "driver": None,
    "python": "3.12.1",
    "versions": {"keraunos": "0.1.0"},
}


def report(*rows: Row, **machine: object) -> SelfTestReport:
    return SelfTestReport(MACHINE | machine, rows, 5.0, "2026-11-29", 61.26)


def row(status: str, promise: str = "all is well", summary: str = "so it came") -> Row:
    verdict = Verdict(status, summary, {"step_milliseconds": 1.23456789, "replicas": 2})
    return Row(f"check {status}", promise, "8 GPUs", verdict, 12.34)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["passed", "slow"], "slow"),
        (["slow", "failed", "passed"], "failed"),
        (["passed", "not measured"], "passed"),
        (["not measured"], "not measured"),
    ],
)
def test_promise_has_the_worst_verdict_of_its_checks(statuses, expected):
    rows = [row(status) for status in statuses]
    assert report(*rows, row("passed", "other")).promises == {
        "all is well": expected,
        "other": "passed",
    }


def test_only_failed_checks_raise():
    report(row("passed"), row("slow"), row("not measured")).require_passed()
    broken = report(row("passed"), row("failed", summary="weights differ"))
    with pytest.raises(SelfTestError, match=r"check failed='weights differ'") as error:
        broken.require_passed()
    assert error.value.exit_code == 9


def test_json_contains_the_documented_fields():
    content = json.loads(json.dumps(report(row("slow")).to_json(), allow_nan=False))
    assert content["schema_version"] == SCHEMA_VERSION == 1
    assert content["machine"]["cores"] == 4
    assert content["promises"] == {"all is well": "slow"}
    assert content["checks"] == [
        {
            "name": "check slow",
            "promise": "all is well",
            "devices": "8 GPUs",
            "status": "slow",
            "summary": "so it came",
            "seconds": 12.3,
            "figures": {"step_milliseconds": 1.235, "replicas": 2},
        }
    ]


def test_nan_is_written_as_a_string_in_the_json():
    verdict = Verdict("failed", "weights are NaN", {"weights_differ_by": float("nan")})
    content = report(Row("a", "b", "1 GPU", verdict, 1.0)).to_json()
    assert content["checks"][0]["figures"] == {"weights_differ_by": "nan"}
    json.dumps(content, allow_nan=False)


def test_json_contains_no_personal_data(tmp_path):
    summary = (
        f"OSError: '{tmp_path}/runs/model.keras' on {socket.gethostname()} of "
        f"{getpass.getuser()}, api_key=sk-123 in {sys.executable}"
    )
    text = json.dumps(report(row("failed", summary=summary)).to_json())
    assert "model.keras" in text
    for private in (str(tmp_path), "sk-123", sys.prefix, str(tmp_path.parent.name)):
        assert private not in text


def test_tables_show_every_check_and_every_promise():
    stream = StringIO()
    shown = PlainConsole(file=stream, width=200)
    found = report(row("passed"), row("slow", "another promise"))
    for table in (check_table(found), promise_table(found)):
        shown.print(table)
    text = stream.getvalue()
    for word in ("check slow", "Another promise", "so it came", "8 GPUs"):
        assert word in text


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({}, "15.5 GiB, no GPU;"),
        ({"driver": "550.1"}, "an NVIDIA driver, but no GPU that TensorFlow can use"),
        ({"gpus": [{"name": "H100"}] * 8, "driver": "550.1"}, "8 x H100"),
    ],
)
def test_machine_is_described_in_one_line(machine, expected):
    assert expected in describe_machine(report(row("passed"), **machine))
