"""The report in a real browser: what Chromium draws at two widths, light and dark, and that it asks for nothing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from pages import DIGITS, FAINT, OUTSIDE, browser, chromium, opened, trained
from PIL import Image

from cnnwiz.report import report

SECTIONS = ("Training", "Confusion", "Class by class", "Most confident mistakes", "Calibration", "Decisions")
SECTIONS += ("Lint findings", "Network", "Data", "Environment and reproduction")
WIDTHS = (360, 1600)


@pytest.fixture(scope="module")
def running():
    with browser(chromium()) as found:
        yield found


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    wider = DIGITS.replace("channels: 16", "channels: 24").replace("schedule: step", "schedule: linear")
    return [trained(folder / "small"), trained(folder / "wider", wider)]


@pytest.fixture(scope="module")
def address(runs) -> str:
    """Of the report on one run."""
    return _written(runs[0].parent / "one.html", report(runs[:1]))


@pytest.fixture(scope="module")
def side_by_side(runs) -> str:
    return _written(runs[0].parent / "two.html", report(runs))


def _written(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return file.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_fits_and_can_be_read(running, address, width, scheme):
    with opened(running, address, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        headings = page.locator("h2")
        assert tuple(headings.all_inner_texts()) == SECTIONS
        assert all(heading.is_visible() for heading in headings.all())
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(FAINT) == []
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, dark[4:-1].split(","))) < 200) == (scheme == "dark")


@pytest.mark.parametrize("width", WIDTHS)
def test_several_runs_fit_too(running, side_by_side, width):
    with opened(running, side_by_side, width) as page:
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(FAINT) == []
        assert page.locator("header th[scope=row]").all_inner_texts() == ["small", "wider"]
        differing = page.locator("#decisions .scroll").first.locator("tbody th").all_inner_texts()
        assert differing == ["model.layers", "schedule"]


@pytest.mark.parametrize("width", WIDTHS)
def test_charts_are_drawn_and_legible(running, address, width):
    with opened(running, address, width) as page:
        charts = page.locator("figure > svg")
        assert charts.count() == 5  # accuracy, loss, learning rate, reliability, confidence
        sizes = page.evaluate(
            "[...document.querySelectorAll('figure > svg text')].map((t) => t.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 10  # pixels from the top of an ascender to the foot of a descender
        for box, texts in page.evaluate(BOXES):
            assert all(box["x"] - 2 <= text["x"] for text in texts)
            assert all(text["x"] + text["width"] <= box["x"] + box["width"] + 16 for text in texts)
            assert [
                (one, other) for place, one in enumerate(texts) for other in texts[:place] if _overlap(one, other)
            ] == []


BOXES = """() => [...document.querySelectorAll("figure > svg")].map((chart) => [
  chart.getBoundingClientRect().toJSON(),
  [...chart.querySelectorAll("text")].map((text) => text.getBoundingClientRect().toJSON()),
])"""
"""Of each chart its box and those of its texts."""


def _overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    apart = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    return not (apart or a["y"] + a["height"] <= b["y"] + 3 or b["y"] + b["height"] <= a["y"] + 3)


def test_faint_text_would_be_found(running, tmp_path):
    address = _written(tmp_path / "faint.html", "<body><p style='color: #888'>grey</p><p style='color: #555'>dark</p>")
    with opened(running, address, 360) as page:
        assert page.evaluate(FAINT) == ["grey: 3.54"]


def test_lines_have_their_colours_on_the_screen(running, address):
    with opened(running, address, 1600) as page:
        picture = page.locator("figure > svg").first.screenshot()
        pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).reshape(-1, 3).astype(int)
        for colour in ((0x1F, 0x6A, 0x8C), (0xB4, 0x61, 0x2A)):  # validation and training
            assert (np.abs(pixels - colour).max(1) < 24).sum() > 50


def test_pictures_have_loaded_and_say_what_they_show(running, address):
    with opened(running, address, 1600) as page:
        pictures = page.evaluate("[...document.images].map((one) => [one.complete, one.naturalWidth, one.alt])")
        assert len(pictures) == 24  # twelve mistakes, each with where the network looked
        assert all(complete and width >= 8 and len(alt) > 5 for complete, width, alt in pictures)
        assert all(page.locator("figure > svg[role=img][aria-label]").all())


def test_page_is_used_with_the_keyboard(running, address):
    with opened(running, address, 1600) as page:
        page.emulate_media(reduced_motion="reduce")  # else links scroll for a while
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
        page.locator("nav a", has_text="Calibration").focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.querySelector('#calibration').getBoundingClientRect().top") < 100
        fold = page.locator("details", has_text="epoch by epoch").first
        assert not fold.locator("table").is_visible()
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        assert fold.locator("table").is_visible()
        scopes = page.evaluate("[...document.querySelectorAll('th')].every((cell) => cell.scope)")
        assert scopes
