"""What every exported callback guarantees."""

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

# Their state belongs to the process, and starts over with it.
WITHOUT_STATE = {
    "alerts",  # what waits to be sent
    "event_log",  # whether the disk was full
    "heartbeat",  # whether the disk was full
    "json_log",  # when a line was written
    "progress_bar",  # when it was shown
    "prometheus",  # counters of this process
    "stall_watch",  # when the last step ended
    "worker_watch",  # when other workers were last seen
}
HOOKS = [name for name, value in vars(Callback).items() if inspect.isfunction(value)]


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """A fit with copies of all callbacks, and one with the originals after another."""
    folder, callbacks = tmp_path_factory.mktemp("fits"), every_callback()
    fit(folder / "first", copy.deepcopy(callbacks))
    fit(folder / "other", callbacks, seed=7, max_epochs=2)
    fit(folder / "second", callbacks)
    return folder, callbacks


def test_all_registered_callbacks_are_exported():
    assert set(KINDS) - {"callback", "keras_callback"} == set(CALLBACK_CLASSES)
    assert {"on_fit_begin", "on_exception", "state_dict", "reset"} <= set(HOOKS)


@pytest.mark.parametrize("name", KINDS)
def test_hooks_have_the_signature_of_the_base_class(name):
    for hook in HOOKS:
        ours, base = getattr(KINDS[name], hook), getattr(Callback, hook)
        assert inspect.signature(ours) == inspect.signature(base), hook


@pytest.mark.parametrize("name", KINDS)
def test_resettable_callbacks_return_their_state(name):
    kind = KINDS[name]
    clears = kind.reset is not Callback.reset and kind.is_resumable
    keeps = kind.state_dict is not Callback.state_dict
    assert (clears and not keeps) == (name in WITHOUT_STATE), (
        "return from state_dict what a resumed fit needs, or add it to WITHOUT_STATE"
    )


@pytest.mark.parametrize("name", KINDS)
def test_docstring_has_an_example(name):
    """They are run by tests/test_doctests.py."""
    assert "Example:\n" in KINDS[name].__doc__
    assert ">>> " in KINDS[name].__doc__


@pytest.mark.slow
def test_reused_callbacks_and_copies_start_fresh_in_each_fit(fits):
    folder, _ = fits
    assert_equal(state(folder / "second"), state(folder / "first"))
    files = [set(contents(folder / name)) for name in ("first", "second")]
    for names in files:
        names -= {name for name in names if "events.out" in name}  # named by the time
    assert files[0] == files[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_resetting_a_copy_leaves_the_original_unchanged(name, fits):
    original = fits[1][name]
    before = copy.deepcopy(original.state_dict())
    copy.deepcopy(original).reset()
    np.testing.assert_equal(original.state_dict(), before)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_fits_do_not_change_callbacks_without_reset_and_state(name, fits):
    kind = KINDS[name]
    if (kind.reset, kind.state_dict) == (Callback.reset, Callback.state_dict):
        assert vars(fits[1][name]) == vars(every_callback()[name])


@pytest.mark.feature("callback state")
@pytest.mark.slow
def test_all_callbacks_resume_after_a_kill_as_if_uninterrupted(fits, tmp_path):
    killed = Program(
        program, tmp_path / "run", SWITCH * STEPS + 3, output=tmp_path / "output"
    )
    assert killed.end() == -signal.SIGKILL, killed.output
    assert fit(tmp_path / "run", every_callback()).is_finished
    whole = state(fits[0] / "first")
    assert set(whole["documents"]["state"]["callbacks"]) == set(KINDS)
    assert_equal(state(tmp_path / "run"), whole)
