"""Picture each main screen of a running demo into docs/screens: ``python tools/screenshots.py ADDRESS SET_UP_LINK``.

Begin the demo with ``gridlane up --demo``; it prints both. With ``--as MAIL --password WORD`` it signs in instead.
"""

import argparse
import asyncio
import shutil
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screens"
SIZE = ViewportSize(width=1180, height=840)
LARGEST = 150_000
SCREENS = {
    "overview": "/",
    "power": "/power",
    "faults": "/faults",
    "stations": "/stations",
    "sessions": "/sessions",
    "insight": "/insight",
    "uptime": "/insight?show=uptime",
    "waste": "/insight?show=waste",
    "invoices": "/money?show=documents",
    "drivers": "/people?show=drivers",
    "planner": "/planner",
}
"""File -> page of the console."""


async def main(told: argparse.Namespace) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    drawing = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=drawing)
        context = await browser.new_context(locale="en-GB", viewport=SIZE, reduced_motion="reduce")
        context.set_default_timeout(120_000)  # maps are drawn without a graphics card
        page = await context.new_page()
        await enter(page, told)
        await picture_station(page, told)
        for name, path in SCREENS.items():
            await picture(page, f"{told.address}/console{path}", FOLDER / f"{name}.png", told.patience)
        await browser.close()


async def enter(page: Page, told: argparse.Namespace) -> None:
    await page.goto(told.link or f"{told.address}/console/")
    await page.get_by_label("E-mail").fill(told.mail)
    if told.link:
        await page.get_by_label("Name", exact=True).fill("Mara Lindt")
        organization = page.get_by_label("Organization")
        if await organization.count():  # the demo's is there already
            await organization.fill("Stadtwerke Muster")
    await page.get_by_label("Password").fill(told.password)
    await page.get_by_role("button", name="Begin" if told.link else "Sign in", exact=True).click()
    await page.get_by_role("heading", name="Overview").wait_for()
    await page.goto("about:blank")


async def picture(page: Page, address: str, target: Path, patience: int) -> None:
    await page.goto(address)
    await page.get_by_role("heading", level=1).wait_for()
    await page.get_by_role("status", name="Loading").first.wait_for(state="detached")
    await page.wait_for_timeout(patience * 1000)  # maps and drawings say nothing when they are done
    taken = await page.screenshot(path=target)
    size = len(taken)
    print(f"{target.name}: {size // 1000} kB" + (" (larger than wanted)" if size > LARGEST else ""))


async def picture_station(page: Page, told: argparse.Namespace) -> None:
    """The first station of the list."""
    await page.goto(f"{told.address}/console/stations")
    first = page.locator("tbody a").first
    await first.wait_for()
    await picture(
        page, f"{told.address}{await first.get_attribute('href')}", FOLDER / "station.png", told.patience
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("address")
    arguments.add_argument("link", nargs="?")
    arguments.add_argument("--as", dest="mail", default="mara@example.org")
    arguments.add_argument("--password", default="correct horse battery staple")
    arguments.add_argument("--patience", type=int, default=3, help="seconds before each picture")
    asyncio.run(main(arguments.parse_args()))
