"""A page in a real browser, which loads nothing from elsewhere."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

in_a_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium and chromedriver")
QUIET = ("disable-background-networking", "disable-component-update", "disable-sync", "disable-quic", "no-first-run")
WORDS = ("headless=new", "no-sandbox", "disable-gpu", "window-size=1300,1200", *QUIET)


@contextlib.contextmanager
def shown(page: Path) -> Iterator[Any]:
    """Show a page within this context; at its end nothing may have been logged."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for word in WORDS:
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get(page.resolve().as_uri())
        yield driver
        assert driver.get_log("browser") == []
    finally:
        driver.quit()
