"""File names of a run are spelled out in one place."""

import ast

import pytest
from keraunos.core import run_layout
from keraunos.export.portable.document import DESCRIPTION_FILE
from test_architecture import PACKAGES, files_of

OWN = "core/run_layout.py"
PORTABLE = "export/portable/*.py"  # travels with exports, where there is no core
# Not `tensorboard` and `frozen`, which have other meanings as well.
NAMES = {
    value for value in vars(run_layout).values() if isinstance(value, str) and "." in value
} | {run_layout.CHECKPOINTS_FOLDER}


def spelled_names(source: str) -> set[str]:
    """Literals that are a name of the layout, or the prefix of a numbered one."""
    literals = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    numbered = ("step-", "soup-", "fold-", "trial-")
    return {
        text
        for text in literals
        if text.removeprefix("/") in NAMES or text.removeprefix("/") in numbered
    }


def test_no_other_file_spells_out_a_file_name():
    for package in PACKAGES:
        for file in files_of(package):
            if not (file.match(OWN) or file.match(PORTABLE)):
                wrong = spelled_names(file.read_text())
                assert not wrong, f"{file} spells {wrong}: use core/run_layout.py"


def test_portable_code_uses_the_same_description_file_name():
    assert DESCRIPTION_FILE == run_layout.EXPORT_DESCRIPTION_FILE


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("path / 'best.txt'", {"best.txt"}),
        ("f'{run}/model.keras'", {"/model.keras"}),
        ("f'step-{number:08d}'", {"step-"}),
        ("'''Writes best.txt.'''", set()),
        ("label == 'tensorboard'", set()),
    ],
)
def test_spelled_out_names_are_detected(source, found):
    assert spelled_names(source) == found


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("step-00000280", True),
        ("step-00000281-mid-epoch", True),
        ("step-123456789", True),
        ("weights-00000280", False),
        ("soup-00000280", False),
        ("step-280", False),
        ("step-00000280/..", False),
    ],
)
def test_only_full_checkpoint_names_are_resumable(name, match):
    assert bool(run_layout.RESUMABLE_CHECKPOINT.fullmatch(name)) is match


def test_generated_names_match_their_patterns():
    for mid_epoch in (False, True):
        for weights_only in (False, True):
            name = run_layout.checkpoint_name(7, mid_epoch, weights_only)
            assert run_layout.CHECKPOINT.fullmatch(name)
    assert run_layout.CHECKPOINT.fullmatch(run_layout.soup_name(7))
    assert run_layout.FOLD.fullmatch(run_layout.fold_name(12))
    assert run_layout.TRIAL.fullmatch(run_layout.trial_name(1000))
