"""The HTML page and the Markdown: complete, accessible, closed to the network and to what labels may smuggle in."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import fake_predictions as predictions
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.render.html.report import html_page
from hear_audiomosaic.results.load import load_results
from hear_audiomosaic.results.schema import TriedGridPoint

EVIL = "</td><script>alert('x')</script><img src=x onerror=alert(1)> | `$\\frac{a}$ {{ 7*7 }} & \"q\""
VOID = {"meta", "wbr", "br", "img", "link", "input", "hr", "rect", "line", "circle", "path"}


class Page(HTMLParser):
    """What a page holds, with a check that every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def all(self, tag):
        return [(attrs, inside) for name, attrs, inside in self.elements if name == tag]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    report = write_report(fake.demo(folder / "results"), folder / "report")
    return report.html.read_text(encoding="utf-8"), report.markdown.read_text(encoding="utf-8")


def visible(text: str) -> str:
    """The words of a page, without styles and scripts."""
    page = Page(text)
    words = "".join(data for inside, data in page.texts if not {"style", "script"} & set(inside))
    return " ".join(words.split())


def test_page_asks_nothing_of_a_network(demo):
    page = Page(demo[0])
    for tag, attrs, _ in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "img"}
        assert "src" not in attrs
        for name in ("href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#")
    assert "default-src 'none'" in demo[0]
    assert "@import" not in demo[0]
    assert "url(http" not in demo[0]


def test_every_id_is_unique_and_every_link_arrives(demo):
    page = Page(demo[0])
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs, _ in page.elements:
        target = attrs.get("href") or attrs.get("xlink:href")
        if target:
            assert target[1:] in ids
        assert attrs.get("aria-labelledby", ids[0]) in ids


def test_tables_have_captions_scopes_and_a_way_to_scroll_by_keyboard(demo):
    page = Page(demo[0])
    tables = page.all("table")
    assert len(tables) == len(page.all("caption"))
    assert all(attrs.get("scope") in {"col", "row"} for attrs, _ in page.all("th"))
    scrolling = [attrs for attrs, _ in page.all("div") if (attrs.get("class") or "").split()[:1] == ["scroll"]]
    assert len(scrolling) == len(tables) + len(page.all("svg"))
    for attrs in scrolling:
        assert (attrs["role"], attrs["tabindex"]) == ("region", "0")
        assert attrs.get("aria-label") or attrs.get("aria-labelledby")


def test_sortable_columns_are_buttons_and_one_is_marked(demo):
    page = Page(demo[0])
    heads = [attrs for attrs, _ in page.all("th") if "data-first" in attrs]
    assert len(heads) == len(page.all("button"))
    assert [attrs["aria-sort"] for attrs in heads if "aria-sort" in attrs] == ["descending", "descending", "ascending"]
    # lower is better: the first press puts the smallest on top
    assert sum(attrs["data-first"] == "ascending" and attrs["data-kind"] == "number" for attrs in heads[:10]) == 1


def test_page_and_markdown_state_what_a_reader_must_know(demo):
    page, markdown = visible(demo[0]), " ".join(demo[1].split())
    for text in (page, markdown):
        assert "UNTRAINED, here as a floor" in text
        assert "Not the protocol of the HEAR 2021 evaluation: hear-2021-faster." in text
        assert "they look like seconds" in text
        assert "Mean over the 5 tasks that all compared encoders have: esc50, fsd50k," in text
        assert "segment_1s_er ↓" in text
        assert "∞" in text
        assert "3 grid points, seeds 42, 43, 44" in text
        assert "2 of 3 seeds" in text
        assert "hear-audiomosaic run" in text
        assert "--protocols hear-2021-faster" in text
        assert "5 folds" in text
        assert "NVIDIA H200" in text
    assert page.count("UNTRAINED") > 10
    assert "(untrained)" not in page
    assert "@media (prefers-color-scheme: dark)" in demo[0]
    assert "@media print" in demo[0]


