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
from .section import MOST, Count, Section


class DataConfig(Section):
    """Which pictures to train, validate and test on."""

    train: str | None = Field(
        None,
        description="Folder with one folder of pictures per class, or with the folders "
        "train, val and test of such folders; a table (.csv or .tsv) with a row a "
        "picture; or `synthetic:lesions`.",
    )
    validation: str | None = Field(
        None, description="Folder or table for validation; else a part of `train`."
    )
    test: str | None = Field(None, description="Folder or table of test pictures.")
    layout: Layout = Field(
        "auto",
        description="What the folders directly below `train` are: `classes`, or `splits` "
        "of class folders, by their names; `auto` tells by these, and asks in doubt.",
    )
    image_root: str | None = Field(
        None, description="Folder of a table's pictures; by default that of the table."
    )
    image_column: str = Field(
        "image", description="Column of a table that names the picture."
    )
    label_column: str = Field(
        "label", description="Column of a table that names the class."
    )
    group_column: str | None = Field(
        None,
        description="Column of a table that names what must stay on one side of a "
        "split, such as the patient.",
    )
    split_column: str | None = Field(
        "auto",
        description="Column of a table that gives each picture its split; `auto` takes one "
        "called `split`, null none.",
    )
    validation_split: float = Field(
        0.2, ge=0, lt=1, description="Part of `train` held out, if none is given."
    )
    test_split: float = Field(
        0.0, ge=0, lt=1, description="Part of `train` held out as test pictures."
    )
    folds: Annotated[int, Field(ge=2, le=MOST)] | None = Field(
        None, description="Train that often, each time with another part for validation."
    )
    fold: Count | None = Field(
        None, description="Train only this one of the folds, counted from 1."
    )
    split: str | None = Field(
        None, description="The split.csv of a run: files that it names keep their side."
    )
    check: Check = Field(
        "copies",
        description="What to look for: `copies` of equal bytes, near copies as well "
        "with `full` (these are only kept on one side), or nothing.",
    )
    image_size: int = Field(
        224, ge=32, le=4096, description="Height and width in pixels after resizing."
    )
    batch_size: Count = Field(
        32, description="Pictures per step over all devices together."
    )
    cache: Cache = Field(
        "auto",
        description="Where decoded pictures are kept between epochs: `auto` is `disk` "
        "where they fit into the size limit of the cache, else `none`.",
    )
    find_images_by: FindImagesBy = Field(
        "extension",
        description="Which files are pictures: those named so, or with `content` also "
        "those of other or no extensions that begin like one.",
    )
    max_megapixels: float = Field(
        64.0, gt=0, description="Pictures of more million pixels count as unreadable."
    )
    bit_depth: Annotated[int, Field(ge=8, le=16)] | None = Field(
        None,
        description="How many of the 16 bits per channel of pictures are used, such as 12; "
        "null takes all, and asks if no picture uses them.",
    )
    exif_orientation: ExifOrientation = Field(
        "apply",
        description="Turn pictures as EXIF says, or take those that are to be turned for "
        "unreadable.",
    )
    on_unreadable: UnreadablePolicy = Field(
        "error", description="What to do about files that can't be decoded."
    )
    on_conflict: Policy = Field(
        "error", description="What to do about a picture filed under two classes."
    )
    on_leak: Policy = Field(
        "error",
        description="What to do about a picture of train that is in validation or test.",
    )
    class_balance: ClassBalance = Field(
        "none", description="How rarer classes are evened out in training."
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> "DataConfig":
        check_data(self.model_dump())
        return self
