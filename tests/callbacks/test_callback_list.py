import keras
import pytest
from hand_made_runs import new_run
from keraunos.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    KerasCallback,
    ModelCheckpoint,
    ProgressBar,
    TensorBoard,
    default_callbacks,
    merge_callbacks,
)
from keraunos.callbacks.callback_list import default_label
from keraunos.callbacks.known_hooks import _EQUIVALENTS, hooks_of
from keraunos.core.errors import ConfigError


@pytest.fixture
def defaults(tmp_path):
    return default_callbacks(tmp_path)


def labels(given, defaults):
    return list(merge_callbacks(given, defaults).callbacks)


WATCHES = ["event_log", "stall_watch", "plateau_watch", "worker_watch"]
FIRST = ["health", "progress_bar", *WATCHES, "metrics_log", "figures"]
LAST = ["tensorboard", "model_checkpoint"]


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_without_callbacks_of_one_s_own_there_are_the_default_ones(nothing, defaults):
    assert labels(nothing, defaults) == [*FIRST, *LAST]


def test_own_ones_come_in_their_order_before_the_checkpoint(defaults):
    given = [EarlyStopping("val_accuracy"), keras.callbacks.History(), EarlyStopping()]
    own = ["early_stopping", "keras_history", "early_stopping_2"]
    assert labels(given, defaults) == [*FIRST, *own, *LAST]
    merged = merge_callbacks(given, defaults).callbacks
    assert merged["early_stopping"] is given[0]
    assert merged["early_stopping_2"] is given[2]
    assert merged["keras_history"].callback is given[1]


@pytest.mark.parametrize("as_map", [False, True])
def test_one_with_the_label_of_a_default_takes_its_place(as_map, defaults):
    board = TensorBoard(images=False)
    given = {"tensorboard": board} if as_map else [board]
    merged = merge_callbacks(given, defaults).callbacks
    assert [each for each in merged.values() if isinstance(each, TensorBoard)] == [board]


def test_two_that_would_name_the_best_are_refused(defaults):
    given = {"on_accuracy": ModelCheckpoint("val_accuracy")}
    with pytest.raises(ConfigError, match=r"one ModelCheckpoint.*on_accuracy.*label yours"):
        merge_callbacks(given, defaults)
    merge_callbacks({**given, "model_checkpoint": None}, defaults)
    with pytest.raises(ConfigError, match="one ModelCheckpoint"):
        merge_callbacks([ModelCheckpoint(), ModelCheckpoint("loss")], {})


def test_none_switches_a_default_off(defaults):
    given = {"tensorboard": None, "mine": EarlyStopping(), "model_checkpoint": None}
    assert labels(given, defaults) == [*FIRST, "mine"]


def test_switching_off_what_this_run_has_not_anyway_is_no_error():
    assert labels({"tensorboard": None, "EarlyStopping": None}, {}) == []


def test_switching_off_what_does_not_exist_is_answered_with_the_nearest(defaults):
    with pytest.raises(ConfigError, match=r"tensorbord.*Did you mean tensorboard\?"):
        merge_callbacks({"tensorbord": None}, defaults)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([EarlyStopping], r"callback, not a class.*Write EarlyStopping\(\.\.\.\)\."),
        (["early_stopping"], "callback, not a class.*'early_stopping'"),
        ({"early_stopping": {"patience": 3}}, "callback, not a class.*'patience': 3"),
    ],
)
def test_what_is_no_callback_is_refused(given, words, defaults):
    with pytest.raises(ConfigError, match=words):
        merge_callbacks(given, defaults)


@pytest.mark.parametrize("given", [EarlyStopping(), keras.callbacks.EarlyStopping])
def test_a_single_callback_belongs_into_a_list(given):
    words = r"`callbacks` must be a list.*Write callbacks=\[EarlyStopping\(\.\.\.\)\]\."
    with pytest.raises(ConfigError, match=words):
        merge_callbacks(given, {})


