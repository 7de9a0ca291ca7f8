import base64
import hashlib
import json
import re

import numpy as np
import pytest
from keraunos.core.errors import DataError
from keraunos.evaluation.finding import Finding, Table
from keraunos.report.facts import RunFacts
from keraunos.report.page import page as report_page
from keraunos.report.page.page import page
from keraunos.report.run_report import RunReport
from report_pages import Page, facts, figure, finding, load_images, predictions
from report_pages import report as made_report


@pytest.fixture(scope="module")
def full_page():
    """The page of a complete run, with another run for comparison."""
    drawn = {"calibration": finding(figures={"reliability": figure()})}
    history = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]}
    other = facts(name="lesions-002", settings={"seed": 8})
    return page(
        [
            made_report(contradictory=[1], findings=drawn, facts=facts(history=history)),
            made_report(facts=other, findings=drawn),
        ]
    )


def test_first_screen_summarizes_model_data_scores_and_limitations():
    shown = Page(page([made_report(contradictory=[1])])).text
    first = shown[: shown.index("Images by class and split")]
    for words in (
        "ResNet50, initialized with ImageNet weights, predicts one of",
        "classes for each image of 64 by 64 pixels",
        "55 training, 7 test images.",
        "20% were held out for validation, class by class, with seed 7.",
        "balanced accuracy 0.708",  # (2 / 3 + 3 / 4) / 2
        "all test images (7)",
        "cleaned (6)",
        "0.875",  # (2 / 2 + 3 / 4) / 2
        "Too sure of itself.",
        "not approved for any such purpose",
        "Detecting angioma: there were no test images",
    ):
        assert words in first, words


def test_each_finding_is_shown_completely(full_page):
    shown = Page(full_page)
    for words in (
        "Whether probabilities mean what they say.",
        "The error is 0.125.",
        "not measured: vector scaling, because there are too few images",
        "bins error 15 0.125 - 2",
        "missed melanoma taken for nevus",
    ):
        assert shown.text.count(words) >= 2, words
    figures = [each for each in shown.all("svg") if each.get("role") == "img"]
    labels = [each["aria-label"] for each in figures]
    assert labels.count("Calibration: reliability. The error is 0.125.") == 2
    assert len(labels) == 3


