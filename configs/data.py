"""Settings of the section `data`: which images to use, and how to read them."""

from typing import Annotated

from pydantic import Field, model_validator

from .choices import (
    Cache,
    Check,
    ClassBalance,
    ExifOrientation,
    FindImagesBy,
    Layout,
    Policy,
    UnreadablePolicy,
)
from .data_rules import check_data
from .section import AS_LIST, AS_PATHS, MOST, Count, PathText, Section


class DataConfig(Section):
    """Images to train, validate and test on, and how to read them."""

    train: PathText | None = Field(
        None,
        description="Training images: a folder with one folder per class, or with folders "
        "train, val and test that each contain class folders; a table (.csv or .tsv) with "
        "one row per image; or `synthetic:lesions` for generated images.",
    )
    validation: PathText | None = Field(
        None,
        description="Folder or table of validation images; by default, `validation_split` "
        "holds out a part of `train`.",
    )
    test: PathText | None = Field(None, description="Folder or table of test images.")
    layout: Layout = Field(
        "auto",
        description="How to read the folders directly below `train`: as `classes`, or as "
        "`splits` that contain class folders. `auto` decides by their names and stops "
        "with a question if they are ambiguous.",
    )
    image_root: PathText | None = Field(
        None,
        description="Folder that contains the images of a table; by default the folder of "
        "the table.",
    )
    image_column: str = Field(
        "image",
        description="Column of a table that identifies the image, by its path below "
        "`image_root` or by its file name with or without the extension.",
    )
    label_column: str = Field(
        "label", description="Column of a table that contains the class."
    )
    label_columns: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="Instead of `label_column`: one column per class, with 1 for the "
        "class of the image and 0 otherwise. If a table has no column `label`, columns of "
        "0 and 1 that give each image exactly one class are detected.",
    )
    group_column: str | None = Field(
        None,
        description="Column of a table that identifies the group of an image, such as the "
        "patient. Images of one group never end up in different splits.",
    )
    split_column: str | None = Field(
        "auto",
        description="Column of a table that assigns each image to a split; `auto` uses a "
        "column called `split`, null ignores it.",
    )
    metadata: Annotated[list[PathText], AS_PATHS, Field(min_length=1)] | None = Field(
        None,
        description="Tables (.csv or .tsv) with one row per image, joined to the images of "
        "folders and tables by `image_column`: for `features`, `group_column` and slices.",
    )
    features: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="Columns of a table that the model receives in addition to the image, "
        "such as age and sex. Numbers are standardized, text is treated as categories. "
        "Cells may be empty.",
    )
    categorical_features: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="Columns in `features` whose numbers are categories, such as codes.",
    )
    validation_split: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Fraction of each class of `train` to hold out for validation if "
        "`validation` is not given.",
    )
    test_split: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Fraction of each class of `train` to hold out for testing.",
    )
    folds: Annotated[int, Field(ge=2, le=MOST)] | None = Field(
        None,
        description="Number of cross-validation folds: train once per fold, each time "
        "with another fold for validation.",
    )
    fold: Count | None = Field(None, description="Train only this fold, counted from 1.")
    split: PathText | None = Field(
        None,
        description="The split.csv of an earlier run; files that it lists keep their "
        "split.",
    )
    train_on_validation: bool = Field(
        False,
        description="Whether to train on the validation images as well, for a final model "
        "whose settings have been chosen; there is no validation then.",
    )
    check: Check = Field(
        "copies",
        description="Which duplicates to look for: `copies` (equal bytes), `full` (near "
        "copies as well, which are only kept on one side of the split) or `off`. `lazy` "
        "opens no file before it is used, so that training on a million files starts at "
        "once.",
    )
    image_size: int = Field(
        224, ge=32, le=4096, description="Height and width in pixels after resizing."
    )
    batch_size: Count = Field(
        32, description="Global batch size: images per step over all devices."
    )
    cache: Cache = Field(
        "auto",
        description="Where to keep decoded images between epochs. `auto` means `disk` if "
        "they fit into the size limit of the cache, otherwise `none`.",
    )
    find_images_by: FindImagesBy = Field(
        "extension",
        description="How to recognize image files: by `extension`, or by `content`, which "
        "also accepts other files that begin like an image.",
    )
    max_megapixels: float = Field(
        64.0, gt=0, description="Images with more megapixels count as unreadable."
    )
    bit_depth: Annotated[int, Field(ge=8, le=16)] | None = Field(
        None,
        description="Bits that 16-bit images actually use per channel, such as 12. With "
        "null, all 16 are assumed, and the run stops if no image uses them.",
    )
    exif_orientation: ExifOrientation = Field(
        "apply",
        description="Whether to rotate images according to their EXIF data (`apply`), or "
        "to count images that would be rotated as unreadable (`refuse`).",
    )
    on_unreadable: UnreadablePolicy = Field(
        "error", description="What to do with files that can't be decoded."
    )
    on_conflict: Policy = Field(
        "error", description="What to do with an image that is filed under two classes."
    )
    on_leak: Policy = Field(
        "error",
        description="What to do with a training image that is also in the validation or "
        "test set. Also applies to held-out images that the run in `model.weights` was "
        "trained on; only `keep` accepts these.",
    )
    class_balance: ClassBalance = Field(
        "none",
        description="How to compensate for class imbalance in training: `sampling` draws "
        "each class equally often, `weights` weights the examples.",
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> "DataConfig":
        check_data(self.model_dump())
        return self
