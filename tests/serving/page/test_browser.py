"""The page in Chromium, if installed: mouse, keyboard, drag and drop, and a phone."""

import base64
import functools
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from color_network import SIZE, color_network, halves
from keraunos.export.portable.model import Model
from keraunos.serving.app import create_app
from keraunos.serving.page.maps import ClassMaps
from keraunos.serving.settings import ServeSettings
from serving_models import DOCUMENT

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium")
DRIVER = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
SECONDS = 20

webdriver = pytest.importorskip("selenium.webdriver")
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="there is no Chromium"),
]
RED, GREEN, GRAY = (255, 0, 0), (0, 255, 0), (128, 128, 128)
TOKEN = "let-me-in-please%"
NAME = "<img src=x onerror=alert(1)>"
DECISIONS = {
    "prediction_sets": {
        "coverage": 0.9,
        "thresholds": {"red": 0.4, "green": 0.4, NAME: 0.4},
    },
    "operating_points": {"red": {"classes": ["red"], "threshold": 0.6}},
    "groups": {"warm": ["red", "green"]},
    "abstention": None,
    "warnings": [
        "The threshold of red was chosen on only 29 validation images.",
        "The maps have only 4 x 4 cells and show no detail.",
    ],
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
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


class Served:
    """A server in a thread of this process."""

    def __init__(self, app):
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_for(lambda: self._server.started)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    def stop(self):
        self._server.should_exit = True
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


@functools.cache
def network():
    return color_network()


def application(**settings):
    document = DOCUMENT | {
        "classes": ["red", "green", NAME],
        "image_size": SIZE,
        "decisions": DECISIONS,
        "not_for": ["Images of anything else: it can't answer that."],
    }
    model = Model(document, lambda images: network().predict_on_batch(images * 1.0))
    tasks = {"grad_cam": ClassMaps(model, network())}
    return create_app(model, ServeSettings(**settings), tasks)


@pytest.fixture
def served():
    server = Served(application())
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """Paths of images: one clear, one between two classes, one of no class, one broken."""
    folder = tmp_path_factory.mktemp("images")
    contents = {
        "red": halves(RED, RED, 300),
        "both": halves(RED, GREEN, 300),
        "gray": halves(GRAY, GRAY, 300),
        "broken": b"\x89PNG and nothing else",
    }
    paths = {name: folder / f"<b>{name}.png" for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture
def page(browser, served):
    """The page, newly opened in a desktop window."""
    desktop(browser)
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    opened(browser, served)
    return browser


def desktop(browser):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    browser.set_window_size(1200, 900)


def phone(browser, width=360):
    metrics = {"width": width, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})


def opened(browser, url):
    browser.get(url)
    wait_for(lambda: shown(browser, "#ask") or shown(browser, "#token-form"))


def wait_for(condition):
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)
    return found


def shown(browser, selector):
    return [e for e in browser.find_elements("css selector", selector) if e.is_displayed()]


def text(browser, selector):
    return browser.find_element("css selector", selector).text


def choose(browser, *paths):
    browser.find_element("id", "files").send_keys("\n".join(paths))


def answered(browser, count=1):
    """Waits until all images have answers."""
    wait_for(
        lambda: (
            len(browser.find_elements("css selector", "article")) == count
            and not shown(browser, ".waiting")
        )
    )


def screenshot(browser, name):
    """Saves a screenshot if KERAUNOS_SCREENSHOTS is set."""
    if folder := os.environ.get("KERAUNOS_SCREENSHOTS"):
        whole = {"captureBeyondViewport": True}
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", whole)
        Path(folder, f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def requested(browser):
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    urls = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in urls if not url.startswith(("data:", "blob:", "chrome:"))]


def test_image_is_answered_without_third_party_requests(page, served, files):
    assert text(page, "h1") == "colors"
    assert page.title == "colors"
    choose(page, files["red"])
    answered(page)
    assert text(page, ".verdict") == "red"
    assert text(page, ".file") == "<b>red.png"
    rows = [row.text.split("\n") for row in page.find_elements("css selector", "tbody tr")]
    assert rows[0] == ["red", "99.5%"]
    assert {row[0] for row in rows} == {"red", "green", NAME}
    assert "reached" in page.find_element("css selector", ".points li").get_attribute(
        "class"
    )
    assert "Probability 0.995, threshold 0.6." in text(page, ".points")
    assert "<b>red.png: red, 99.5%" in text(page, "#status")
    assert "only 29 validation images" in text(page, "#warned")
    assert "Images of anything else" in text(page, "#not-for")
    image = page.find_element("css selector", ".preview")
    assert page.execute_script("return arguments[0].naturalWidth", image) == 300
    screenshot(page, "desktop-sure")
    assert all(url.startswith(served) for url in requested(page))
    assert page.get_log("browser") == []


