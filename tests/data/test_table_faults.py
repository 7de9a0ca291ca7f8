"""Tables that are ambiguous or misleading, and the messages about them."""

from pathlib import Path

import pytest
from helpers import smooth_image
from keraunos import DataError
from keraunos.configs import DataConfig
from keraunos.core.store import Store
from keraunos.data.index.build_index import BuiltIndex, build_index

NAMES = [f"ISIC_{number:04d}" for number in range(12)]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve different images."""
    folder = tmp_path_factory.mktemp("images")
    for number, name in enumerate(NAMES):
        smooth_image(number, 24, 24).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def read(images: Path, tmp_path: Path):
    """Reads a table of these images."""

    def run(content: str | bytes, **settings: object) -> BuiltIndex:
        table = tmp_path / "t.csv"
        table.write_bytes(content if isinstance(content, bytes) else content.encode())
        config = {"train": str(table), "image_root": str(images), **settings}
        return build_index(DataConfig(**config), 0, Store(tmp_path / "cache", 10**9))

    return run


def lines(labels: list[str], header: str = "image,label", cell: str = "{0},{1}") -> str:
    """A table with these labels, again and again."""
    rows = (cell.format(n, labels[i % len(labels)]) for i, n in enumerate(NAMES))
    return "\n".join([header, *rows, ""])


def refused(read, *arguments: object, **settings: object) -> str:
    with pytest.raises(DataError) as error:
        read(*arguments, **settings)
    return str(error.value)


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ('image;label;"age, sex, site"', "{0};{1};x"),
        ('"a;b;c;d",image,label', "x,{0},{1}"),
        ("image;label;size", '{0};{1};"1,5"'),
        ("image;label;a;b", "{0};{1};1,2,3,4,5;2,3,4,5,6"),
        ("image\tlabel\ta,b,c,d", "{0}\t{1}\t1"),
    ],
)
def test_delimiter_is_found_by_cells_not_by_frequency(header, cell, read):
    found = read(lines(["MEL", "B/CC"], header, cell))
    assert found.index.class_names == ("B/CC", "MEL")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_byte_order_mark_determines_the_encoding(encoding, read):
    text = lines(["nævus", "mel"])
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    assert read((mark + text).encode(encoding)).index.class_names == ("mel", "nævus")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le"])
def test_other_encodings_are_rejected(encoding, read):
    said = refused(read, lines(["nævus", "mel"]).encode(encoding))
    assert "not text in UTF-8" in said
    assert "Save it as CSV in UTF-8" in said


@pytest.mark.parametrize("missing", ["nan", "NaN", "NA", "N/A", "null", "None", "<NA>", ""])
def test_missing_value_markers_are_not_classes(missing, read):
    said = refused(read, lines(["mel", "nv", missing]))
    assert ("line 4: " + missing if missing else "rows have no class") in said


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["0", "0.0", "1"], "is the same number: 0 and 0.0"),
        (["1", "01", "2"], "is the same number: 01 and 1"),
        (["nv", "n\u200bv"], r"looks the same or is the same number: nv and 'n\u200bv'"),
        (["caf\u00e9", "cafe\u0301"], r"'caf\xe9'"),
        (["mel", "m\u0435l"], r"mel and 'm\u0435l'"),
        (["Mel", "mel"], "differs only in upper and lower case: Mel and mel"),
    ],
)
def test_nearly_identical_labels_are_rejected(labels, said, read):
    assert said in refused(read, lines(labels))


def test_extra_spaces_in_labels_are_ignored(read):
    found = read(lines(["basal  cell", " basal cell\u00a0", "nv"]))
    assert found.index.class_names == ("basal cell", "nv")


@pytest.mark.parametrize(
    "labels",
    [
        ["water|clear", "clear primary"],
        ["a;b", "a"],
        ['"a,b"', '"b,c"', "a"],
        ["\"['a', 'b']\"", "c"],
        ["a b", "b a", "c"],
        ["a b", "a c", "b c", "a b c"],
    ],
)
def test_several_labels_in_a_cell_are_rejected(labels, read):
    assert " to contain several classes" in refused(read, lines(labels))


@pytest.mark.parametrize(
    "labels",
    [
        ["basal cell carcinoma", "squamous cell carcinoma", "actinic keratosis"],
        ["golden retriever", "labrador retriever"],
        ['"tench, Tinca tinca"', '"goldfish, Carassius auratus"', "maillot"],
        ["B/CC", "A&B", "x-y", "U.S."],
    ],
)
def test_multi_word_names_are_single_classes(labels, read):
    assert len(read(lines(labels)).index.class_names) == len(labels)


ONE_HOT = ["1.0,0.0,0.0,0.0", "0.0,1.0,0.0,0.0", "0.0,0.0,1.0,0.0"]
PER_CLASS = {"header": "image,NV,MEL,BCC,UNK", "cell": "{0},{1}"}


def test_isic_ground_truth_table_is_read_unmodified(read):
    """Names without extension, and a binary column per class; one has no image."""
    found = read(lines(ONE_HOT, **PER_CLASS))
    assert found.index.class_names == ("BCC", "MEL", "NV")
    labeled = zip(found.index.paths, found.index.labels, strict=True)
    by_name = {Path(path).stem: int(label) for path, label in labeled}
    assert [by_name[name] for name in NAMES[:4]] == [2, 1, 0, 2]
    assert "classes are the columns of 0 and 1: NV, MEL, BCC, UNK" in found.remarks
    assert "classes without images are ignored: UNK" in found.remarks
    assert not found.index.columns


def test_binary_columns_next_to_a_class_column_are_ambiguous(read):
    table = lines(["1,0,nv,31", "0,1,mel,52", "0,1,nv,31"], "image,male,female,dx,age")
    said = refused(read, table)
    assert "it has columns of 0 and 1 (male, female), and others that may be" in said
    assert "may be the classes (dx)" in said
    assert "those of 0 and 1 in data.label_columns" in said
    found = read(table, label_columns=["male", "female"])
    assert found.index.class_names == ("female", "male")


def test_label_columns_select_among_binary_columns(read):
    table = lines([f"{row},1" for row in ONE_HOT], "image,NV,MEL,BCC,UNK,male")
    found = read(table, label_columns=["BCC", "MEL", "NV"])
    assert found.index.class_names == ("BCC", "MEL", "NV")
    assert list(found.index.columns) == ["UNK", "male"]


def test_one_hot_rows_without_exactly_one_1_are_rejected(read):
    several = lines([*ONE_HOT, "1.0,0.0,1.0,0.0", "0,0,0,0"], **PER_CLASS)
    assert "any number of labels, set task=multi_label" in refused(read, several)
    said = refused(read, several, label_columns=["NV", "MEL", "BCC"])
    assert "4 rows have no 1 or several in data.label_columns, but need one class" in said
    assert "line 5; line 6; line 10; line 11" in said


def test_label_columns_with_invalid_cells_or_names_are_rejected(read):
    table = lines([*ONE_HOT, "0.5,,nan,0"], **PER_CLASS)
    said = refused(read, table, label_columns=["NV", "MEL", "BCC"])
    assert "3 cells of the column NV are neither 0 nor 1: line 5 (0.5)" in said
    assert "3 cells of the column MEL are neither 0 nor 1: line 5 (empty)" in said
    assert "cells of the column BCC are neither 0 nor 1: line 5 (nan)" in said
    said = refused(read, table, label_columns=["NV", "NEL", "NV"])
    assert "data.label_columns: NEL is not a column. Did you mean MEL?" in said
    assert "the column NV occurs more than once" in said


@pytest.mark.parametrize("header", ["split", "Split"])
def test_split_column_is_used(header, read):
    values = ["Train", "train", "val", "TEST", "train", "dev"] * 2
    rows = [f"{n},{'ab'[i % 2]},{values[i]}" for i, n in enumerate(NAMES)]
    found = read("\n".join([f"image,label,{header}", *rows]))
    given = dict(zip(found.index.paths, found.index.splits, strict=True))
    by_name = {Path(path).stem: int(split) for path, split in given.items()}
    places = {"train": 0, "val": 1, "dev": 1, "test": 2}
    assert by_name == {n: places[values[i].lower()] for i, n in enumerate(NAMES)}


def test_unsuitable_split_column_is_rejected(read):
    def table(values: list[str], name: str = "split") -> str:
        rows = [
            f"{n},{'ab'[i % 2]},{values[i // 2 % len(values)]}" for i, n in enumerate(NAMES)
        ]
        return "\n".join([f"image,label,{name}", *rows])

    said = refused(read, table(["train", "test", "other"]))
    assert "rows have none of train, validation, test in the column split" in said
    assert "line 6: other" in said
    assert len(read(table(["train", "x"]), split_column=None).index) == 12
    assert "another source of test images" in refused(
        read, table(["train", "test"]), test_split=0.2
    )
    assert "another source of validation images" in refused(
        read, table(["train", "val"]), folds=2, fold=1
    )
    assert "names no training images" in refused(read, table(["val", "test"]))
    said = refused(read, table(["train", "test"], "subset"))
    assert "data.split_column=subset uses the splits of subset." in said
    assert "data.split_column=null ignores those of subset." in said
    assert len(read(table(["train", "test"], "subset"), split_column="subset").index) == 12
    assert "data.split_column: sub is not a column" in refused(
        read, table(["train", "test"], "subset"), split_column="sub"
    )


def test_missing_header_and_duplicate_column_are_rejected(read):
    assert "its first line must be a header" in refused(
        read, lines(["a", "b"], "ISIC_0000.png,MEL")
    )
    assert "the column label occurs more than once" in refused(
        read, lines(["a", "b"], "image,label,label", "{0},{1},x")
    )


def test_backslashes_and_current_folder_paths_get_a_hint(read, images, monkeypatch):
    said = refused(read, lines(["a", "b"], cell="sub\\{0}.png,{1}"))
    assert "write paths with / instead of \\" in said
    monkeypatch.chdir(images.parent)
    said = refused(read, lines(["a", "b"], cell=f"{images.name}/{{0}}.png,{{1}}"))
    assert "some exist below the current folder: set image_root to '.'" in said


def test_duplicate_rows_count_once_with_a_remark(read):
    text = lines(["a", "b"])
    found = read(text + text.partition("\n")[2])
    assert len(found.index) == 12
    assert any(line.startswith("12 rows of") for line in found.remarks)
