"""Debian's Chromium, once for each module of browser tests, and the station's page in it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from firmware.web.page import Page as StationPage
from ocpp.server import HttpServer
from tests.firmware.web.fake_station import FakeStation

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip("needs the Debian package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def station() -> FakeStation:
    return FakeStation()


@pytest.fixture
def server(station: FakeStation) -> Iterator[HttpServer]:
    app = StationPage(station)
    server = HttpServer("127.0.0.1", 0, app, name="page")
    server.start()
    yield server
    app.close()
    server.stop()


@pytest.fixture
def page(browser: Browser, server: HttpServer) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # A breach of the content security policy is told on the console too.
    page.on("console", lambda m: complaints.append(m.text) if "Policy" in m.text else None)
    page.goto(server.url)
    yield page
    page.close()
    assert complaints == []
