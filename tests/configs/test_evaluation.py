import pytest
from keraunos.configs import load_config
from keraunos.core.errors import ConfigError


def test_unknown_evaluation_parts_are_named_with_their_source(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("evaluation:\n  robustnes: {}\n  calibration: null\n")
    typed = ["evaluation.operating_pionts={cat: {sensitivity: 0.9}}"]
    with pytest.raises(ConfigError) as raised:
        load_config([str(file)], typed)
    text = str(raised.value)
    assert "run.yaml:2: `evaluation.robustnes` is not a part of an evaluation" in text
    assert "Did you mean robustness?" in text
    assert "line: `evaluation.operating_pionts` is not a part" in text
