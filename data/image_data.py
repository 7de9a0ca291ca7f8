"""Images from class folders or a table: checked, split and ready for training."""

import copy
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ..configs import DataConfig
from ..configs.arguments import FOLDER, TABLE, settings_of, takes_settings
from ..configs.choices import Task
from ..configs.options import FolderOptions, TableOptions
from ..core.run_layout import DROPPED_FILE, SPLIT_FILE
from .augmentation import Augmentation
from .files.decode import Pixels
from .index.policies import describe_dropped
from .index.split_csv import fingerprint_split, write_dropped, write_split
from .index.trained_images import held_out_among, read_trained_images
from .read_images import ReadImages, one_fold, read_images
from .samples import sample_places, spread_places
from .split_rows import Integers

if TYPE_CHECKING:
    from ..evaluation import Drawing

PathLike = str | os.PathLike[str]


class ImageData:
    """Images and their labels, in a training, a validation and a test split.

    Create it with `ImageData.from_folder` or `ImageData.from_csv`, and pass it to
    `Trainer.fit`.

    Attributes:
        train: The training split. Its batches are shuffled, balanced and augmented.
        validation: The validation split, or None.
        test: The test split, or None.
        task: `"classification"`, `"multi_label"` or `"regression"`.
        class_names: The classes, labels or numbers, in the order of the model's outputs.
        image_size: Height and width of the images in pixels.
        batch_size: Images per step over all replicas.
        on_leak: The setting `data.on_leak`: what to do with leaked images.
        table_features: The table columns that models take in addition to the image, as
            measured on the training images; None if there are none.
        store: The store that runs share.
    """

    def __init__(self, read: ReadImages) -> None:
        self._read = read
        self.train = read.train
        self.validation = read.validation
        self.test = read.test
        self.on_leak = read.config.on_leak
        self.store = read.store
        self.task = read.train.task
        self.class_names = read.train.class_names
        self.image_size = read.train.image_size
        self.batch_size = read.train.batch_size
        self.table_features = read.train.table_features

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @classmethod
    def from_config(
        cls,
        config: DataConfig,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cache_dir: PathLike | None = None,
        task: Task = "classification",
    ) -> "ImageData":
        """Reads the images of a `data` section of a configuration; see `from_folder`."""
        augmentation = augmentation or Augmentation()
        return cls(read_images(config, augmentation, seed, cache_dir, task))

    @classmethod
    @takes_settings(FOLDER)
    def from_folder(
        cls,
        train: PathLike,
        *,
        augmentation: Augmentation | None = None,
        **options: Unpack[FolderOptions],
    ) -> "ImageData":
        """Reads folders that contain one folder of images per class.

        Every image is opened once, so that faults are reported before training starts.
        Copies (byte-identical files) stay in the same split.

        Args:
            train: The folder; or a folder that contains such folders named train, val and
                test; or `"synthetic:lesions"` for generated images.
            augmentation: Augmentation of training images; `Augmentation()` by default.
            **options: The settings of the section `data` of a configuration, except those
                of tables, and `seed` and `cache_dir`: see `docs/settings.md`, or
                `help(ImageData.from_folder)`. The seed determines split, order and
                augmentation.

        Raises:
            ConfigError: An argument is out of range or unknown.
            DataError: A folder or its images would spoil a run; all faults are listed.

        Example:
            >>> data = ImageData.from_folder("synthetic:lesions", image_size=32)
            >>> data.num_classes, data.train.num_examples, data.validation.num_examples
            (9, 598, 149)
        """
        config = settings_of("data", train=str(train), **options)
        return cls.from_config(config.data, augmentation, config.seed, config.cache_dir)

    @classmethod
    @takes_settings(TABLE)
    def from_csv(
        cls,
        train: PathLike,
        *,
        augmentation: Augmentation | None = None,
        **options: Unpack[TableOptions],
    ) -> "ImageData":
        """Reads a table with one row per image: a CSV file with a header.

        Args:
            train: The table.
            augmentation: See `from_folder`.
            **options: Options of `from_folder` and of tables: `image_root`,
                `label_column`, `label_columns` and `split_column`.
                `validation` and `test` may be tables with these columns, or folders.

        Raises:
            ConfigError: An argument is out of range or unknown.
            DataError: The table or its images would spoil a run; all faults are listed.
        """
        config = settings_of("data", train=str(train), **options)
        return cls.from_config(
            config.data, augmentation, config.seed, config.cache_dir, config.task
        )

    def with_augmentation(self, augmentation: Augmentation) -> "ImageData":
        """Returns the same images with another augmentation; files are not read again.

        Example:
            >>> data = ImageData.from_folder("synthetic:lesions", image_size=32)
            >>> data.with_augmentation(Augmentation(views=2)).train.num_views
            2
        """
        other = copy.copy(self)
        other.train = self.train.with_augmentation(augmentation)
        for name in ("validation", "test"):
            split = getattr(self, name)
            setattr(other, name, split and split.with_augmentation(augmentation))
        return other

    def fold(self, number: int, folds: int) -> "ImageData":
        """Returns the same images with one of their folds for validation.

        The folds are those of `data.folds`: copies and groups stay together, and the
        classes are spread evenly. Test images are unchanged. Files are not read again.

        Args:
            number: Number of the fold, counted from 1.
            folds: Number of folds.

        Raises:
            DataError: Validation images are given, or a class is too small for folds.

        Example:
            >>> data = ImageData.from_folder("synthetic:lesions", image_size=32)
            >>> [data.fold(number, 3).validation.num_examples for number in (1, 2, 3)]
            [249, 249, 249]
        """
        own = ImageData(one_fold(self._read, number, folds))
        return own.with_augmentation(self.train.augmentation)

    def describe(self) -> list[str]:
        """Returns lines for the start of a run: images per split, and what was left out."""
        return [self._read.built.index.describe(), *self._read.remarks]

    def describe_dropped(self, class_names: Collection[str] | None = None) -> str:
        """Describes how many images were dropped, and why; empty if none were."""
        return describe_dropped(self._read.built.dropped, class_names)

    def settings(self) -> dict[str, Any]:
        """Returns the settings that determine the batches, to compare them on resume."""
        return {
            "class_names": list(self.class_names),
            "image_size": self.image_size,
            "batch_size": self.batch_size,
            "bit_depth": self._read.config.bit_depth,
            "split": fingerprint_split(self._read.built.index),
            **self._settings_of_columns(),
            **self.train.settings(),
        }

    def _settings_of_columns(self) -> dict[str, Any]:
        features = self.table_features
        return {} if features is None else {"features": features.as_json()}

    def sample_images(self, per_class: int = 4) -> tuple[Pixels, list[str]]:
        """Returns some training images of each class (at most 24), and their classes.

        In other tasks, it returns any 24 images with their labels or numbers.
        """
        train = self.train
        if train.labels is not None:
            places = sample_places(train.labels, self.num_classes, per_class)
        else:
            places = spread_places(train.num_examples)
        return train.images(places), train.target_texts(places)

    def augmented_images(self, versions: int = 11) -> Pixels:
        """Returns a training image: the original, then `versions` augmented views."""
        return self.train.versions(0, versions)

    def images_by_kind(self, versions: int = 7) -> dict[str, Pixels]:
        """Returns a training image: the original, and views of each kind of augmentation.

        Returns:
            `(1 + versions, size, size, 3)` RGB, uint8, by the name of the kind, for the
            enabled kinds.
        """
        return {
            name: self.train.with_augmentation(alone).versions(0, versions)
            for name, alone in self.train.augmentation.kinds.items()
            if alone
        }

    def validation_images(self, places: Integers) -> Pixels:
        """Returns the validation images at these positions."""
        if self.validation is None:
            raise ValueError("There is no validation split.")
        return self.validation.images(places)

    def show(self, per_class: int = 4) -> "Drawing":
        """Shows some training images of each class in a notebook."""
        from ..evaluation import Drawing, samples_figure  # loads Matplotlib

        return Drawing(samples_figure(*self.sample_images(per_class)))

    def show_augmented(self, versions: int = 11) -> "Drawing":
        """Shows augmented views of a training image in a notebook."""
        from ..evaluation import Drawing, augmented_figure  # loads Matplotlib

        return Drawing(augmented_figure(self.augmented_images(versions)))

    def held_out_among(
        self, table: Path, setting: str, all_folds: bool = False
    ) -> dict[str, list[str]]:
        """Finds the held-out images that another run trained on, by split.

        Args:
            table: The split.csv of that run.
            setting: The setting that names the run, such as `"model.weights"`.
            all_folds: Whether to check all images, because each is held out by a fold.

        Raises:
            DataError: The table can't be used; all faults are listed.
        """
        return held_out_among(
            self._read.built.index, read_trained_images(table, setting), all_folds
        )

    def write_tables(self, directory: Path) -> None:
        """Writes split.csv and dropped.csv: splits of files, and reasons for drops."""
        write_split(directory / SPLIT_FILE, self._read.built.index)
        write_dropped(directory / DROPPED_FILE, self._read.built.dropped)
