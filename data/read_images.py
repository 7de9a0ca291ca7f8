"""Reads the splits of a run from its settings: lists, checks, divides and caches images."""

import os
from dataclasses import dataclass

from ..configs import DataConfig
from ..configs.choices import Task
from ..core.errors import DataError, message
from ..core.shared_store import open_store
from ..core.store import Store
from .augmentation import Augmentation
from .files.image_cache import ImageFiles, LoadImages, open_images
from .files.pixel_rules import PixelRules
from .image_split import ImageSplit
from .index.build_index import BuiltIndex, build_index
from .index.feature_columns import measure_features, remarks_on_features
from .index.image_index import TEST, TRAIN, VALIDATION, ImageIndex
from .table_inputs import TableInputs
from .training_split import TrainingSplit


@dataclass(frozen=True)
class ReadImages:
    """The images of a configuration.

    Attributes:
        train: The training split.
        validation: The validation split, or None.
        test: The test split, or None.
        built: The index of all images, and dropped files.
        of_files: Remarks on the cache of decoded images.
        config: The section `data`.
        load: Returns decoded images by row of the index.
        store: The store that runs share.
    """

    train: TrainingSplit
    validation: ImageSplit | None
    test: ImageSplit | None
    built: BuiltIndex
    of_files: tuple[str, ...]
    config: DataConfig
    load: LoadImages
    store: Store

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks on the images."""
        features = self.train.table_features
        of_columns = features and remarks_on_features(self.built.index, features)
        return (*self.built.remarks, *(of_columns or ()), *self.of_files)


def read_images(
    config: DataConfig,
    augmentation: Augmentation,
    seed: int,
    cache_dir: str | os.PathLike[str] | None,
    task: Task = "classification",
) -> ReadImages:
    """Lists, checks and divides images, and decodes them if they are cached.

    Args:
        config: The section `data`.
        augmentation: Augmentation of training images.
        seed: Seed of split, order and augmentation.
        cache_dir: Folder of the cache; None for the default.
        task: The task.

    Raises:
        ConfigError: `data.train` is missing, or the cache can't be used.
        DataError: A folder or its images would spoil a run; all faults are listed.
    """
    store = open_store(cache_dir)
    built = build_index(config, seed, store, task)
    index = built.index
    _table_inputs(config, index)  # rejects columns before images are decoded
    rules = PixelRules.of(config.bit_depth, config.max_megapixels)
    files = ImageFiles(index.paths.tolist(), index.digests, config.image_size, rules)
    cache = "none" if (config.check, config.cache) == ("lazy", "auto") else config.cache
    load, remarks = open_images(files, cache, store)
    return _divide(built, tuple(remarks), load, config, augmentation, seed, store)


def one_fold(read: ReadImages, number: int, folds: int) -> ReadImages:
    """Returns the same images, with one of their folds for validation.

    Images held out by `validation_split` are divided, too; test images are unchanged.

    Args:
        read: Images with any split.
        number: Number of the fold, counted from 1.
        folds: Number of folds.

    Raises:
        DataError: Validation images are given, or a class is too small.
    """
    if read.config.split is not None:
        raise DataError(
            message(
                "Folds can't be created if a split.csv assigns each image to a split.",
                "Remove one of the two.",
                **{"data.split": str(read.config.split), "folds": folds},
            )
        )
    train = read.train
    built = read.built.one_fold(number, folds, train.seed)
    config = read.config.model_copy(update={"folds": folds, "fold": number})
    return _divide(
        built, read.of_files, read.load, config, train.augmentation, train.seed, read.store
    )


def _divide(
    built: BuiltIndex,
    of_files: tuple[str, ...],
    load: LoadImages,
    config: DataConfig,
    augmentation: Augmentation,
    seed: int,
    store: Store,
) -> ReadImages:
    rules = PixelRules.of(config.bit_depth, config.max_megapixels)
    common = (load, config.image_size, config.batch_size, rules, store)
    table = _table_inputs(config, built.index)
    has_folds = config.folds is not None

    def held_out(split: int, is_of_fold: bool = False) -> ImageSplit | None:
        images = ImageSplit(
            built.index,
            split,
            *common,
            seed=seed,
            augmentation=augmentation,
            is_of_fold=is_of_fold,
            table=table,
        )
        return images if images.num_examples else None

    train = TrainingSplit(
        built.index,
        TRAIN,
        *common,
        seed=seed,
        augmentation=augmentation,
        class_balance=config.class_balance,
        is_of_fold=has_folds,
        table=table,
    )
    return ReadImages(
        train,
        held_out(VALIDATION, has_folds),
        held_out(TEST),
        built,
        of_files,
        config,
        load,
        store,
    )


def _table_inputs(config: DataConfig, index: ImageIndex) -> TableInputs | None:
    if config.features is None:
        return None
    categorical = config.categorical_features or ()
    features = measure_features(index, config.features, categorical)
    return TableInputs(features, index.columns)
