"""The page in a browser: it sorts, filters, shows its intervals, fits every screen, and asks nothing of a network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_predictions as predictions
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.published import write_published

pytestmark = pytest.mark.browser

ENCODERS = [
    fake.AUDIOMOSAIC,
    fake.MSM_MAE,
    fake.LOGMEL,
    fake.RANDOM,
    fake.encoder("adversarial-negatives:a_very_long_reference/to_weights_of_some_kind"),
]
CLASSES = tuple(f"class_{i}" for i in range(10))
TASKS = [
    fake.ESC50.model_copy(update={"vocabulary": CLASSES, "domain": "environment"}),
    fake.DIGITS.model_copy(update={"vocabulary": CLASSES, "domain": "speech"}),
    fake.GUNSHOT.model_copy(update={"vocabulary": CLASSES, "domain": "environment"}),
]
WIDTHS = (390, 1440)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="the extra 'browser' (Playwright) is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on the PATH")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of five encoders with predictions on three tasks, and of another protocol with failures and folds."""
    folder = tmp_path_factory.mktemp("report")
    results = fake.demo(folder / "results")
    by = fake.protocol("hear-2021-fast", points=3)
    for rank, of in enumerate(ENCODERS):
        draw = np.random.default_rng(rank)
        for task in TASKS:
            target = np.eye(10, dtype=np.float32)[draw.integers(0, 10, 80)]
            probabilities = (0.3 - 0.05 * rank) * target + draw.random((80, 10)).astype(np.float32) / 2
            fold = predictions.fold(probabilities, target, prefix="clip_")
            predictions.clips(results, of, task, [fold], by)
    return write_report(results, folder / "report").html


