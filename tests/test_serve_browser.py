"""The local page in a real browser: an image goes in through the file input, classes and pictures come out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pages import FAINT, OUTSIDE, browser, chromium, opened, trained
from PIL import Image
from test_serve import served

from cnnwiz.evaluation import open_trained
from cnnwiz.prediction import predict

pytest.importorskip("starlette", reason="the extra serve is not installed")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def running():
    with browser(chromium()) as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder of bright and dark images; the name of one class tries to be markup."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for level, name in ((40, "dark"), (200, HOSTILE)):
        (folder / name).mkdir()
        for number in range(16):
            pixels = generator.integers(level - 20, level + 20, (40, 56, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(files, tmp_path_factory) -> Path:
    text = f"""
cnnwiz: 1
name: brightness
data: {{source: {{folder: {{path: {json.dumps(str(files))}}}}}, image_size: 32}}
model: {{layers: [conv: {{channels: 4}}, conv: {{channels: 8, stride: 2}}]}}
training: {{epochs: 4, batch_size: 8, precision: float32}}
"""
    return trained(tmp_path_factory.mktemp("runs") / "brightness", text)


@pytest.fixture(scope="module")
def address(run):
    with served(run) as server:
        yield server.address


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1600, "light")])
def test_an_image_is_named_as_predict_names_it(running, address, run, files, width, scheme):
    file = files / HOSTILE / "3.png"
    (expected,) = predict(open_trained(run, device="cpu"), [file], top=2)
    with opened(running, address, width, scheme) as page:
        page.wait_for_function("document.getElementById('name').textContent === 'brightness'")
        page.set_input_files("#file", str(file))
        page.wait_for_selector("#result:not([hidden])")
        shown = [row.inner_text().split("\n") for row in page.locator(".class").all()]
        assert shown == [[name, f"{100 * share:.1f} %"] for name, share in expected.top]
        assert page.locator("#status").inner_text() == "3.png, 56x40 pixels"
        page.wait_for_function("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
        assert "found" in page.get_attribute("#looked", "alt") or "Nothing speaks" in page.get_attribute(
            "#looked", "alt"
        )
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(FAINT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_classes_are_chosen_by_mouse_and_keyboard(running, address, files):
    with opened(running, address, 1600) as page:
        page.set_input_files("#file", str(files / "dark" / "1.png"))
        page.wait_for_selector("#result:not([hidden])")
        first, second = page.locator(".class").all()
        before = page.get_attribute("#looked", "src")
        assert first.get_attribute("aria-checked") == "true"
        second.click()
        assert second.get_attribute("aria-checked") == "true"
        assert page.get_attribute("#looked", "src") != before
        page.keyboard.press("ArrowUp")
        assert first.get_attribute("aria-checked") == "true"
        assert page.get_attribute("#looked", "src") == before
        page.locator("#strength").fill("0")
        assert page.evaluate("getComputedStyle(document.getElementById('looked')).opacity") == "0"


def test_dropped_and_pasted_images_are_taken(running, address, files):
    """The file arrives by a drop and a paste as the browser reports them."""
    content = list((files / "dark" / "2.png").read_bytes())
    events = {
        "drop": "new DragEvent('drop', {dataTransfer: held, bubbles: true, cancelable: true})",
        "paste": "new ClipboardEvent('paste', {clipboardData: held, bubbles: true})",
    }
    for kind, event in events.items():
        with opened(running, address, 1600) as page:
            page.wait_for_function("document.getElementById('name').textContent === 'brightness'")
            script = f"""(bytes) => {{
                const held = new DataTransfer();
                held.items.add(new File([new Uint8Array(bytes)], "{kind}.png", {{type: "image/png"}}));
                document.body.dispatchEvent({event});
            }}"""
            page.evaluate(script, content)
            page.wait_for_selector("#result:not([hidden])")
            assert page.locator("#status").inner_text().startswith(f"{kind}.png")


def test_what_is_no_image_is_said(running, address, tmp_path):
    bad = tmp_path / "<b>notes.png"
    bad.write_text("no image")
    page = running.new_page()
    page.goto(address)
    page.set_input_files("#file", str(bad))
    page.wait_for_selector("#status.wrong")
    said = page.locator("#status").inner_text()
    assert said.startswith("<b>notes.png: this is not an image")
    assert not page.locator("#result").is_visible()
    page.close()
