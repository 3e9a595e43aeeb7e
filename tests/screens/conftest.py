"""The built screens, served by the real web application over a real database, seen by a real browser."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from gridlane.accounts import api as tokens
from gridlane.accounts import people_api, setting_up
from gridlane.accounts.recognising import recognise
from gridlane.charging import api as charging
from gridlane.kernel.bus import LocalBus
from gridlane.kernel.database import Database
from gridlane.kernel.jobs import Jobs
from gridlane.kernel.settings import Settings
from gridlane.tariffs import api as tariffs
from gridlane.web import application, screens

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="session")
def built() -> Path:
    """Where the built screens lie; built now where they are not."""
    if screens.built() is None:
        subprocess.run([sys.executable, str(ROOT / "tools" / "build_ui.py")], check=True)
    folder = screens.built()
    assert folder is not None
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield opened
        await opened.close()


@dataclass
class Served:
    """A running web application: its address, and the database behind it."""

    address: str
    database_url: str

    async def set_up_link(self) -> str:
        database = Database(self.database_url, pool=1)
        try:
            secret = await setting_up.new_link(database)
        finally:
            await database.close()
        return f"{self.address}/console/setup?token={secret}"


@pytest.fixture
def served(database_url: str, built: Path, tmp_path: Path) -> Iterator[Served]:
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    app = application.make(
        settings=settings,
        database=Database(database_url),
        bus=LocalBus(),
        jobs=Jobs(database_url),
        recognise=recognise,
        routers=[people_api.router, tokens.router, charging.router, tariffs.router],
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", database_url)
    server.should_exit = True
    thread.join(10)


class Visitor:
    """A page that remembers what went wrong on it: errors, and requests to anybody but us."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.served = served
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    async def open(self, path: str) -> Page:
        await self.page.goto(self.served.address + path)
        return self.page

    async def sign_up(self) -> Page:
        """Becomes the owner of the installation by the one-time link."""
        page = self.page
        await page.goto(await self.served.set_up_link())
        await page.get_by_label("Organization").fill("Stadtwerke Muster")
        await page.get_by_label("Name").fill("Mara Lindt")
        await page.get_by_label("E-mail").fill("mara@example.org")
        await page.get_by_label("Password").fill("correct horse battery staple")
        await page.get_by_role("button", name="Begin").click()
        await page.get_by_role("heading", name="Overview").wait_for()
        return page

    async def barriers(self) -> list[str]:
        """What axe finds wrong with the page, one line each."""
        found = await Axe().run(self.page, options={"resultTypes": ["violations"], "runOnly": RULES})
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]

    def _asked(self, url: str) -> None:
        if not url.startswith((self.served.address, "data:", "blob:")):
            self.strangers.append(url)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, served: Served) -> AsyncIterator[Visitor]:
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    yield Visitor(await context.new_page(), served)
    await context.close()