class Watched:
    """A page with what it said and asked for."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def width(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def column(self, table: str, heading: str) -> list[str]:
        """The visible cells of a column, from the top."""
        script = """([table, heading]) => {
            const head = [...document.querySelectorAll(table + ' thead th')].find(
                (one) => one.querySelector('.label').textContent === heading);
            return [...document.querySelectorAll(table + ' tbody tr')].filter((row) => !row.hidden)
                .map((row) => row.cells[head.cellIndex].dataset.value);
        }"""
        return list(self.page.evaluate(script, [table, heading]))


@pytest.fixture
def watched(browser: Any, page_file: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    width, scheme = getattr(request, "param", (1440, "light"))
    one = Watched(browser, page_file, width, scheme)
    yield one
    one.context.close()


@pytest.mark.parametrize("watched", [(w, s) for w in WIDTHS for s in SCHEMES], indirect=True)
def test_page_is_quiet_and_fits(watched: Watched, request: pytest.FixtureRequest) -> None:
    width = request.node.callspec.params["watched"][0]
    assert watched.width() <= width
    watched.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert watched.width() <= width
    for box in watched.page.locator("input[data-toggle='with-intervals']").all():
        box.check()
    assert watched.width() <= width
    assert watched.said == []
    assert [url for url in watched.asked if not url.startswith("file:")] == []
    assert len(watched.asked) == 1


@pytest.mark.parametrize("watched", [(1440, s) for s in SCHEMES], indirect=True)
def test_words_stand_out_from_their_ground(watched: Watched) -> None:
    """WCAG 2: a contrast of 4.5, in shaded cells, notes and the text of figures."""
    script = """() => {
        const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const rgba = (color) => {
            canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
            return canvas.getImageData(0, 0, 1, 1).data;
        };
        const light = (color) => {
            const part = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
            const [r, g, b] = [...rgba(color)].map((value) => value / 255);
            return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        };
        const ground = (element) => {
            for (let one = element; one; one = one.parentElement) {
                const color = getComputedStyle(one).backgroundColor;
                if (rgba(color)[3] > 250) return color;
            }
            return 'white';
        };
        const worst = {};
        for (const [name, what, property] of [['cells', 'td.score', 'color'], ['heads', 'thead th', 'color'],
                ['notes', '.note', 'color'], ['units', '.unit', 'color'], ['badges', '.badge', 'color'],
                ['figures', 'svg text', 'fill'], ['links', 'a', 'color']]) {
            const ratios = [...document.querySelectorAll(what)].map((one) => {
                const [a, b] = [light(getComputedStyle(one)[property]), light(ground(one))];
                return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            });
            worst[name] = Math.min(...ratios);
        }
        return worst;
    }"""
    worst = watched.page.evaluate(script)
    assert {name: ratio for name, ratio in worst.items() if ratio < 4.5} == {}


def test_a_column_sorts_both_ways(watched: Watched) -> None:
    table = "#p2-table"
    head = watched.page.locator(f"{table} thead th", has=watched.page.locator(".label", has_text=re.compile("^esc50$")))
    for order, reverse in (("descending", True), ("ascending", False)):
        head.locator("button").click()
        values = [float(value) for value in watched.column(table, "esc50")]
        assert len(values) == 5
        assert values == sorted(values, reverse=reverse)
        assert head.get_attribute("aria-sort") == order
    assert watched.page.locator(f"{table} th[aria-sort]").count() == 1
    head.locator("button").focus()
    watched.page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"


def test_infinite_scores_come_first_and_missing_ones_last(watched: Watched) -> None:
    heads = watched.page.locator("#p1-table thead th button")
    heads.filter(has_text="synthetic_chords").click()
    assert watched.column("#p1-table", "synthetic_chords")[0] == "Infinity"
    heads.filter(has_text="gunshot").click()
    values = watched.column("#p1-table", "gunshot_triangulation")
    assert values[1:] == ["", "", ""]
    assert values[0] != ""


def test_filters_hide_rows_and_columns(watched: Watched) -> None:
    controls = watched.page.locator(".controls[data-table='p2-table']")
    rows = watched.page.locator("#p2-table tbody tr:visible")
    heads = watched.page.locator("#p2-table thead th:visible")
    assert (rows.count(), heads.count()) == (5, 5)
    controls.locator("[data-filter=rows]").fill("msm, LOGMEL")
    assert rows.count() == 2
    controls.locator("[data-filter=columns]").fill("environment")
    assert heads.count() == 4  # encoder, mean, two of the environment
    assert controls.locator("output").inner_text() == "2 of 5 encoders, 2 of 3 tasks"
    assert watched.page.locator("#p2-table tbody td.score:visible").count() == 4
    controls.locator("[data-filter=rows]").fill("")
    controls.locator("[data-filter=columns]").fill("")
    assert (rows.count(), heads.count()) == (5, 5)
    assert controls.locator("output").inner_text() == ""


@pytest.mark.parametrize("watched", [(w, "light") for w in WIDTHS], indirect=True)
def test_intervals_show_under_the_pointer_and_the_focus(watched: Watched, request: pytest.FixtureRequest) -> None:
    width = request.node.callspec.params["watched"][0]
    page, tip = watched.page, watched.page.locator("#tip")
    assert not tip.is_visible()
    first = page.locator("#p2-table td.score").first
    first.hover()
    assert re.search(r"95 % interval 0\.\d{3} to 0\.\d{3} over 80 test clips", tip.inner_text())
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(1, 1)
    first.focus()
    said = tip.inner_text()
    assert first.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert tip.is_visible()
    assert tip.inner_text() != said
    assert page.evaluate("document.activeElement.cellIndex") == first.evaluate("(cell) => cell.cellIndex") + 1
    assert page.locator("#p2-table td.score[tabindex='0']").count() == 1
    assert page.locator("#p2-table td.score[title]").count() == 0  # one hint, not two


def test_toggles_shade_cells_and_show_intervals(watched: Watched) -> None:
    page = watched.page
    controls = page.locator(".controls[data-table='p2-table']")
    cell = page.locator("#p2-table td.score").first
    shaded = cell.evaluate("(one) => getComputedStyle(one).backgroundColor")
    controls.locator("[data-toggle=shaded]").uncheck()
    assert cell.evaluate("(one) => getComputedStyle(one).backgroundColor") != shaded
    interval = page.locator("#p2-table .interval").first
    assert not interval.is_visible()
    controls.locator("[data-toggle=with-intervals]").check()
    assert re.search(r"\[0\.\d{3}, 0\.\d{3}\]", interval.inner_text())


@pytest.mark.parametrize("watched", [(390, "light")], indirect=True)
def test_a_telephone_scrolls_tables_and_keeps_their_first_column(watched: Watched) -> None:
    box = watched.page.locator("#p1-table").locator("xpath=..")
    assert box.evaluate("(one) => one.scrollWidth > one.clientWidth")
    box.evaluate("(one) => { one.scrollLeft = 400; }")
    name = watched.page.locator("#p1-table tbody th").first.bounding_box()
    assert 0 <= name["x"] < 40
    assert watched.width() <= 390


def test_paper_has_intervals_and_no_controls(watched: Watched) -> None:
    watched.page.emulate_media(media="print")
    assert not watched.page.locator(".controls").first.is_visible()
    assert not watched.page.locator("nav").is_visible()
    assert watched.page.locator("#p2-table .interval").first.is_visible()


def test_the_page_of_published_figures_works_by_the_same_script(browser: Any, tmp_path: Path) -> None:
    [file] = [path for path in write_published("hear2021", tmp_path).paths if path.suffix == ".html"]
    one = Watched(browser, file, 390, "dark")
    one.page.locator("thead th[data-kind=number] button").first.click()
    assert one.page.locator("th[aria-sort]").count() == 1
    assert one.width() <= 390
    assert one.said == []
    one.context.close()