def test_uncertain_predictions_are_shown_as_such(page, files):
    choose(page, files["both"], files["gray"])
    answered(page, 2)
    first, second = page.find_elements("css selector", "article")
    assert "Can't tell\nIt may be red or green." in first.text
    assert "Can't tell\nNo class is likely enough." in second.text
    screenshot(page, "desktop-unsure")
    assert page.get_log("browser") == []


def test_heat_map_is_drawn_on_request(page, files):
    choose(page, files["both"])
    answered(page)
    assert not shown(page, ".map")
    page.find_element("css selector", ".ask-map button").click()
    wait_for(lambda: shown(page, ".map"))
    image = page.find_element("css selector", ".map img")
    wait_for(lambda: page.execute_script("return arguments[0].complete", image))
    assert page.execute_script("return arguments[0].naturalWidth", image) == 320
    assert "What supports" in text(page, ".map figcaption")
    assert "neither why nor" in text(page, ".note")
    screenshot(page, "desktop-map")
    page.find_element("css selector", ".ask-map select").send_keys(NAME)
    page.find_element("css selector", ".ask-map button").click()
    wait_for(lambda: "Nothing at the layer" in text(page, ".note"))
    assert not shown(page, ".map")


def test_broken_image_shows_an_error_and_can_be_retried(page, files):
    choose(page, files["broken"], files["red"])
    answered(page, 2)
    broken, red = page.find_elements("css selector", "article")
    assert "The image can't be used:" in broken.text
    assert "Try again" in broken.text
    assert "99.5%" in red.text
    assert shown(page, ".no-preview")
    broken.find_element("css selector", ".again").click()
    answered(page, 2)
    assert "The image can't be used:" in broken.text
    screenshot(page, "desktop-broken")


def test_image_can_be_dropped_anywhere_on_the_page(page):
    page.execute_script(
        """
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 40;
        const brush = canvas.getContext("2d");
        brush.fillStyle = "rgb(0, 255, 0)";
        brush.fillRect(0, 0, 40, 40);
        canvas.toBlob((blob) => {
          const data = new DataTransfer();
          data.items.add(new File([blob], "leaf.png", { type: "image/png" }));
          const drop = { dataTransfer: data, bubbles: true, cancelable: true };
          document.querySelector("h1").dispatchEvent(new DragEvent("drop", drop));
        });
        """
    )
    answered(page)
    assert text(page, ".verdict") == "green"


def test_page_is_fully_usable_by_keyboard(page, files):
    def focused():
        return page.switch_to.active_element

    def tab():
        webdriver.ActionChains(page).send_keys(Keys.TAB).perform()
        return focused()

    assert tab().text == "To the answers"
    assert tab().get_attribute("id") == "files"
    field = page.find_element("css selector", "#drop .button")
    outline = "return getComputedStyle(arguments[0]).outlineStyle"
    assert page.execute_script(outline, field) == "solid"
    focused().send_keys("\n".join([files["red"], files["both"]]))
    answered(page, 2)
    assert focused().get_attribute("id") == "files"  # focus does not move
    names = []
    for _ in range(6):
        here = tab()
        names.append(here.get_attribute("aria-label") or here.text.split("\n")[0])
    assert names[0] == "From the model's report"
    assert names[1:3] == ["Remove all", "Remove <b>red.png"]
    assert names[4] == "Show it"
    page.find_element("css selector", ".ask-map button").send_keys(Keys.ENTER)
    wait_for(lambda: shown(page, ".map"))
    remove = page.find_element("css selector", ".remove")
    remove.send_keys(Keys.ENTER)
    assert focused().get_attribute("aria-label") == "Remove <b>both.png"
    focused().send_keys(Keys.ENTER)
    assert focused().get_attribute("id") == "files"
    assert not shown(page, "#answers")


def test_every_control_and_image_has_an_accessible_name(page, files):
    choose(page, files["both"])
    answered(page)
    page.find_element("css selector", ".ask-map button").click()
    wait_for(lambda: shown(page, ".map"))
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [n for n in tree if not n["ignored"] and n["role"]["value"] in INTERACTIVE]
    assert len(named) >= 6
    nameless = [n["role"]["value"] for n in named if not n.get("name", {}).get("value")]
    assert not nameless


