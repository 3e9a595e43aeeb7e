"""The built screens, served by a real installation (gateway, API, stations on sockets), seen by a real browser."""

import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from gridlane.accounts import setting_up
from gridlane.kernel.database import Database
from gridlane.web import screens

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
expect.set_options(
    timeout=30_000
)  # machines that run the tests may be slow; a page that is right is right later too
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def built() -> Path:
    """Where the built screens lie; built now where they are not."""
    if screens.built() is None:
        subprocess.run([sys.executable, str(ROOT / "tools" / "build_ui.py")], check=True)
    folder = screens.built()
    assert folder is not None
    return folder


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield opened
        await opened.close()


class Visitor:
    """A page that remembers what went wrong on it: errors, and requests to anybody but us."""

    def __init__(self, page: Page, installation) -> None:
        self.page = page
        page.set_default_timeout(60_000)
        self.installation = installation
        self.address = str(installation.http.base_url).rstrip("/")
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    async def open(self, path: str) -> Page:
        await self.page.goto(self.address + path)
        return self.page

    async def set_up_link(self) -> str:
        """A one-time link that makes its holder the owner of the installation's organization."""
        database = Database(self.installation.url, pool=1)
        try:
            secret = await setting_up.new_link(database, organization_id=self.installation.organization_id)
        finally:
            await database.close()
        return f"/console/setup?token={secret}"

    async def mailed_link(self, recipient: str) -> str:
        """The path of the newest link that was mailed to somebody."""
        newest = "SELECT text FROM mails WHERE recipient = %s ORDER BY created_at DESC LIMIT 1"
        rows = await self.installation.sql(newest, recipient)
        return re.search(r"http://[^/]+(/\S+)", rows[0][0]).group(1)

    async def sign_up(self) -> Page:
        page = await self.open(await self.set_up_link())
        await page.get_by_label("Organization").fill("Stadtwerke Muster")
        await page.get_by_label("Name").fill("Mara Lindt")
        await page.get_by_label("E-mail").fill("mara@example.org")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Begin").click()
        await page.get_by_role("heading", name="Overview").wait_for()
        return page

    async def barriers(self) -> list[str]:
        """What axe finds wrong with the page, one line each."""
        found = await Axe().run(self.page, options={"resultTypes": ["violations"], "runOnly": RULES})
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.strangers.append(url)


@pytest.fixture
async def visit(browser: Browser, installation, built: Path) -> AsyncIterator[Visitor]:
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    yield Visitor(await context.new_page(), installation)
    await context.close()
