"""Finds methods of Lightning's modules, which would silently never be called."""

from ..core.errors import message

_DATA = "Pass the dataset to the method of the Trainer, such as fit(module, dataset)."
_COMPILED = "Return a compiled model from `build`: "
_INSTEAD = {
    "backward": "The Trainer computes the gradients of the loss that `training_step` "
    "returns.",
    "configure_callbacks": "Write Trainer(callbacks=[...]).",
    "configure_model": "Build the model in `build`.",
    "configure_optimizers": _COMPILED + "the optimizer goes into `compile`.",
    "forward": _COMPILED + "its layers are called in `training_step` as model(inputs).",
    "lr_scheduler_step": _COMPILED + "a schedule is the learning rate of its optimizer.",
    "optimizer_step": _COMPILED + "the optimizer goes into `compile`.",
    "predict_dataloader": _DATA,
    "predict_step": "Trainer.predict calls the model that `build` returns.",
    "test_dataloader": _DATA,
    "test_step": "Trainer.test calls `training_step` with training=False if it gets the "
    "module.",
    "train_dataloader": _DATA,
    "train_step": "Its name here is `training_step`.",
    "val_dataloader": _DATA,
    "validation_step": "Validation calls `training_step` with training=False.",
}
_HOOK = "Hooks belong to a kr.callbacks.Callback, in Trainer(callbacks=[...])."


def uncalled_methods(module: object) -> list[str]:
    """Returns a message about the methods that only Lightning would call, if any."""
    kind = type(module)
    names = [name for name in dir(kind) if name in _INSTEAD or name.startswith("on_")]
    uncalled = [name for name in names if callable(getattr(kind, name))]
    if not uncalled:
        return []
    remedies = dict.fromkeys(_INSTEAD.get(name, _HOOK) for name in uncalled)
    return [
        message(
            "A Module must not have methods that would never be called.",
            " ".join(remedies),
            module=kind.__name__,
            methods=", ".join(uncalled),
        )
    ]