INTERACTIVE = {
    "button",
    "combobox",
    "textbox",
    "image",
    "link",
    "table",
    "DisclosureTriangle",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_sufficient_contrast_in_light_and_dark_mode(page, files, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    choose(page, files["red"], files["broken"], files["both"])
    answered(page, 3)
    page.find_element("css selector", ".ask-map button").click()
    wait_for(lambda: shown(page, ".map"))
    screenshot(page, f"desktop-{scheme}")
    ratios = page.execute_script(CONTRAST)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(ratios) > 20
    assert [each for each in ratios if each["ratio"] < 4.5] == []


CONTRAST = """
const light = (text) => {
  const parts = text.match(/[\\d.]+/g).slice(0, 3).map((n) => n / 255);
  const bend = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const linear = parts.map(bend);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const ground = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if (!color.startsWith("rgba(0, 0, 0, 0")) return color;
  }
  return "rgb(255, 255, 255)";
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  found.push({ text: walker.currentNode.data.trim().slice(0, 30), ratio });
}
return found;
"""


def test_phone_layout_offers_the_camera_without_horizontal_scrolling(
    browser, served, files
):
    phone(browser)
    opened(browser, served)
    screenshot(browser, "phone-start")
    camera = browser.find_element("id", "camera")
    assert camera.get_attribute("capture") == "environment"
    assert shown(browser, ".by-touch")
    assert not shown(browser, ".with-mouse")
    camera.send_keys(files["both"])
    answered(browser)
    browser.find_element("css selector", ".ask-map button").click()
    wait_for(lambda: shown(browser, ".map"))
    choose(browser, files["red"])
    answered(browser, 2)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= 360
    small = [
        each.text
        for each in shown(browser, "button, .button, select, summary")
        if each.size["height"] < 24
    ]
    assert not small
    screenshot(browser, "phone-answers")
    desktop(browser)
    assert not shown(browser, ".by-touch")


def test_token_is_requested_and_pending_requests_resume(page, files):
    server = Served(application(token=TOKEN))
    try:
        opened(page, server.url)
        assert shown(page, "#token-form")
        assert page.switch_to.active_element.get_attribute("id") == "token"
        screenshot(page, "desktop-token")
        page.switch_to.active_element.send_keys("an attempt \u2013 naïve\n")
        wait_for(lambda: "does not accept" in text(page, "#token-note"))
        page.switch_to.active_element.send_keys(f"{TOKEN}\n")
        wait_for(lambda: shown(page, "#ask"))
        page.execute_script("token = 'forgotten'")
        choose(page, files["red"])
        wait_for(lambda: shown(page, "#token-form"))
        page.switch_to.active_element.send_keys(f"{TOKEN}\n")
        answered(page)
        assert text(page, ".verdict") == "red"
    finally:
        server.stop()


def test_unreachable_server_is_reported_next_to_the_image(page, files):
    server = Served(application())
    opened(page, server.url)
    server.stop()
    choose(page, files["red"])
    answered(page)
    assert "The server can't be reached." in text(page, "article .problem")
    assert shown(page, ".again")
    screenshot(page, "desktop-gone")


def test_oversized_image_is_not_sent(page, files):
    server = Served(application(max_body_megabytes=0.0001))
    try:
        opened(page, server.url)
        choose(page, files["red"])
        answered(page)
        assert "the limit of this server" in text(page, "article .problem")
    finally:
        server.stop()


def test_requests_time_out(page, files):
    page.execute_script(
        "const timeout = AbortSignal.timeout.bind(AbortSignal);"
        "AbortSignal.timeout = () => timeout(1);"
        "const ask = window.fetch;"
        "window.fetch = (path, options) => new Promise((yes, no) =>"
        " options.signal.addEventListener('abort', () => no(options.signal.reason)));"
    )
    choose(page, files["red"])
    answered(page)
    assert "There was no answer within 60 seconds." in text(page, "article .problem")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (429, "is busy"),
        (503, "can't answer at the moment"),
        (504, "took too long"),
        (500, "The server failed (error 500)."),
        (400, "because"),
    ],
)
def test_every_error_status_has_a_message(page, status, words):
    assert words in page.execute_script(f"return inWords({status}, 'because')")
