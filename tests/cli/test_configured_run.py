"""Recipes from Python use the same settings, data and Trainer as the command line."""

from pathlib import Path

import keraunos as kr
import pytest
from keraunos.configs import load_config
from keraunos.models import TransferClassifier


def test_effort_means_the_same_in_python_and_on_the_command_line(
    image_folder: Path, tmp_path: Path
) -> None:
    train, cache = f"data.train={image_folder / 'train'}", f"cache_dir={tmp_path / 'cache'}"
    typed = ["data.image_size=32", "model.weights=null", f"run_dir={tmp_path / 'run'}"]
    found = {}
    for effort in ("quick", "good"):
        arguments = ["classify", f"effort={effort}", train, cache, *typed]
        run = kr.configure(*arguments)
        assert run.config == load_config(arguments[:1], arguments[1:])
        assert run.trainer.settings == run.config.trainer
        assert run.trainer.run_dir == tmp_path / "run"
        assert isinstance(run.module, TransferClassifier)
        found[effort] = run.trainer.settings.max_epochs, run.data.train.num_views
    assert found == {"quick": (10, 1), "good": (30, 8)}
    assert not (tmp_path / "run").exists()


def test_invalid_settings_are_rejected_before_images_are_read() -> None:
    with pytest.raises(kr.ConfigError, match="effort"):
        kr.configure("classify", "effort=enormous", "data.train=not/there")
    with pytest.raises(kr.ConfigError, match="recipe or a YAML file is needed"):
        kr.configure("trainer.max_epochs=3")
