"""Names of images from arguments and standard input, and how they resume."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keraunos.core.errors import ConfigError, DataError
from keraunos.data.streams.image_names import ImageName, ImageNames

Listed = Callable[..., ImageNames]


@pytest.fixture
def listed() -> Iterator[Listed]:
    """Names from a pipe as standard input."""
    opened = []

    def names(content: bytes, **options: object) -> ImageNames:
        reading, writing = os.pipe()
        opened.append(reading)
        os.write(writing, content)
        os.close(writing)
        return ImageNames(["a.png", "-"], input=reading, **options)

    yield names
    for each in opened:
        os.close(each)


def test_arguments_keep_their_order_and_resume_after_any_image(tmp_path: Path) -> None:
    for name in ("x/1.png", "x/2.png", "y/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    x, y = str(tmp_path / "x"), str(tmp_path / "y")
    names = ImageNames([f"{x}/2.png", x, y, x])
    names.require()
    every = list(names.after())
    assert [os.path.basename(each.name) for each in every] == [
        f"{number}.png" for number in (2, 1, 2, 3, 1, 2)
    ]
    assert [each.argument for each in every] == [0, 1, 1, 2, 3, 3]
    assert sum(names.count()) == len(every)
    for place, each in enumerate(every):
        assert list(names.after(each)) == every[place + 1 :]


def test_names_are_read_from_standard_input(listed: Listed) -> None:
    found = list(listed(b"b.png\n\nc\xff.png\nd.png").after())
    assert [each.name for each in found] == ["a.png", "b.png", "c\udcff.png", "d.png"]
    assert [(each.argument, each.number) for each in found[1:]] == [(1, 1), (1, 2), (1, 3)]


def test_null_separator_allows_newlines_in_names(listed: Listed) -> None:
    found = list(listed(b"b\nb.png\0c.png\0", separator=b"\0").after())
    assert [each.name for each in found[1:]] == ["b\nb.png", "c.png"]


def test_standard_input_resumes_after_the_names_already_read(listed: Listed) -> None:
    last = ImageName("c.png", argument=1, number=2)
    found = list(listed(b"b.png\nc.png\nd.png\n").after(last))
    assert found == [ImageName("d.png", argument=1, number=3)]


def test_standard_input_with_changed_names_is_rejected(listed: Listed) -> None:
    last = ImageName("c.png", argument=1, number=2)
    with pytest.raises(ConfigError, match=r"name='e\.png', name_before='c\.png'"):
        list(listed(b"b.png\ne.png\nd.png\n").after(last))


def test_partial_name_is_discarded_when_stopped() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"b.png\nhalf-a-na")
    stopped: list[bool] = []
    names = ImageNames(["-"], input=reading, is_stopped=lambda: bool(stopped)).after()
    assert next(names).name == "b.png"
    stopped.append(True)
    assert list(names) == []
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["nowhere.png"], DataError, "does not exist"),
        (["empty"], DataError, "must contain images"),
        (["-", "-"], ConfigError, "only once"),
    ],
)
def test_invalid_arguments_are_rejected_up_front(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    error: type[Exception],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=words):
        ImageNames(arguments).require()
