"""The page in a real browser: sliders move numbers, bands and states; it fits a phone and a sheet of paper."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from diffsim.report.page import page

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")

FOUND = {
    "name": "made up",
    "potential": "LennardJones",
    "steps": 3,
    "evaluations": 4,
    "seconds": 1.0,
    "loss": {"before": 2.0, "after": 1.0},
    "uncertainty": {"held_out_inside": [1, 2], "before_the_fit": [], "sentences": ["C44 stays 2 scales too low."]},
}
SENSITIVITY = {
    "parameters": [
        {"label": "epsilon", "value": 2.0, "size": 1.0, "logarithmic": True, "confirmed": [-0.1, 0.05]},
        {"label": "cos_theta0", "value": -0.4, "size": 0.4, "logarithmic": False, "confirmed": [0.0, 0.0]},
    ],
    "outputs": [
        {
            "name": "C11 <script>document.title = 'taken over'</script>",
            "kind": "fitted to",
            "unit": "GPa",
            "reference": 151.0,
            "scale": 3.0,
            "value": 140.0,
            "slope": [100.0, -50.0],
        },
        {
            "name": "none",
            "kind": "held out",
            "unit": "eV",
            "reference": 1.0,
            "scale": 0.1,
            "value": None,
            "slope": [None, None],
        },
    ],
    "bands": [
        {
            "name": "bands",
            "reference_name": "PBE",
            "path": [0.0, 1.0, 2.0],
            "cuts": [],
            "ticks": [0.0, 2.0],
            "labels": ["Γ", "X"],
            "reference": [[0.0], [4.0], [5.0]],
            "frequencies": [[0.0], [4.5], [6.0]],
            "slopes": [[[0.0, 0.0]], [[2.0, 0.0]], [[3.0, 0.0]]],
            "mesh_weights": [0.5, 0.5],
            "mesh_frequencies": [[4.0], [6.0]],
            "mesh_slopes": [[[2.0, 0.0]], [[3.0, 0.0]]],
            "width": 0.3,
            "density_reference": {"frequencies": [0.0, 5.0], "density": [0.0, 1.0]},
        }
    ],
}


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def loaded(browser, tmp_path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(page(FOUND, [], {}, SENSITIVITY), encoding="utf-8")
    browser.set_window_size(1200, 900)
    browser.get(path.as_uri())
    return path


def slide(browser, number: int, share: float) -> None:
    """Moves a slider as a hand would: the value, then the event."""
    browser.execute_script(
        "const s = document.getElementById(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('input'));",
        f"slider-{number}",
        share,
    )


def text(browser, name: str) -> str:
    return browser.find_element("id", name).text


def test_a_slider_moves_the_numbers_to_first_order(browser, loaded):
    assert text(browser, "output-0") == "140.00"
    slide(browser, 0, 0.1)
    assert text(browser, "value-0") == "2.2"
    assert float(text(browser, "output-0")) == pytest.approx(140 + 100 * np.log(1.1), abs=0.006)
    slide(browser, 1, -0.1)  # of |θ|: cosθ₀ falls by 0.04
    assert text(browser, "value-1") == "-0.44"
    assert float(text(browser, "output-0")) == pytest.approx(140 + 100 * np.log(1.1) + 5, abs=0.006)
    browser.find_element("id", "reset").click()
    assert text(browser, "output-0") == "140.00"
    assert text(browser, "output-1") == ""  # no structure, no number


def test_leaving_the_confirmed_range_is_said(browser, loaded):
    assert text(browser, "beyond") == ""
    slide(browser, 0, 0.049)
    assert text(browser, "beyond") == ""
    slide(browser, 0, 0.06)
    assert text(browser, "beyond") == "not confirmed so far: epsilon"
    slide(browser, 1, 0.001)
    assert text(browser, "beyond") == "not confirmed so far: epsilon, cos_theta0"


def test_bands_and_states_move_with_the_slider(browser, loaded):
    def paths():
        return [path.get_attribute("d") for path in browser.find_elements("css selector", "#plots path")]

    before = paths()
    slide(browser, 0, 0.2)
    changed = [old != new for old, new in zip(before, paths(), strict=True)]
    assert changed == [False, False, False, False, True, True]  # reference, its states, fit, its states; now twice


def test_nothing_in_the_data_is_run(browser, loaded):
    assert browser.title == "made up: LennardJones"
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


@pytest.mark.parametrize("width", [375, 1200])
def test_the_page_fits_its_screen(browser, loaded, width, tmp_path):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.save_screenshot(str(tmp_path / "page.png"))
    assert (tmp_path / "page.png").stat().st_size > 10_000
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_can_be_printed(browser, loaded):
    printed = browser.print_page()
    assert len(printed) > 10_000


def test_the_data_on_the_page_are_plain_json(loaded):
    html = loaded.read_text()
    start = html.index('id="sensitivity">') + len('id="sensitivity">')
    assert json.loads(html[start : html.index("</script>", start)])["parameters"][0]["label"] == "epsilon"