@pytest.mark.parametrize("given", [3, "early_stopping"])
def test_what_is_no_collection_of_callbacks_is_refused(given):
    with pytest.raises(ConfigError, match=f"must be a list.*callbacks={given!r}\\.$"):
        merge_callbacks(given, {})


def with_hooks(*hooks, kind=Callback):
    return type("Mine", (kind,), dict.fromkeys(hooks, lambda self, *given: None))()


@pytest.mark.parametrize(
    ("hook", "remedy"),
    [
        ("on_train_start", "Write on_fit_begin instead of on_train_start."),
        ("on_train_epoch_end", "Write on_epoch_end instead of on_train_epoch_end."),
        ("on_train_batch_end", "Write on_train_step_end instead of on_train_batch_end."),
        ("on_save_checkpoint", "Write state_dict instead of on_save_checkpoint."),
        ("on_epoch_ends", "Did you mean on_epoch_end?"),
        ("on_test_epoch_end", "Trainer.test and Trainer.predict call no callbacks."),
        ("on_zzz", "If it is not a hook, rename it to _on_zzz."),
    ],
)
def test_a_hook_that_is_never_called_is_refused_with_the_right_name(hook, remedy):
    with pytest.raises(ConfigError) as error:
        merge_callbacks([with_hooks("on_fit_end", hook, "_on_own")], {})
    assert f"Received: callback='Mine', hook='{hook}'. {remedy}" in str(error.value)


def test_all_hooks_that_are_never_called_are_named_at_once():
    given = [with_hooks("on_fit_start", "on_train_end"), with_hooks("on_step_end")]
    with pytest.raises(ConfigError, match=r"on_fit_start, on_train_end.*\n.*on_step_end"):
        merge_callbacks(given, {})


def test_a_hook_that_takes_other_arguments_is_refused_before_it_is_called():
    class Mine(Callback):
        def on_epoch_end(self, run, epoch, logs=None): ...

        def on_checkpoint_saved(self, run): ...

        def on_train_step_end(self, *everything): ...

    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch): ...

    lambdas = keras.callbacks.LambdaCallback(on_train_begin=lambda: None)
    with pytest.raises(ConfigError) as error:
        merge_callbacks([Mine(), Logs(), lambdas, with_hooks("on_fit_start")], {})
    lines = str(error.value).splitlines()
    for line, words in zip(
        lines,
        (
            "hook='on_fit_start'",
            "Mine.on_epoch_end='(run, epoch, logs=None)'. Write def on_epoch_end(self",
            "Mine.on_checkpoint_saved='(run)'. Write def on_checkpoint_saved(self, run, ",
            "Logs.on_epoch_end='(epoch)'. Write def on_epoch_end(self, epoch, logs=None).",
            "LambdaCallback.on_train_begin='()'. Write def on_train_begin(self, logs=",
        ),
        strict=True,
    ):
        assert words in line


def test_every_translated_hook_exists():
    assert all(hasattr(Callback, name) for name in _EQUIVALENTS.values())
    assert not hooks_of(Callback) & _EQUIVALENTS.keys()


def test_hooks_that_keras_does_not_have_are_listed():
    given = with_hooks("on_epoch_end", "on_train_start", kind=keras.callbacks.Callback)
    assert merge_callbacks([given], {}).uncalled_hooks() == {
        "keras_mine": ("on_train_start",)
    }


def test_labels_tell_keras_s_from_ours():
    assert default_label(EarlyStopping()) == "early_stopping"
    assert default_label(keras.callbacks.EarlyStopping()) == "keras_early_stopping"
    assert default_label(TensorBoard()) == "tensorboard"


class Every(Callback):
    """Notes the steps at which it is called."""

    def __init__(self, steps):
        self.every_n_steps = steps
        self.seen = []

    def on_train_step_end(self, run):
        self.seen.append(run.step)

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


class Silent(Callback):
    every_n_steps = 1


