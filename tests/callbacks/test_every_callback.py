"""What every callback that is exported promises."""

import copy
import inspect
import signal

import numpy as np
import pytest
from every_callback import KINDS, STEPS, SWITCH, every_callback, fit, program
from helpers import contents
from keraunos.callbacks import Callback
from keraunos.callbacks.registry import CALLBACK_CLASSES
from programs import Program
from resumable_runs import assert_equal, state

HOOKS = [name for name, value in vars(Callback).items() if inspect.isfunction(value)]


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """The states after two fits with the same objects and one with copies of them."""
    folder, callbacks = tmp_path_factory.mktemp("fits"), every_callback()
    copies = copy.deepcopy(callbacks)
    states = []
    for name, used in (("first", callbacks), ("second", callbacks), ("copied", copies)):
        fit(folder / name, used)
        states.append({label: copy.deepcopy(used[label].state_dict()) for label in used})
    return folder, callbacks, states


def test_all_that_can_be_named_are_exported():
    assert set(KINDS) - {"callback", "keras_callback"} == set(CALLBACK_CLASSES)
    assert {"on_fit_begin", "on_exception", "state_dict", "reset"} <= set(HOOKS)


@pytest.mark.parametrize("name", KINDS)
def test_hooks_have_the_signature_of_the_base_class(name):
    for hook in HOOKS:
        ours, base = getattr(KINDS[name], hook), getattr(Callback, hook)
        assert inspect.signature(ours) == inspect.signature(base), hook


@pytest.mark.parametrize("name", KINDS)
def test_its_docstring_has_an_example(name):
    """They are run by tests/test_doctests.py."""
    assert "Example:\n" in KINDS[name].__doc__
    assert ">>> " in KINDS[name].__doc__


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_second_fit_and_a_copy_come_to_the_state_of_the_first(name, fits):
    first, second, copied = (states[name] for states in fits[-1])
    np.testing.assert_equal(second, first)
    np.testing.assert_equal(copied, first)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_copy_that_forgets_leaves_the_original_as_it_was(name, fits):
    original = fits[1][name]
    before = copy.deepcopy(original.state_dict())
    copy.deepcopy(original).reset()
    np.testing.assert_equal(original.state_dict(), before)


@pytest.mark.slow
def test_the_files_of_a_second_fit_are_those_of_the_first(fits):
    written = [set(contents(fits[0] / name)) for name in ("first", "second", "copied")]
    for names in written:
        names -= {name for name in names if "events.out" in name}  # named by the time
    assert written[0] == written[1] == written[2]


@pytest.mark.slow
def test_killed_and_resumed_all_of_them_go_on_as_if_nothing_had_happened(fits, tmp_path):
    killed = Program(
        program, tmp_path / "run", SWITCH * STEPS + 3, output=tmp_path / "output"
    )
    assert killed.end() == -signal.SIGKILL, killed.output
    assert fit(tmp_path / "run", every_callback()).is_finished
    whole = state(fits[0] / "first")
    assert set(whole["documents"]["state"]["callbacks"]) == set(KINDS)
    assert_equal(state(tmp_path / "run"), whole)
