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
def test_default_callbacks_are_used_when_none_are_given(nothing, defaults):
    assert labels(nothing, defaults) == [*FIRST, *LAST]


def test_user_callbacks_keep_their_order_before_the_checkpoint(defaults):
    given = [EarlyStopping("val_accuracy"), keras.callbacks.History(), EarlyStopping()]
    own = ["early_stopping", "keras_history", "early_stopping_2"]
    assert labels(given, defaults) == [*FIRST, *own, *LAST]
    merged = merge_callbacks(given, defaults).callbacks
    assert merged["early_stopping"] is given[0]
    assert merged["early_stopping_2"] is given[2]
    assert merged["keras_history"].callback is given[1]


@pytest.mark.parametrize("as_map", [False, True])
def test_callback_with_the_label_of_a_default_replaces_it(as_map, defaults):
    board = TensorBoard(images=False)
    given = {"tensorboard": board} if as_map else [board]
    merged = merge_callbacks(given, defaults).callbacks
    assert [each for each in merged.values() if isinstance(each, TensorBoard)] == [board]


def test_two_model_checkpoints_are_rejected(defaults):
    given = {"on_accuracy": ModelCheckpoint("val_accuracy")}
    with pytest.raises(ConfigError, match=r"one ModelCheckpoint.*on_accuracy.*label yours"):
        merge_callbacks(given, defaults)
    merge_callbacks({**given, "model_checkpoint": None}, defaults)
    with pytest.raises(ConfigError, match="one ModelCheckpoint"):
        merge_callbacks([ModelCheckpoint(), ModelCheckpoint("loss")], {})


def test_none_disables_a_default_callback(defaults):
    given = {"tensorboard": None, "mine": EarlyStopping(), "model_checkpoint": None}
    assert labels(given, defaults) == [*FIRST, "mine"]


def test_disabling_a_known_callback_absent_from_this_run_is_allowed():
    assert labels({"tensorboard": None, "EarlyStopping": None}, {}) == []


def test_disabling_an_unknown_label_suggests_the_closest_one(defaults):
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
def test_values_that_are_not_callbacks_are_rejected(given, words, defaults):
    with pytest.raises(ConfigError, match=words):
        merge_callbacks(given, defaults)


@pytest.mark.parametrize("given", [EarlyStopping(), keras.callbacks.EarlyStopping])
def test_single_callback_without_a_list_is_rejected(given):
    words = r"`callbacks` must be a list.*Write callbacks=\[EarlyStopping\(\.\.\.\)\]\."
    with pytest.raises(ConfigError, match=words):
        merge_callbacks(given, {})


@pytest.mark.parametrize("given", [3, "early_stopping"])
def test_values_that_are_not_collections_are_rejected(given):
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
def test_uncalled_hook_is_rejected_with_the_name_to_use_instead(hook, remedy):
    with pytest.raises(ConfigError) as error:
        merge_callbacks([with_hooks("on_fit_end", hook, "_on_own")], {})
    assert f"Received: callback='Mine', hook='{hook}'. {remedy}" in str(error.value)


def test_all_uncalled_hooks_are_reported_in_one_error():
    given = [with_hooks("on_fit_start", "on_train_end"), with_hooks("on_step_end")]
    with pytest.raises(ConfigError, match=r"on_fit_start, on_train_end.*\n.*on_step_end"):
        merge_callbacks(given, {})


def test_hooks_with_wrong_signatures_are_rejected_before_any_call():
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


def test_suggested_hook_names_exist():
    assert all(hasattr(Callback, name) for name in _EQUIVALENTS.values())
    assert not hooks_of(Callback) & _EQUIVALENTS.keys()


def test_hooks_unknown_to_keras_are_listed_as_uncalled():
    given = with_hooks("on_epoch_end", "on_train_start", kind=keras.callbacks.Callback)
    assert merge_callbacks([given], {}).uncalled_hooks() == {
        "keras_mine": ("on_train_start",)
    }


def test_default_labels_distinguish_keras_callbacks_from_ours():
    assert default_label(EarlyStopping()) == "early_stopping"
    assert default_label(keras.callbacks.EarlyStopping()) == "keras_early_stopping"
    assert default_label(TensorBoard()) == "tensorboard"


class Every(Callback):
    """Records the steps at which it is called."""

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


def test_steps_until_due_counts_to_the_next_callback():
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


def test_keras_callbacks_are_due_every_step_only_with_batch_hooks():
    def until_due(callback):
        return CallbackList({"a": KerasCallback(callback)}).steps_until_due(3)

    assert until_due(keras.callbacks.History()) is None
    assert until_due(keras.callbacks.TerminateOnNaN()) == 1
    assert until_due(keras.callbacks.LambdaCallback(on_epoch_end=print)) is None
    assert until_due(keras.callbacks.LambdaCallback(on_train_batch_end=print)) == 1


def test_each_callback_is_called_at_its_own_step_interval():
    two, three, always = Every(2), Every(3), Every(None)
    callbacks, run = CallbackList({"two": two, "three": three, "always": always}), new_run()
    for run.step in range(1, 8):
        callbacks.notify_step_end(run)
    assert (two.seen, three.seen) == ([2, 4, 6], [3, 6])
    assert always.seen == list(range(1, 8))


def test_failing_on_exception_hook_does_not_stop_others_from_cleaning_up():
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


def test_states_are_restored_by_label_and_new_callbacks_start_fresh():
    first = CallbackList({"a": Every(1), "b": Every(1)})
    first.callbacks["a"].seen, first.callbacks["b"].seen = [1, 2], [3]
    second = CallbackList({"b": Every(1), "new": Every(1)})
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == {"b": {"seen": [3]}, "new": {"seen": []}}


def test_callbacks_that_cannot_be_resumed_are_listed_by_label():
    of_keras = [keras.callbacks.ReduceLROnPlateau(), keras.callbacks.EarlyStopping()]
    merged = merge_callbacks([EarlyStopping(), *of_keras, ProgressBar()], {})
    assert merged.not_resumable() == ["keras_early_stopping"]


def test_validation_predictions_are_requested_if_any_callback_wants_them():
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


def test_user_callback_with_runs_last_follows_the_checkpoint(defaults):
    given = [WritesSummary(), EarlyStopping()]
    end = ["early_stopping", *LAST, "writes_summary"]
    assert labels(given, defaults) == [*FIRST, *end]


def test_user_checkpoint_follows_the_other_user_callbacks(defaults):
    given = [ModelCheckpoint(save_top_k=2), EarlyStopping()]
    assert labels(given, defaults)[-3:] == ["early_stopping", *LAST]


def test_two_user_callbacks_that_write_the_same_file_are_rejected():
    with pytest.raises(ConfigError, match=r"one WritesSummary: it writes summary\.txt"):
        merge_callbacks([WritesSummary(), WritesSummary()], {})


def test_user_callback_can_declare_its_limitations():
    merged = merge_callbacks([WritesSummary()], {})
    assert merged.not_resumable() == ["writes_summary"]
    assert merged.uncalled_hooks() == {"writes_summary": ("on_batch",)}
