import base64
import io
import os
import re
import shutil
from html.parser import HTMLParser

import pytest
from helpers import smooth_image
from keraunos.core.store import Store
from keraunos.data.audit import html as audit_html
from keraunos.data.audit.audit import audit_folders
from keraunos.data.audit.html import write_html
from PIL import Image


class Page(HTMLParser):
    """Collects what a page shows, and fails on tags that are not closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def shelf(tmp_path):
    """Two splits of two classes; one leak, one near conflict, one harmless copy."""
    root = tmp_path / "shelf"
    names = ("train/cat", "train/cat", "train/dog", "train/dog", "test/cat", "test/dog")
    for seed, name in enumerate(names):
        (root / name).mkdir(parents=True, exist_ok=True)
        smooth_image(seed, 240, 180).save(root / name / f"{seed}.png")
    shutil.copy(root / "train/cat/0.png", root / "test/cat/leak.png")
    smooth_image(2, 240, 180).save(root / "train/cat/near.jpg", quality=30)
    shutil.copy(root / "train/dog/3.png", root / "train/dog/again.png")
    return root


@pytest.fixture
def write(shelf, tmp_path):
    """Writes the page of the shelf and reads it back."""

    def run():
        store = Store(tmp_path / "cache", 10**9)
        write_html(tmp_path / "page.html", audit_folders([shelf], store))
        return (tmp_path / "page.html").read_text(encoding="utf-8")

    return run


def test_each_image_of_each_group_is_shown_once(write):
    page = Page(write())
    assert len(page.all("figure")) == 6
    for attributes in page.all("img"):
        content = base64.b64decode(
            attributes["src"].removeprefix("data:image/jpeg;base64,")
        )
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "JPEG"
            assert image.size == (160, 120)
    shown = re.findall(r"\b\w+\.(?:png|jpg)\b", " ".join(page.words))
    assert shown == ["0.png", "leak.png", "near.jpg", "2.png", "3.png", "again.png"]


def test_page_is_self_contained(write):
    text = write()
    page = Page(text)
    for tag, attributes in page.tags:
        for name in {"src", "href", "srcset", "data", "action"} & set(attributes):
            assert attributes[name].startswith(("data:image/jpeg;base64,", "#")), tag
    assert not page.all("script") + page.all("link")
    assert not re.search(r"https?://|@import|url\(", text)


def test_tile_links_point_to_existing_sections(write):
    page = Page(write())
    sections = {attributes["id"] for attributes in page.all("section")}
    links = {attributes["href"].removeprefix("#") for attributes in page.all("a")}
    assert links == {"leaks", "conflicts", "duplicates"}
    assert links <= sections


def test_page_states_whether_problems_would_spoil_a_run(shelf, write):
    spoilt = write()
    for name in ("test/cat/leak.png", "train/cat/near.jpg", "train/dog/again.png"):
        (shelf / name).unlink()
    sound = write()
    assert "These problems would spoil a training run." in spoilt
    assert "Nothing here would spoil a training run." in sound
    assert Page(sound).all("figure") == []


def test_file_and_class_names_are_escaped(shelf, write):
    name = "<script>alert(1)<script>&\"'"
    (shelf / "train/dog").rename(shelf / "train" / name)
    (shelf / "train/cat/<b>.jpg").write_bytes(b"<i>")
    text = write()
    page = Page(text)
    assert page.all("script") == []
    assert "<b>.jpg" not in text
    assert f"{shelf}/train/cat/<b>.jpg" in page.words
    assert name in page.words


def test_non_utf8_file_name_is_shown(shelf, write):
    bad = os.fsencode(shelf) + b"/train/dog/\xe9\n.png"
    shutil.copy(os.fsencode(shelf / "train/dog/3.png"), bad)
    assert "\\udce9\n.png" in Page(write()).words


def test_image_deleted_after_the_audit_is_marked_as_missing(shelf, tmp_path):
    found = audit_folders([shelf], Store(tmp_path / "cache", 10**9))
    (shelf / "test/cat/leak.png").unlink()
    page = Page(audit_html.page(found))
    assert page.words.count("can no longer be shown") == 1
    assert len(page.all("img")) == 5


def bars(page):
    """Widths of the red and of the other part of each bar."""
    widths = [each["style"].removeprefix("width:") for each in page.all("b") if each]
    rest = [each["style"].removeprefix("width:") for each in page.all("i")]
    return list(zip(widths, rest, strict=True))


def test_conflicting_share_of_each_class_bar_is_red(write):
    page = Page(write())
    assert [word for word in page.words if word.endswith(" of")] == ["1 of", "1 of"]
    cat_train, cat_test, dog_train, dog_test = bars(page)
    assert cat_train == ("33.3%", "66.7%")  # of 3, the most in train
    assert dog_train == ("33.3%", "66.7%")  # 3 with the harmless copy
    assert cat_test == ("0.0%", "100.0%")
    assert dog_test == ("0.0%", "50.0%")


def test_large_group_shows_some_images_and_counts_the_rest(shelf, write, monkeypatch):
    for number in range(5):
        shutil.copy(shelf / "train/dog/3.png", shelf / f"train/dog/more-{number}.png")
    monkeypatch.setattr(audit_html, "MOST_IMAGES", 4)
    page = Page(write())
    assert "and 3 more" in page.words
    assert len(page.all("figure")) == 8


def test_groups_beyond_the_limit_are_counted(write, monkeypatch, shelf):
    for seed in (4, 5):
        name = ("cat", "dog")[seed - 4]
        copy = shelf / f"test/{name}/copy-{seed}.png"
        shutil.copy(shelf / f"test/{name}/{seed}.png", copy)
    monkeypatch.setattr(audit_html, "MOST_GROUPS", 2)
    page = Page(write())
    assert "1 more groups are in the JSON file." in page.words
    assert len(page.all("figure")) == 8
