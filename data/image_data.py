"""Images in class folders or of a table, checked, split and ready to train on."""

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..configs import DataConfig, validated
from ..configs.choices import (
    Cache,
    Check,
    ClassBalance,
    ExifOrientation,
    FindImagesBy,
    Layout,
    Policy,
    UnreadablePolicy,
)
from ..core.run_layout import DROPPED_FILE, SPLIT_FILE
from .augmentation import Augmentation
from .files.decode import Pixels
from .files.pixel_rules import MAX_MEGAPIXELS
from .image_split import Integers
from .index.image_index import SPLIT_NAMES
from .index.split_csv import fingerprint_split, write_dropped, write_split
from .read_images import ReadImages, read_images
from .samples import sample_places

if TYPE_CHECKING:
    from ..evaluation import Drawing

PathLike = str | os.PathLike[str]


class ImageData:
    """The images of a run in up to three splits.

    Made by `ImageData.from_folder` or `ImageData.from_csv`.

    Attributes:
        train: What to train on: shuffled, balanced, augmented.
        validation: What to validate on, or None.
        test: What to test on, or None.
        class_names: The classes, in the order of the model's outputs.
        image_size: Height and width of the images in pixels.
        batch_size: Images per step over all replicas.
        store: Where what runs share is kept.
    """

    def __init__(self, read: ReadImages) -> None:
        self._read = read
        self.train = read.train
        self.validation = read.validation
        self.test = read.test
        self.store = read.store
        self.class_names = read.train.class_names
        self.image_size = read.train.image_size
        self.batch_size = read.train.batch_size

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @classmethod
    def from_config(
        cls,
        config: DataConfig,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cache_dir: PathLike | None = None,
    ) -> "ImageData":
        """Reads what the section `data` of a configuration names; see `from_folder`."""
        return cls(read_images(config, augmentation or Augmentation(), seed, cache_dir))

    @classmethod
    def from_folder(
        cls,
        train: PathLike,
        *,
        validation: PathLike | None = None,
        test: PathLike | None = None,
        layout: Layout = "auto",
        validation_split: float = 0.2,
        test_split: float = 0.0,
        folds: int | None = None,
        fold: int | None = None,
        split: PathLike | None = None,
        check: Check = "copies",
        image_size: int = 224,
        batch_size: int = 32,
        cache: Cache = "auto",
        find_images_by: FindImagesBy = "extension",
        max_megapixels: float = MAX_MEGAPIXELS,
        bit_depth: int | None = None,
        exif_orientation: ExifOrientation = "apply",
        on_unreadable: UnreadablePolicy = "error",
        on_conflict: Policy = "error",
        on_leak: Policy = "error",
        class_balance: ClassBalance = "none",
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cache_dir: PathLike | None = None,
    ) -> "ImageData":
        """Reads folders that hold one folder of pictures per class.

        Every picture is opened once, now, so that what is wrong is said before training
        starts. Copies (files of equal bytes) stay on one side of the split.

        Args:
            train: The folder; or one that holds folders train, val and test of that
                kind; or `"synthetic:lesions"` for drawn ones.
            validation: Folder of validation pictures, in place of `validation_split`.
            test: Folder of test pictures.
            layout: Whether the folders below `train` are `"classes"` or `"splits"`.
            validation_split: Part of `train` that is held out, class by class.
            test_split: Part of `train` that is held out for testing, likewise.
            folds: Into how many parts to cut `train`, each for validation once.
            fold: Which of them is held out here, counted from 1.
            split: The split.csv of a run. Files that it names keep their side.
            check: Whether to look for `"copies"`, for near copies as well (`"full"`;
                these are only kept on one side), or for neither (`"off"`).
            image_size: Height and width in pixels that pictures are resized to.
            batch_size: Pictures per step over all devices together.
            cache: Where decoded pictures are kept: `"memory"`, `"disk"` (for all runs),
                `"none"`, or `"auto"`: on the disk where they fit.
            find_images_by: `"content"` finds pictures of other extensions, too.
            max_megapixels: Pictures of more million pixels count as unreadable.
            bit_depth: How many of 16 bits per channel are used; None asks in doubt.
            exif_orientation: Whether to turn pictures as EXIF says, or to take those that
                are to be turned for unreadable (`"refuse"`).
            on_unreadable: What to do about files that can't be decoded.
            on_conflict: What to do about a picture filed under two classes.
            on_leak: What to do about a picture of `train` that is held out, too.
            class_balance: How rarer classes are evened out in training: `"sampling"`
                draws each class equally often, `"weights"` weighs them.
            augmentation: How training pictures are varied; `Augmentation()` by default.
            seed: Of split, order and augmentation.
            cache_dir: Folder of the cache; $KERAUNOS_CACHE_DIR or the user's by default.

        Raises:
            ConfigError: An argument is out of its range.
            DataError: A folder or its pictures would spoil a run; all faults are named.

        Example:
            >>> data = ImageData.from_folder("synthetic:lesions", image_size=32)
            >>> data.num_classes, data.train.num_examples, data.validation.num_examples
            (9, 598, 149)
        """
        config = validated(
            DataConfig,
            "data",
            train=str(train),
            validation=None if validation is None else str(validation),
            test=None if test is None else str(test),
            validation_split=validation_split,
            test_split=test_split,
            folds=folds,
            fold=fold,
            split=None if split is None else str(split),
            layout=layout,
            find_images_by=find_images_by,
            max_megapixels=max_megapixels,
            bit_depth=bit_depth,
            check=check,
            image_size=image_size,
            batch_size=batch_size,
            cache=cache,
            exif_orientation=exif_orientation,
            on_unreadable=on_unreadable,
            on_conflict=on_conflict,
            on_leak=on_leak,
            class_balance=class_balance,
        )
        return cls.from_config(config, augmentation, seed, cache_dir)

    @classmethod
    def from_csv(
        cls,
        train: PathLike,
        *,
        image_root: PathLike | None = None,
        image_column: str = "image",
        label_column: str = "label",
        group_column: str | None = None,
        split_column: str | None = "auto",
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cache_dir: PathLike | None = None,
        **options: Any,
    ) -> "ImageData":
        """Reads a table with a row an image: a CSV file with a header.

        Args:
            train: The table.
            image_root: Folder of the images; by default that of the table.
            image_column: Names the image by its path below `image_root`, or by the
                name of its file, with or without the extension.
            label_column: Names its class.
            group_column: Names its patient, say; no group is on two sides of a split.
            split_column: Gives its split; `"auto"` is `split` where there is such a one.
            augmentation: As for `from_folder`.
            seed: As for `from_folder`.
            cache_dir: As for `from_folder`.
            **options: All else that `from_folder` takes. `validation` and `test` may be
                tables with these columns, or folders.

        Raises:
            ConfigError: An argument is out of its range.
            DataError: The table or its images would spoil a run; all faults are named.
        """
        config = validated(
            DataConfig,
            "data",
            train=str(train),
            image_root=None if image_root is None else str(image_root),
            image_column=image_column,
            label_column=label_column,
            group_column=group_column,
            split_column=split_column,
            **{name: _as_text(value) for name, value in options.items()},
        )
        return cls.from_config(config, augmentation, seed, cache_dir)

    def with_augmentation(self, augmentation: Augmentation) -> "ImageData":
        """The same images, read no second time, and varied otherwise.

        Example:
            >>> data = ImageData.from_folder("synthetic:lesions", image_size=32)
            >>> data.with_augmentation(Augmentation(views=2)).train.num_views
            2
        """
        other = copy.copy(self)
        other.train = self.train.with_augmentation(augmentation)
        return other

    def describe(self) -> list[str]:
        """Lines for the start of a run: images per split, and what was left out."""
        splits = self._read.built.index.splits
        counts = np.bincount(splits, minlength=len(SPLIT_NAMES))
        parts = [f"{n} {name}" for n, name in zip(counts, SPLIT_NAMES, strict=True) if n]
        return [
            f"{', '.join(parts)} images in {self.num_classes} classes",
            *self._read.remarks,
        ]

    def settings(self) -> dict[str, Any]:
        """What decides which batches come: compared when a run is resumed."""
        return {
            "class_names": list(self.class_names),
            "image_size": self.image_size,
            "batch_size": self.batch_size,
            "bit_depth": self._read.bit_depth,
            "split": fingerprint_split(self._read.built.index),
            **self.train.settings(),
        }

    def sample_images(self, per_class: int = 4) -> tuple[Pixels, list[str]]:
        """Some training images of each class (of 24 at most), and the class of each."""
        places = sample_places(self.train.labels, self.num_classes, per_class)
        names = [self.class_names[label] for label in self.train.labels[places]]
        return self.train.images(places), names

    def augmented_images(self, versions: int = 11) -> Pixels:
        """A training image, first as it is and then as the next epochs would see it."""
        return self.train.versions(0, versions)

    def validation_images(self, places: Integers) -> Pixels:
        """The validation images at these places."""
        if self.validation is None:
            raise ValueError("There is no validation split.")
        return self.validation.images(places)

    def show(self, per_class: int = 4) -> "Drawing":
        """Draws some training images of each class, for a notebook."""
        from ..evaluation import Drawing, samples_figure  # loads Matplotlib

        return Drawing(samples_figure(*self.sample_images(per_class)))

    def show_augmented(self, versions: int = 11) -> "Drawing":
        """Draws a training image and how epochs see it, for a notebook."""
        from ..evaluation import Drawing, augmented_figure  # loads Matplotlib

        return Drawing(augmented_figure(self.augmented_images(versions)))

    def write_tables(self, directory: Path) -> None:
        """Writes split.csv and dropped.csv: which file went where, and why."""
        write_split(directory / SPLIT_FILE, self._read.built.index)
        write_dropped(directory / DROPPED_FILE, self._read.built.dropped)


def _as_text(value: Any) -> Any:
    """A path as text, all else as it is."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value
