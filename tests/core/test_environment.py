import os

import pytest
from keraunos.core.environment import number_of, usable_cpus
from keraunos.core.errors import ConfigError
from keraunos.core.shared_store import open_store
from keraunos.strategies.devices import apply_cpu_devices_variable
from keraunos.strategies.multi_worker import (
    LOST_VARIABLE,
    MEET_VARIABLE,
    _seconds_from_environment,
)


@pytest.mark.parametrize(
    ("text", "number"), [("", 20.0), (" ", 20.0), ("0", 0.0), ("1.5", 1.5), (" 1e3 ", 1e3)]
)
def test_number_is_read_from_an_environment_variable(monkeypatch, text, number):
    monkeypatch.setenv("LIMIT", text)
    assert number_of("LIMIT", 20.0, "gigabytes") == number


@pytest.mark.parametrize(
    "text", ["inf", "-inf", "nan", "-1", "1e10", "20GB", "20 GB", "abc", "1,5", "9" * 5000]
)
def test_invalid_number_is_rejected_with_an_explanation(monkeypatch, text):
    monkeypatch.setenv("LIMIT", text)
    words = r"\$LIMIT must be a number of gigabytes .* Received: LIMIT='.* Unset it"
    with pytest.raises(ConfigError, match=words):
        number_of("LIMIT", 20.0, "gigabytes")


@pytest.mark.parametrize("text", ["1.5", "0", "two", "1025"])
def test_integer_variable_rejects_other_values(monkeypatch, text):
    monkeypatch.setenv("DEVICES", text)
    with pytest.raises(ConfigError, match="whole number of devices from 1 to 1024"):
        number_of("DEVICES", 0, "devices", 1, 1024, is_whole=True)


def test_all_numeric_variables_reject_invalid_numbers(monkeypatch):
    for name in ("CACHE_LIMIT_GB", "MEET_SECONDS", "LOST_SECONDS", "CPU_DEVICES"):
        monkeypatch.setenv(f"KERAUNOS_{name}", "nan")
    for read in (
        open_store,
        apply_cpu_devices_variable,
        lambda: _seconds_from_environment(MEET_VARIABLE, 1.0),
        lambda: _seconds_from_environment(LOST_VARIABLE, 1.0),
    ):
        with pytest.raises(ConfigError, match="'nan'"):
            read()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("9900000 100000", 3)],
)
def test_usable_cpus_respect_affinity_and_container_limit(
    monkeypatch, tmp_path, text, expected
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 7})
    for unlimited in (tmp_path / "none", tmp_path / "max"):
        (tmp_path / "max").write_text("max 100000\n")
        assert usable_cpus(unlimited) == 3
    (tmp_path / "max").write_text(f"{text}\n")
    assert usable_cpus(tmp_path / "max") == expected
