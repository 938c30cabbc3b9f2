"""`make pictures`: plays the demo and photographs both pages for the README."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from firmware.demo.player import play
from firmware.demo.scenario import BUILT_IN, load
from firmware.demo.stage import USUAL, Stage, stage
from tests.browser.conftest import CHROMIUM, QUIET

PICTURES = Path(__file__).parents[1] / "docs/pictures"
WIDTH, HEIGHT = 1200, 900
CHARGES_MS = 12_000
"""Of charging there is so much to be seen on the plot."""


def photograph(page: Page, on: Stage) -> None:
    """The station while a second car charges, then what both sides hold of the first."""
    station = f"http://127.0.0.1:{on.page_port}/"
    on.do("plug-in", evse=1, connector=1, current_a=16, phases=3)
    on.do("rfid", token="04A1B2C3D4E580", evses=[1])
    page.goto(station)
    page.locator(".evse[data-status=Charging]").wait_for()
    page.wait_for_timeout(CHARGES_MS)
    page.screenshot(path=PICTURES / "now.png", full_page=True)
    page.goto(f"{station}#messages")
    page.locator("#messages-rows tr", has_text="StartTransaction").first.click()
    page.locator(".bodies").wait_for()
    page.screenshot(path=PICTURES / "messages.png")
    page.goto(f"{station}#sessions")
    page.locator("#sessions-rows tr").last.click()
    page.locator("#curve canvas").wait_for()
    page.screenshot(path=PICTURES / "sessions.png")
    page.goto(on.central.page_url)
    page.locator("#stations .badge[data-status=Charging]").first.wait_for()
    page.screenshot(path=PICTURES / "central.png")


def main() -> None:
    script = load(BUILT_IN)
    with (
        tempfile.TemporaryDirectory(prefix="pilotwire-") as folder,
        stage(script.scenario, Path(folder), USUAL) as on,
        sync_playwright() as playwright,
    ):
        play(script, on, print)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-GB"
        )
        photograph(page, on)
        browser.close()


if __name__ == "__main__":
    main()
