"""The faults of data: how each is created, and what must happen then."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import faulty_files as make


@dataclass(frozen=True)
class Attempt:
    """One command on a folder with a fault.

    Attributes:
        words: What the output must contain.
        code: The exit code.
        settings: Settings added to `data.train=train data.test=test`.
        trains: Whether a whole run is trained; otherwise `--dry-run` if 0 is expected.
    """

    words: tuple[str, ...]
    code: int = 3
    settings: tuple[str, ...] = ()
    trains: bool = False


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: Identifies it.
        fault: What is wrong, as the table says it.
        outcome: What happens, as the table says it.
        inject: Creates the fault below a folder with intact `train` and `test`.
        attempts: The commands that follow, in order.
        test: The test that verifies it.
    """

    name: str
    fault: str
    outcome: str
    inject: Callable[[Path], None]
    attempts: tuple[Attempt, ...] = ()
    test: str = "test_each_fault_has_its_documented_outcome"


DROP = ("data.on_unreadable=drop",)
LEFT_OUT = Attempt(("can't be decoded", "left out"), 0, DROP)

ROWS = (
    Row(
        "D1-truncated",
        "A truncated JPEG, PNG, GIF, BMP or WebP",
        "The run ends before the first step with exit code 3, and names each file and its "
        "problem. `data.on_unreadable=drop` leaves the file out and lists it in "
        "dropped.csv.",
        make.truncated,
        (
            Attempt(
                (
                    "cut.jpg: it is damaged (image file is truncated",
                    "cut.png: it is damaged",
                    "cut.gif: it is damaged",
                    "cut.bmp: it is damaged",
                    "cut.webp: it ",
                    *DROP,
                )
            ),
            LEFT_OUT,
        ),
    ),
    Row(
        "D2-trailing-bytes",
        "A JPEG with bytes after its end, or wrong ones within its data",
        "Decoded. Files with bytes after the end are counted in one line; wrong bytes "
        "within the data can't be detected.",
        make.trailing_bytes,
        (Attempt(("1 image has extra bytes at the end", "tail.jpg"), 0),),
    ),
    Row(
        "D3-empty-file",
        "An empty file",
        "Like a truncated one.",
        make.empty_files,
        (Attempt(("nothing.jpg: the file is empty", "nothing.png: the file is empty")),),
    ),
    Row(
        "D4-no-image",
        "Text, a web page, HEIC, an archive or PostScript with the name of an image",
        "Like a truncated one; the message says what it is. PostScript is not executed.",
        make.no_images,
        (
            Attempt(
                (
                    "text.jpg: it is of no known image format (it starts with b'hello",
                    "page.png: it is a web page",
                    "phone.jpg: it is HEIC",
                    "all.jpg: it is an archive; unpack it",
                    "draw.jpg: it is of no known image format (it starts with b'%!PS",
                )
            ),
            LEFT_OUT,
        ),
    ),
    Row(
        "D5-misnamed",
        "A PNG, GIF or WebP named .jpg",
        "Decoded by content, and counted in one line.",
        make.misnamed,
        (Attempt(("3 images have a format that differs from the extension",), 0),),
    ),
    Row(
        "D6-cmyk",
        "JPEGs in CMYK or YCCK",
        "Converted to RGB, without color management "
        "(`tests/data/test_golden_decoding.py::test_cmyk_converts_to_the_same_rgb_as_in_"
        "tensorflow`).",
        make.cmyk,
        (Attempt(("in 2 classes",), 0),),
    ),
    Row(
        "D7-other-colors",
        "Grayscale, black and white, palettes, transparency, 16 bits per channel",
        "Converted to RGB: transparency becomes white, and the upper 8 of 16 bits are "
        "kept "
        "(`tests/data/test_golden_decoding.py::test_transparency_is_blended_with_white`, "
        "`tests/data/test_golden_decoding.py::test_top_8_of_16_bits_are_kept`). 32 "
        "bits per channel are refused, because their white level is not defined.",
        make.other_colors,
        (Attempt(("in 2 classes",), 0),),
    ),
    Row(
        "D8-several-frames",
        "An animated GIF, PNG or WebP, a TIFF with several pages",
        "The first frame is used; one line counts them.",
        make.animated,
        (Attempt(("4 images have several frames: the first is used",), 0),),
    ),
    Row(
        "D9-other-extensions",
        "Files with other extensions in class folders",
        "Counted by extension in one line. A class that holds nothing else ends the run "
        "with exit code 3.",
        make.other_extensions,
        (
            Attempt(("skipped because of their extensions: 2 of .heic, 1 of .txt",), 0),
            Attempt(
                ("these contain none: emu.", "Skipped: 1 of .heic"),
                3,
                ("data.train=only_heic",),
            ),
        ),
    ),
    Row(
        "D10-exif-orientation",
        "Phone images, stored on their side",
        "Rotated upright according to EXIF, and counted. With "
        "`data.exif_orientation=refuse` they count as unreadable instead "
        "(`tests/data/test_golden_decoding.py::test_exif_orientation_is_applied`).",
        make.on_their_side,
        (
            Attempt(("1 image is rotated according to EXIF",), 0),
            Attempt(
                ("phone.jpg: its EXIF orientation is 6, not upright", *DROP),
                3,
                ("data.exif_orientation=refuse",),
            ),
            Attempt(
                ("1 image can't be decoded: left out",),
                0,
                ("data.exif_orientation=refuse", *DROP),
            ),
        ),
    ),
    Row(
        "D11-giants",
        "A small file that holds 400 million pixels, in any format; a file of several "
        "gigabytes",
        "Like a truncated one: more than 64 million pixels (`data.max_megapixels`) are "
        "refused by the header alone, more than 1 GB by the file size. Memory does not "
        "grow.",
        make.giants,
        (
            Attempt(
                (
                    "bomb.png: it has 20000 x 20000 pixels, more than 64,000,000",
                    "bomb.gif: it has 20000 x 20000",
                    "bomb.bmp: it has 20000 x 20000",
                    "huge.jpg: it has 3,000,000,000 bytes, more than 1,000,000,000",
                )
            ),
            LEFT_OUT,
        ),
    ),
    Row(
        "D12-empty-class",
        "A class folder without images",
        "Exit code 3; the folder is named.",
        make.empty_class,
        (Attempt(("these contain none: emu.", "Remove them.")),),
    ),
    Row(
        "D13-class-lists",
        "Validation or test lack a class, have an additional one, or spell it differently",
        "The classes are those of the training folder, in every split. A missing class is "
        "reported in one line at the start; an additional one is exit code 3, with the "
        "nearest name. Classes that differ only in case are reported in one line.",
        make.class_lists,
        (
            Attempt(
                ("there are no validation images of dog",), 0, ("data.validation=lacks",)
            ),
            Attempt(("emu", "cat, dog"), 3, ("data.validation=extra",)),
            Attempt(("Dog (Did you mean dog?)",), 3, ("data.test=case",)),
            Attempt(
                ("classes that differ only in case: Dog, dog",),
                0,
                ("data.train=both", "data.test=null"),
            ),
        ),
    ),
    Row(
        "D14-hardly-any-images",
        "No image, one class, or fewer images than a batch or the devices",
        "No image and one class are exit code 3. A few images are trained on, in batches "
        "that are weighted as on one device.",
        make.hardly_any,
        (
            Attempt(("must contain images",), 3, ("data.train=none",)),
            Attempt(
                ("At least two classes",), 3, ("data.train=one_class", "data.test=null")
            ),
            Attempt(
                ("2 train images in 2 classes", "(MirroredStrategy, 4 replicas)"),
                0,
                (
                    "data.train=two",
                    "data.test=null",
                    "data.validation_split=0.0",
                    "trainer.devices=4",
                ),
                trains=True,
            ),
        ),
    ),
    Row(
        "D15-copies",
        "The same image in train and test, or in two classes",
        "Exit code 3 with counts and names. `data.on_leak` and `data.on_conflict` leave "
        "them out or keep them.",
        make.copies,
        (
            Attempt(
                (
                    "1 training image is also held out for validation or test:",
                    "2 images are filed under two classes:",
                    "data.on_conflict=drop data.on_leak=drop",
                )
            ),
            Attempt(
                ("1 training image is also held out", "2 images are filed under two"),
                0,
                ("data.on_leak=drop", "data.on_conflict=keep"),
            ),
        ),
    ),
    Row(
        "D16-odd-files-and-names",
        "Links to nothing or to themselves, pipes, a folder that holds a link to itself; "
        "names with spaces, line breaks, bytes that are not text",
        "A file that can't be opened is treated like a truncated one, and nothing waits "
        "for a pipe. Links are followed, also out of the folder, each folder once. Any "
        "file name is accepted.",
        make.odd_files,
        (
            Attempt(
                (
                    "nowhere.png: it can't be opened (No such file",
                    "itself.png: it can't be opened (Too many levels",
                    "pipe.png: it is not a regular file",
                    "broken\\nname.png: the file is empty",
                )
            ),
            Attempt(
                ("4 images can't be decoded: left out", "15 train"),
                0,
                DROP,
                trains=True,
            ),
        ),
    ),
    Row(
        "D17-changed-meanwhile",
        "A file is removed or replaced while the run trains on it",
        "Every read is checked against the SHA-256 from the start of the run. The run "
        "ends with exit code 3 and names the file; checkpoints are kept, and once the "
        "file is back in place the run resumes. Runs that find all images in the cache "
        "are not affected. Cached data of the old content is not used for the new.",
        make.nothing,  # the test does it, while a run trains
        test="test_images_that_change_during_a_run_end_it",
    ),
    Row(
        "D18-classes-or-splits",
        "Folders that may be splits: `train`, `dev` and `test` next to another, folders "
        "with the same sub-folders",
        "Names such as `Train`, `training_set`, `Validate`, `dev` are recognized. If in "
        "doubt, exit code 3 and what to type: `data.layout=splits` or "
        "`data.layout=classes` "
        "(`tests/data/index/test_layout.py::test_ambiguous_folders_are_rejected_until_a_layout_is_set`).",
        make.classes_or_splits,
        (
            Attempt(
                ("data.layout=splits takes", "skips extra", "data.layout=classes"),
                3,
                ("data.train=mixed", "data.test=null"),
            ),
            Attempt(
                ("skipped folders, next to the splits: extra", "5 test images in 2"),
                0,
                ("data.train=mixed", "data.test=null", "data.layout=splits"),
            ),
        ),
    ),
    Row(
        "D19-own-folders",
        "Run directories and caches of Keraunos among the class folders; folders such as "
        "`__MACOSX`",
        "Left out, and listed in one line "
        "(`tests/data/index/test_layout.py::test_folders_written_by_keraunos_are_not_classes`).",
        make.own_folders,
        (Attempt(("made by Keraunos: cache, runs", "made by the system: __MACOSX"), 0),),
    ),
    Row(
        "D20-bits",
        "Images of 10, 12 or 14 bits in 16-bit files",
        "They would be almost black: exit code 3, and which `data.bit_depth` to set "
        "(`tests/data/files/test_deep_images.py::test_training_on_nearly_black_images_"
        "requires_a_bit_depth`).",
        make.twelve_bits,
        (
            Attempt(("none has a value above 4,095", "data.bit_depth=12"), 3),
            Attempt(("12 train, 3 validation",), 0, ("data.bit_depth=12",)),
        ),
    ),
    Row(
        "D21-tables",
        "Tables with missing labels (`nan`, `NA`), several labels in a cell or in columns "
        "of 0 and 1, classes that look alike or are the same number, a column of splits",
        "Each is exit code 3 with the affected lines; one-hot columns are read "
        "(`tests/data/test_table_faults.py::test_isic_ground_truth_table_is_read_unmodified`"
        "), and a column `split` is honored "
        "(`tests/data/test_table_faults.py::test_split_column_is_used`).",
        make.odd_tables,
        (
            Attempt(
                ("stands for a missing value", "seems to contain several classes"),
                3,
                ("data.train=odd.csv", "data.test=null"),
            ),
            Attempt(
                ("it has columns of 0 and 1 (cat, dog)", "rows with no 1 or several"),
                3,
                ("data.train=wide.csv", "data.test=null"),
            ),
        ),
    ),
    Row(
        "S4-archives",
        "An archive with members such as `../evil.py`, as the data or within it",
        "No archive is ever unpacked. As the data it is exit code 3. In a class folder it "
        "is skipped or, with the name of an image, treated like a truncated file.",
        make.archives,
        (
            Attempt(("must be a folder; it is a file",), 3, ("data.train=evil.zip",)),
            Attempt(("must be a folder; it is a file",), 3, ("data.train=evil.tar",)),
            Attempt(("evil.jpg: it is an archive; unpack it",)),
            Attempt(
                (
                    "skipped because of their extensions: 1 of .tar",
                    "1 image can't be decoded: left out",
                ),
                0,
                DROP,
            ),
        ),
    ),
    Row(
        "S6-names-that-do-harm",
        "Classes named like HTML, a formula, terminal markup, a template or a path",
        "They are shown literally, and nothing is written outside the run directory. In "
        "CSV files, text that a spreadsheet would run is prefixed with an apostrophe. "
        "Names with more than one line are exit code 3.",
        make.harmful_names,
        (
            Attempt(
                ("must be one line of text",), 3, ("data.train=lines", "data.test=null")
            ),
            Attempt(
                ("<img src=x onerror=alert(1)>", "[red]%s"),
                0,
                (
                    "data.train=harmful",
                    "data.test=harmful_test",
                    "model.arguments.classes=4",
                    "callbacks.figures={}",
                ),
                trains=True,
            ),
            Attempt(
                ("../../outside[/nope]",),
                0,
                ("data.train=harmful.csv", "data.test_split=0.2", "data.test=null"),
                trains=True,
            ),
        ),
    ),
)