@pytest.mark.feature("report")
def test_page_is_self_contained(full_page):
    shown = Page(full_page)
    for tag, attributes in shown.tags:
        for name in {"src", "href", "srcset", "data", "action"} & set(attributes):
            assert attributes[name].startswith(("data:", "#")), (tag, attributes)
    assert not re.search(r"https?://|@import|url\((?!#)", full_page)
    (policy,) = [each for each in shown.all("meta") if "http-equiv" in each]
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    digest = base64.b64encode(hashlib.sha256(shown.data[-1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy["content"]


def test_identifiers_are_unique_and_internal_links_resolve(full_page):
    shown = Page(full_page)
    identifiers = [each["id"] for _, each in shown.tags if "id" in each]
    assert len(set(identifiers)) == len(identifiers)
    links = [each["href"] for _, each in shown.tags if "href" in each]
    wanted = {link[1:] for link in links if link.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", full_page))
    wanted |= {each.get("aria-labelledby") for _, each in shown.tags} - {None}
    assert wanted <= set(identifiers)


def test_every_image_has_alternative_text(full_page):
    assert all(each["alt"] for each in Page(full_page).all("img"))


def test_page_generation_is_deterministic():
    assert page([made_report()]) == page([made_report()])


def images_of(shown, key="run1"):
    texts = dict(zip((e.get("id") for e in shown.all("script")), shown.data, strict=True))
    return json.loads(texts[f"{key}-images"])["images"]


def test_matrix_cells_lead_to_their_images(full_page):
    shown = Page(full_page)
    buttons = [each for each in shown.all("button") if "data-true" in each]
    labels = [each["aria-label"] for each in buttons if each["data-true"] == "0"][:2]
    assert labels == [
        "2 of melanoma predicted as melanoma: show images",
        "1 of melanoma predicted as nevus: show images",
    ]
    (missed,) = [
        each for each in images_of(shown) if (each["true"], each["predicted"]) == (0, 1)
    ]
    assert missed["name"] == "/photographs/test/1.jpg"
    assert missed["contradictory"]
    assert base64.b64decode(missed["jpeg"])[:2] == b"\xff\xd8"
    assert not images_of(shown, "run2")[0]["contradictory"]


NASTY = "</script><script>alert(1)</script>\x1b[2J\udcff&\"'<b>"


def test_names_are_escaped_as_text():
    made = predictions(names=[f"{NASTY}{n}.jpg" for n in range(7)])
    table = Table(NASTY, [NASTY], [[NASTY]])
    nasty = Finding(NASTY, NASTY, {}, [NASTY], [NASTY], [NASTY], [table])
    drawn = Finding("drawn", figures={NASTY: figure("<b>&$x"), "broken": figure(NASTY)})
    known = facts(name=NASTY, counts={NASTY: {NASTY: 1}}, settings={NASTY: NASTY})
    text = page([made_report(made=made, findings={"a": nasty, "b": drawn}, facts=known)])
    text.encode()  # is valid text
    shown = Page(text)
    kinds = [each.get("type") for each in shown.all("script")]
    assert kinds == ["application/json", None]
    assert "\x1b" not in text
    assert "<b>&amp;$x" not in text.replace("&lt;b&gt;", "")
    assert "this figure can't be drawn (TypeError" in shown.text
    assert "\\x1b[2J\\udcff" in shown.text
    assert images_of(shown)[0]["name"].endswith("1.jpg")


def test_part_names_may_contain_any_characters():
    label = 'my "part" <1>'
    shown = page([made_report(findings={label: finding(figures={"curve": figure()})})])
    found = Page(shown)
    identifiers = [each["id"] for _, each in found.tags if "id" in each]
    assert identifiers.count("run1-my_20__22_part_22__20__3c_1_3e_") == 1
    assert not re.search(r"url\(#[^)]*[ \"<]", shown)


def test_missing_content_is_stated_explicitly():
    shown = Page(page([RunReport(RunFacts("bare", gaps=["not shown: split.csv"]))])).text
    for words in (
        "There is no score",
        "It is unknown which images were used.",
        "Not shown: images by class and split",
        "Not shown: curves of training",
        "Not shown: scores by class",
        "Not shown: the command",
        "not shown: split.csv",
        "evaluated on no images",
    ):
        assert words in shown, words


def test_complete_page_states_that_nothing_is_missing():
    full = Finding("Calibration")
    assert (
        "Nothing: everything requested"
        in Page(page([made_report(findings={"calibration": full})])).text
    )


def test_gaps_of_all_parts_are_listed_with_their_part():
    shown = Page(page([made_report()])).text.rpartition("Missing results")[2]
    assert "Calibration: not measured: vector scaling" in shown


def test_page_of_several_runs_starts_with_their_differences(full_page):
    shown = Page(full_page).text
    first = shown[: shown.index("predicts one of")]
    assert "lesions-001 lesions-002" in first
    assert "seed 7 8" in first
    assert "balanced accuracy, cleaned 0.875" in first


def test_images_exceeding_the_size_limit_are_counted(monkeypatch):
    monkeypatch.setattr(report_page, "BYTES_OF_IMAGES", 2000)
    noise = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3)).astype(np.uint8)
    shown = Page(page([made_report(load_images=lambda rows: noise[rows])]))
    missing = 7 - len(images_of(shown))
    assert 0 < missing < 7
    assert f"{missing} images are left out to keep the page small" in shown.text


def test_only_the_most_confused_classes_are_shown_if_there_are_many(monkeypatch):
    monkeypatch.setattr(report_page, "MOST_CLASSES", 2)
    shown = Page(page([made_report()]))
    assert "The 2 classes with the most mistakes; 1 more" in shown.text
    assert len([each for each in shown.all("td") if "style" in each]) == 4


def test_missing_images_are_named_and_the_others_shown():
    def load(rows):
        if 2 in rows:
            raise DataError("Images must stay as they were.")
        return load_images(rows)

    shown = page([made_report(load_images=load)])
    assert shown.count('"jpeg"') == 6
    words = "not shown: 1 image of the confusion matrix (moved or changed)"
    assert f"{words}: /photographs/test/2.jpg" in Page(shown).text


def test_report_without_image_loader_shows_only_counts():
    shown = Page(page([made_report(load_images=None)]))
    assert "Not shown: images of the cells" in shown.text
    assert not [each for each in shown.all("button") if "data-true" in each]