CLASSES = ("dog", "cat", "<b>hen</b>")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Three encoders with predictions on a multiclass and a multilabel task; the folder of the results."""
    folder = tmp_path_factory.mktemp("predicted")
    one = fake.GUNSHOT.model_copy(update={"vocabulary": CLASSES, "domain": "environment"})
    many = fake.FSD50K.model_copy(update={"vocabulary": CLASSES, "domain": "music"})
    for rank, of in enumerate((fake.AUDIOMOSAIC, fake.MSM_MAE, fake.RANDOM)):
        draw = np.random.default_rng(rank)
        target = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
        noise = draw.random((60, 3)).astype(np.float32)
        fold = predictions.fold(0.4 * target * (rank < 2) + 0.6 * noise, target, prefix="clip_")
        predictions.clips(folder, of, one, [fold])
        several = replace(fold, targets=np.maximum(target, np.roll(target, 1)))
        predictions.clips(folder, of, many, [several], score_name="mAP")
    return folder


def test_scores_tell_their_interval_without_a_script(predicted, tmp_path):
    page = Page(write_report(predicted, tmp_path / "out").html.read_text(encoding="utf-8"))
    scores = [attrs for attrs, _ in page.all("td") if "score" in (attrs.get("class") or "").split()]
    assert len(scores) == 6
    for attrs in scores:
        assert re.search(r"top1_acc|mAP", attrs["title"])
        assert re.search(r"95 % interval 0\.\d{3} to 0\.\d{3} over 60 test clips", attrs["title"])
        assert re.search(r"\bh\d+\b", attrs["class"])
        assert attrs["tabindex"] == "-1"
    assert any("no significant difference from the best" in attrs["title"] for attrs in scores)
    intervals = [attrs for attrs, _ in page.all("span") if attrs.get("class") == "unit interval"]
    assert len(intervals) == 6


def test_details_hold_the_errors_by_class(predicted, tmp_path):
    text = write_report(predicted, tmp_path / "out").html.read_text(encoding="utf-8")
    words = visible(text)
    matrices = [attrs for attrs, _ in Page(text).all("svg") if attrs["aria-label"].startswith("Confusion matrix of 3")]
    assert len(matrices) == 3
    assert words.count("Most confident mistakes") == 6
    assert "Average precision of each class" in words
    assert "<b>hen</b>" in words
    assert "predicted as" in words
    assert "Domain: music" in words
    assert "it needs at least 3 tasks that 4 encoders have" in words
    assert "@misc{hear2021" in words
    assert "score that is expected of test sets of this size, at 95 %" in words
    assert text == write_report(predicted, tmp_path / "again").html.read_text(encoding="utf-8")


def test_a_page_without_predictions_says_so(demo):
    words = visible(demo[0])
    assert "No errors by class: No predictions were stored with this result." in words
    assert "Scored by events" in words
    assert "no interval: " in demo[0]


def test_a_page_without_analyses(tmp_path):
    loaded = load_results(fake.demo(tmp_path))
    words = visible(html_page(ReportData.of(loaded.results, loaded.skipped)))
    assert "no test of significance was made" in words
    assert "The predictions were not read." in words
    assert "Ranks were not computed." in words


def test_markdown_tables_are_square(demo):
    widths: list[int] = []
    for line in demo[1].splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))
        assert widths[-1] == widths[0]


def test_nothing_in_a_result_file_becomes_markup(tmp_path):
    evil = fake.encoder("evil", EVIL, untrained=True)
    where = fake.GUNSHOT.model_copy(update={"name": EVIL, "title": EVIL, "domain": EVIL})
    point = TriedGridPoint(hparams={EVIL: EVIL}, validation_score=1.0)
    fake.save(
        tmp_path,
        fake.success(evil, where, [0.5], grid_points=(point,), winner=0),
        fake.failure(evil, fake.ESC50, EVIL),
        fake.success(fake.LOGMEL, fake.ESC50, [0.5], manifest=fake.manifest(platform=EVIL, device=EVIL)),
    )
    (tmp_path / "<b>.json").write_text("{}", encoding="utf-8")
    report = write_report(tmp_path, tmp_path / "out")
    text = report.html.read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.all("script")) == 1
    assert page.all("img") == page.all("b.json") == page.all("audio") == []
    assert not any(name.startswith("on") for _, attrs, _ in page.elements for name in attrs)
    assert "alert('x')" in visible(text)  # it is told, as text
    assert "{{ 7*7 }}" in visible(text)
    markdown = re.sub(r"(`+).*?\1", "", report.markdown.read_text(encoding="utf-8"))
    assert "<script" not in markdown
    assert "<img" not in markdown
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in report.tables[0][1].splitlines()}) == 1


def test_one_encoder_on_one_task_is_a_report_too(tmp_path):
    fake.save(tmp_path, fake.success(fake.LOGMEL, fake.DRUMS, [0.5], score_name="event_onset_50ms_fms"))
    text = write_report(tmp_path, tmp_path / "out").html.read_text(encoding="utf-8")
    words = visible(text)
    assert "1 encoder on 1 task" in words
    assert "No mean over tasks" in words
    assert "Chance" not in words
    assert "<aside" not in text


def test_a_report_of_failures_only(tmp_path):
    fake.save(tmp_path, fake.failure(fake.LOGMEL, fake.ESC50, "no such weights"))
    report = write_report(tmp_path, tmp_path / "out")
    assert report.n_failed == 1
    assert "no such weights" in visible(report.html.read_text(encoding="utf-8"))
