"""The page in a browser, if available: script, keyboard, and no requests."""

import json
import os
import shutil
from pathlib import Path

import pytest
from keraunos.evaluation.decisions.operating_points import OperatingPoints
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.report.page.page import page
from report_pages import finding, predictions, report

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium")
DRIVER = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless", "--no-sandbox", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def open_page(browser, tmp_path_factory) -> Path:
    """An open page with a matrix and a slider."""
    evidence = Evidence(as_labeled(predictions()), as_labeled(predictions()))
    points = OperatingPoints({"nevus": {"sensitivity": 0.5}}).evaluate(evidence)
    file = tmp_path_factory.mktemp("page") / "report.html"
    findings = {"calibration": finding(), "operating_points": points}
    file.write_text(page([report(contradictory=[1], findings=findings)]))
    browser.get_log("performance")
    browser.get(file.as_uri())
    return file


def test_page_makes_no_requests_and_logs_no_errors(browser, open_page):
    events = [
        json.loads(each["message"])["message"] for each in browser.get_log("performance")
    ]
    requests = [
        each["params"]["request"]["url"]
        for each in events
        if each["method"] == "Network.requestWillBeSent"
    ]
    elsewhere = [url for url in requests if not url.startswith(("data:", "chrome:"))]
    assert elsewhere == [open_page.as_uri()]
    assert browser.get_log("browser") == []


def test_matrix_cell_opens_and_closes_by_keyboard(browser, open_page):
    (button,) = browser.find_elements("css selector", "[data-true='0'][data-predicted='1']")
    dialog = browser.find_element("id", "images")
    browser.execute_script("arguments[0].focus()", button)
    button.send_keys("\ue007")  # enter
    assert dialog.get_attribute("open")
    assert "melanoma, predicted as nevus" in dialog.text
    assert "1.jpg" in dialog.text
    assert "a copy has another class" in dialog.text
    (image,) = dialog.find_elements("tag name", "img")
    assert browser.execute_script("return arguments[0].naturalWidth", image) == 64
    browser.switch_to.active_element.send_keys("\ue00c")  # escape
    assert not dialog.get_attribute("open")
    assert browser.switch_to.active_element == button
    assert browser.get_log("browser") == []


def test_slider_shows_the_results_of_each_threshold(browser, open_page):
    form = browser.find_element("css selector", "[data-slider]")

    def value(name):
        return form.find_element("css selector", f"[data-value='{name}']").text

    assert (value("found"), value("missed"), value("false alarms")) == ("3", "1", "1")
    assert (value("sensitivity"), value("precision")) == ("0.750", "0.750")
    assert "Chosen on validation: 0.800." in value("chosen")
    form.find_element("tag name", "input").send_keys("\ue014")  # right
    assert (value("found"), value("missed"), value("false alarms")) == ("4", "0", "3")
    form.find_element("tag name", "select").send_keys("melanoma")
    assert "No threshold was chosen" in value("chosen")
    assert browser.get_log("browser") == []


def test_narrow_window_does_not_scroll_horizontally(browser, open_page):
    browser.set_window_size(500, 900)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= browser.execute_script("return window.innerWidth")
