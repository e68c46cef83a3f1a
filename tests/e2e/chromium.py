"""Debian's Chromium, as tests and tools start it."""

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The path of Chromium, if it is installed."""
    return shutil.which("chromium")


def launch(playwright: "Playwright") -> "Browser":
    """A running browser, without a window."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
