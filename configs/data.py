"""The settings of the section `data`: which images, and how they are read."""

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
from .section import AS_LIST, MOST, Count, PathText, Section


class DataConfig(Section):
    """Which images to train, validate and test on, and how they are read."""

    train: PathText | None = Field(
        None,
        description="Folder with one folder of images per class, or with the folders "
        "train, val and test of such folders; a table (.csv or .tsv) with a row per "
        "image; or `synthetic:lesions` for drawn ones.",
    )
    validation: PathText | None = Field(
        None, description="Folder or table for validation; else a part of `train`."
    )
    test: PathText | None = Field(None, description="Folder or table of test images.")
    layout: Layout = Field(
        "auto",
        description="What the folders directly below `train` are: `classes`, or `splits` "
        "of class folders, by their names; `auto` tells by these, and asks in doubt.",
    )
    image_root: PathText | None = Field(
        None, description="Folder of a table's images; by default that of the table."
    )
    image_column: str = Field(
        "image",
        description="Column of a table that names the image: its path below `image_root`, "
        "or its file name with or without the extension.",
    )
    label_column: str = Field(
        "label", description="Column of a table that names the class."
    )
    label_columns: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="In place of `label_column`: columns of a table that hold 1 for the "
        "class of the image and 0 for all others. Without a column `label`, columns of "
        "0 and 1 that give each image one class are found.",
    )
    group_column: str | None = Field(
        None,
        description="Column of a table that names what must stay on one side of a "
        "split, such as the patient: no group is on two sides.",
    )
    split_column: str | None = Field(
        "auto",
        description="Column of a table that gives each image its split; `auto` takes one "
        "called `split`, null none.",
    )
    features: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="Columns of a table that the model takes beside the image, such as "
        "age and sex: numbers standardised, words as categories. Cells may be empty.",
    )
    categorical_features: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None, description="Those of `features` whose numbers are names, such as codes."
    )
    validation_split: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Part of `train` held out for validation, class by class, if "
        "`validation` is not given.",
    )
    test_split: float = Field(
        0.0, ge=0, lt=1, description="Part of `train` held out for testing, class by class."
    )
    folds: Annotated[int, Field(ge=2, le=MOST)] | None = Field(
        None,
        description="Cut `train` into that many parts, and train that often, each time "
        "with another part for validation.",
    )
    fold: Count | None = Field(
        None, description="Train only this one of the folds, counted from 1."
    )
    split: PathText | None = Field(
        None, description="The split.csv of a run: files that it names keep their split."
    )
    check: Check = Field(
        "copies",
        description="What to look for: `copies` of equal bytes, near copies as well "
        "with `full` (these only stay on one side of the split), or nothing with `off`. "
        "`lazy` opens no file before it is used, so that a million files start at once.",
    )
    image_size: int = Field(
        224, ge=32, le=4096, description="Height and width in pixels after resizing."
    )
    batch_size: Count = Field(32, description="Images per step over all devices together.")
    cache: Cache = Field(
        "auto",
        description="Where decoded images are kept between epochs: `auto` is `disk` "
        "where they fit into the size limit of the cache, else `none`.",
    )
    find_images_by: FindImagesBy = Field(
        "extension",
        description="Which files are images: those with such an extension, or with "
        "`content` also others that begin like one.",
    )
    max_megapixels: float = Field(
        64.0, gt=0, description="Images of more million pixels count as unreadable."
    )
    bit_depth: Annotated[int, Field(ge=8, le=16)] | None = Field(
        None,
        description="How many of 16 bits per channel are used, such as 12; null takes all "
        "of them, and is refused where no image uses them.",
    )
    exif_orientation: ExifOrientation = Field(
        "apply",
        description="Turn images as their EXIF data say, or count those as unreadable that "
        "would be turned.",
    )
    on_unreadable: UnreadablePolicy = Field(
        "error", description="What to do about files that can't be decoded."
    )
    on_conflict: Policy = Field(
        "error", description="What to do about an image that is filed under two classes."
    )
    on_leak: Policy = Field(
        "error",
        description="What to do about an image of `train` that is in validation or test, "
        "too; and about such images that the run of `model.weights` trained on, which "
        "only `keep` lets through.",
    )
    class_balance: ClassBalance = Field(
        "none",
        description="How rarer classes are evened out in training: `sampling` draws each "
        "class equally often, `weights` weighs examples.",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> "DataConfig":
        check_data(self.model_dump())
        return self
