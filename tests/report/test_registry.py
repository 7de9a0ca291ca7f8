"""Parts receive their settings."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from keraunos.configs.evaluation import as_evaluation
from keraunos.core.errors import ConfigError
from keraunos.report.registry import _PARTS, create_parts

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


@pytest.mark.parametrize("name", _PARTS)
def test_every_part_is_documented(name):
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")


def test_maps_receive_the_classes_that_must_not_be_missed():
    asked = {"must_not_miss": ["melanoma"], "grad_cam": {"layer": "last"}}
    part = create_parts(as_evaluation(asked))["grad_cam"]
    assert (part.method, part.layer, part.must_not_miss) == (
        "grad_cam",
        "last",
        ["melanoma"],
    )


def test_missed_images_are_shown_without_maps_if_maps_are_disabled():
    part = create_parts(as_evaluation({"must_not_miss": ["melanoma"], "grad_cam": None}))
    assert part["grad_cam"].method is None
    assert part["grad_cam"].must_not_miss == ["melanoma"]
    assert "grad_cam" not in create_parts(as_evaluation({"grad_cam": None}))


def test_robustness_is_disabled_by_default():
    assert "robustness" not in create_parts(as_evaluation({}))
    part = create_parts(as_evaluation({"robustness": {"most_images": 50}}))["robustness"]
    assert part.most_images == 50


def test_class_that_cannot_be_created_raises_config_error(monkeypatch):
    def fail(**options):
        raise RuntimeError("no license")

    monkeypatch.setitem(sys.modules, "own", SimpleNamespace(Part=fail))
    with pytest.raises(ConfigError, match=r"evaluation.mine.*RuntimeError: no license"):
        create_parts(as_evaluation({"mine": {"class": "own:Part"}}))
