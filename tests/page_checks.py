"""What every page is held to, in a browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from browser import shown

NARROW = 400
"""Pixels of a telephone."""

FACTS = """
const luminance = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const page = getComputedStyle(document.body).backgroundColor;
const kinds = "h1, h2, p, td, th, caption, figcaption, summary, small, dt, dd, button, span";
const texts = [...document.querySelectorAll(kinds)];
const unlike = (kinds, wrong) => [...document.querySelectorAll(kinds)].filter(wrong).length;
return {
  page: luminance(page),
  faint: texts.filter(each => each.textContent.trim() && !each.closest(".plot, #weights"))
    .filter(each => contrast(getComputedStyle(each).color, page) < 4.5).map(each => each.textContent.slice(0, 40)),
  wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  small: texts.filter(each => parseFloat(getComputedStyle(each).fontSize) < 12).length,
  unlabelled: unlike("select, input", each => !each.closest("label"))
    + unlike("img:not([alt]), [role=img]:not([aria-label]), .wide:not([aria-label])", () => true),
  unreachable: unlike(".wide", each => each.tabIndex !== 0),
  heads: unlike("th:not([scope])", () => true),
  captions: unlike("table", each => !each.caption),
  left: unlike(".numbers td", each => getComputedStyle(each).textAlign !== "right"),
  axes: [...document.querySelectorAll(".js-plotly-plot")].flatMap(each => Object.entries(each.layout)
    .filter(([name]) => /^[xy]axis/.test(name)).filter(([, axis]) => !(axis.title && axis.title.text))).length,
  language: document.documentElement.lang,
};
"""


@contextlib.contextmanager
def looking(page: Path) -> Iterator[Any]:
    """Show a page wide and narrow, on light and on dark, as all of which it has to be good.

    Within this context it is as on a telephone at night.
    """
    with shown(page) as driver:
        for dark in (False, True):
            for width in (1280, NARROW):
                look_like(driver, width, dark)
                facts = settled_facts(driver)
                where = f"{width} pixels, {'dark' if dark else 'light'}"
                assert (facts["page"] < 0.1) == dark, where
                assert facts["faint"] == [], where
                assert facts["wider"] <= 0, f"{where}: the page itself scrolls sideways"
                wrong = ("small", "unlabelled", "unreachable", "heads", "captions", "left", "axes")
                assert {name: facts[name] for name in wrong} == dict.fromkeys(wrong, 0), where
                assert facts["language"] == "en"
        yield driver


def settled_facts(driver: Any) -> dict[str, Any]:
    """Return the facts of a page once its plots have taken its width, which Plotly does a moment after the browser."""
    facts: dict[str, Any] = driver.execute_script(FACTS)
    last = time.monotonic() + 5
    while facts["wider"] > 0 and time.monotonic() < last:
        time.sleep(0.05)
        facts = driver.execute_script(FACTS)
    return facts


def look_like(driver: Any, width: int, dark: bool) -> None:
    """Give the browser a width, and a liking for light or dark."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
