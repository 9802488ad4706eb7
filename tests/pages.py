"""What tests of the report and of the local page share: a small run, Chromium, and what is wrong with a drawn page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cnnwiz.spec import parse_text
from cnnwiz.training.loop import fit
from cnnwiz.training.run import Run

DIGITS = """
cnnwiz: 1
name: small
data: {source: digits}
model:
  layers:  # few & small: "two" <b>convolutions</b>
    - conv: {channels: 8}
    - pool: {kernel: 2, stride: 2}
    - conv: {channels: 16}
schedule: step  # to see a finding
training: {epochs: 2, batch_size: 128, precision: float32}
"""


def trained(path: Path, text: str = DIGITS) -> Path:
    """A finished run of this spec in `path`, with the spec as written."""
    document = parse_text(text)
    assert document.spec, [finding.message for finding in document.findings]
    with Run.create(path, document.spec, text) as run:
        for _ in fit(run):
            pass
    return path


def chromium() -> str:
    """The system's Chromium; skips where there is none."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


@contextmanager
def browser(program: str) -> Iterator[Any]:
    """A running headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def opened(running: Any, address: str, width: int, scheme: str = "light") -> Iterator[Any]:
    """A page at this address in a window of this width; fails on console errors, dialogs and other requests."""
    page = running.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    trouble: list[str] = []
    origin = address if address.startswith("file:") else address.rstrip("/")
    page.on("console", lambda said: trouble.append(f"{said.type}: {said.text}") if said.type != "log" else None)
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda asked: trouble.append(asked.url) if not _own(asked.url, origin) else None)
    page.goto(address)
    yield page
    page.close()
    assert trouble == []


def _own(url: str, origin: str) -> bool:
    return url.startswith((origin, "data:"))


FAINT = """() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, below) => [0, 1, 2].map((i) => top[3] * top[i] + (1 - top[3]) * below[i]);
  const full = (colour) => { const n = numbers(colour); return n.length > 3 ? n : [...n, 1]; };
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.unshift(full(getComputedStyle(at).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = (rgb) => {
    const part = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const colour = full(node instanceof SVGElement ? style.fill : style.color);
    if (colour[3] === 0) continue;  // zeros of the matrix are not shown
    const ground = behind(node);
    const pair = [light(over(colour, ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) found.push(`${text.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""
"""Texts whose contrast is below 4.5, which WCAG 2 asks for (level AA)."""

OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((node) => {
  const box = node.getBoundingClientRect();
  if (!box.width || !node.checkVisibility() || node.closest(".skip")) return false;
  if (node.parentElement.closest(".scroll, pre")) return false;  // what scrolls by itself may be wider
  return box.right > innerWidth + 1 || box.left < -1;
}).map((node) => `${node.tagName} ${node.className}`)"""
"""Elements that reach beyond the window's sides."""

__all__ = ["DIGITS", "FAINT", "OUTSIDE", "browser", "chromium", "opened", "trained"]
