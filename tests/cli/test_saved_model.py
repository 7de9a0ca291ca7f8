import re
import zipfile

import pytest
from keraunos.cli import saved_model
from keraunos.configs import RunConfig
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command


def test_keras_hub_model_without_keras_hub_names_the_extra_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(saved_model, "hub_folder", lambda: None)
    monkeypatch.setattr(saved_model, "require_harmless", lambda *arguments: None)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", '{"module": "keras_hub.src.models.vit.vit_layers"}')
    with pytest.raises(ConfigError, match=re.escape(install_command("hub"))):
        saved_model.load_model(tmp_path, RunConfig())
