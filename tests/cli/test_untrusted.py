import pytest
from keraunos.cli.untrusted import foreign_names, only_in_files, trusted_evaluation
from keraunos.configs import RunConfig
from keraunos.configs.evaluation import as_evaluation

SPY = {"class": "spying:Spy", "place": "x"}


@pytest.mark.parametrize(
    ("typed", "is_trusted"),
    [
        ({}, False),
        ({"spy": {"class": "spying:Spy"}}, False),
        ({"spy": {"place": "x"}}, False),
        ({"other": SPY}, False),
        ({"spy": SPY}, True),
    ],
)
def test_custom_evaluation_part_is_trusted_only_if_fully_typed(typed, is_trusted):
    config = as_evaluation({"spy": SPY, "calibration": {"bins": 7}, "grad_cam": None})
    kept, refused = trusted_evaluation(config, typed)
    assert kept.own == ({"spy": SPY} if is_trusted else {})
    assert refused == ({} if is_trusted else {"spy": "spying:Spy"})
    assert (kept.calibration.bins, kept.grad_cam) == (7, None)


@pytest.mark.parametrize(
    ("backbone", "is_foreign"),
    [
        ("own_networks:small", True),
        ("keras_hub:hf://someone/vit", True),
        ("keras_hub:/presets/vit", False),
        ("keras_hub:vit_base_patch16_224_imagenet", False),
        ("ResNet50", False),
    ],
)
def test_backbone_that_runs_or_downloads_code_must_be_typed(backbone, is_foreign, tmp_path):
    config = RunConfig(model={"backbone": backbone})
    found = {"model.backbone": backbone} if is_foreign else {}
    assert foreign_names(config) == found
    assert only_in_files(config, {}, tmp_path) == found
    assert only_in_files(config, {"model": {"backbone": "other:one"}}, tmp_path) == found
    assert not only_in_files(config, {"model": {"backbone": backbone}}, tmp_path)


@pytest.mark.parametrize(
    ("label", "options", "is_foreign"),
    [
        ("alerts", {"command": ["rm", "-r", "/"]}, True),
        ("pager", {"class": "alerts", "url": "https://example.org/x"}, True),
        ("prometheus", {"port": 9100}, True),
        ("heartbeat", {"file": "/etc/heartbeat.json"}, True),
        ("heartbeat", {"every_seconds": 5.0}, False),
        ("stall_watch", {"times_median": 5.0}, False),
        ("alerts", None, False),
    ],
)
def test_callback_that_executes_sends_or_writes_elsewhere_must_be_typed(
    label, options, is_foreign, tmp_path
):
    config = RunConfig(callbacks={label: options})
    assert (f"callbacks.{label}" in only_in_files(config, {}, tmp_path)) == is_foreign
    part = {label: {**(options or {}), "at_most": 1}}
    assert bool(only_in_files(config, {"callbacks": part}, tmp_path)) == is_foreign
    assert not only_in_files(config, {"callbacks": {label: options}}, tmp_path)