def test_steps_are_counted_until_the_next_one_is_due():
    callbacks = CallbackList(
        {"a": Every(4), "b": Every(6), "c": Every(None), "d": Silent()}
    )
    assert [callbacks.steps_until_due(step) for step in range(9)] == [
        4,
        3,
        2,
        1,
        2,
        1,
        2,
        1,
        4,
    ]
    assert CallbackList({"c": Every(None), "d": Silent()}).steps_until_due(5) is None


def test_keras_callbacks_are_due_at_each_step_only_if_they_have_batch_hooks():
    def until_due(callback):
        return CallbackList({"a": KerasCallback(callback)}).steps_until_due(3)

    assert until_due(keras.callbacks.History()) is None
    assert until_due(keras.callbacks.TerminateOnNaN()) == 1
    assert until_due(keras.callbacks.LambdaCallback(on_epoch_end=print)) is None
    assert until_due(keras.callbacks.LambdaCallback(on_train_batch_end=print)) == 1


def test_at_a_step_those_are_called_whose_turn_it_is():
    two, three, always = Every(2), Every(3), Every(None)
    callbacks, run = CallbackList({"two": two, "three": three, "always": always}), new_run()
    for run.step in range(1, 8):
        callbacks.notify_step_end(run)
    assert (two.seen, three.seen) == ([2, 4, 6], [3, 6])
    assert always.seen == list(range(1, 8))


def test_one_that_fails_over_an_error_keeps_none_from_cleaning_up():
    class Fails(Callback):
        def on_exception(self, run, error):
            raise OSError("disk full")

    class CleansUp(Callback):
        done = False

        def on_exception(self, run, error):
            self.done = True

    last, error = CleansUp(), ValueError("the first")
    CallbackList({"fails": Fails(), "last": last}).notify_exception(new_run(), error)
    assert last.done
    (note,) = error.__notes__
    assert note.startswith("fails also failed:")
    assert "OSError: disk full" in note


def test_states_go_by_label_and_new_callbacks_start_anew():
    first = CallbackList({"a": Every(1), "b": Every(1)})
    first.callbacks["a"].seen, first.callbacks["b"].seen = [1, 2], [3]
    second = CallbackList({"b": Every(1), "new": Every(1)})
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == {"b": {"seen": [3]}, "new": {"seen": []}}


def test_those_that_cannot_be_resumed_are_known_by_label():
    of_keras = [keras.callbacks.ReduceLROnPlateau(), keras.callbacks.EarlyStopping()]
    merged = merge_callbacks([EarlyStopping(), *of_keras, ProgressBar()], {})
    assert merged.not_resumable() == ["keras_early_stopping"]


def test_predictions_are_wanted_if_anybody_wants_them():
    without = TensorBoard(images=False)
    assert not CallbackList(
        {"a": ModelCheckpoint(), "b": without}
    ).wants_validation_predictions
    assert CallbackList({"a": without, "b": TensorBoard()}).wants_validation_predictions


class WritesSummary(Callback):
    runs_last = True
    writes_alone = "summary.txt"
    is_resumable = False
    uncalled_hooks = ("on_batch",)


def test_a_callback_of_one_s_own_can_come_after_the_checkpoint(defaults):
    given = [WritesSummary(), EarlyStopping()]
    end = ["early_stopping", *LAST, "writes_summary"]
    assert labels(given, defaults) == [*FIRST, *end]


def test_an_own_checkpoint_comes_after_those_that_follow_it(defaults):
    given = [ModelCheckpoint(save_top_k=2), EarlyStopping()]
    assert labels(given, defaults)[-3:] == ["early_stopping", *LAST]


def test_two_callbacks_of_one_s_own_that_write_the_same_are_refused():
    with pytest.raises(ConfigError, match=r"one WritesSummary: it writes summary\.txt"):
        merge_callbacks([WritesSummary(), WritesSummary()], {})


def test_a_callback_of_one_s_own_can_name_what_it_does_not_do():
    merged = merge_callbacks([WritesSummary()], {})
    assert merged.not_resumable() == ["writes_summary"]
    assert merged.uncalled_hooks() == {"writes_summary": ("on_batch",)}
