import gzip
import json
import struct

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FIRST_LOAD = 200 * 1024  # bytes, compressed, without the map
PACKED = (".woff2", ".png")  # compressed already


async def test_the_first_load_without_the_map_fits_a_weak_network(visit, built):
    asked: list[str] = []
    visit.page.on("response", lambda answer: asked.append(answer.url))
    await visit.open("/app/")
    await expect(visit.page.get_by_role("heading", name="Find a plug")).to_be_visible()
    await visit.page.wait_for_load_state("networkidle")
    prefix = f"{visit.served.address}/app/"
    names = {url.removeprefix(prefix) for url in asked if url.startswith(prefix)}
    sizes = {name or "index.html": _size(built / "driver" / (name or "index.html")) for name in names}
    without_map = {name: size for name, size in sizes.items() if not _of_map(name)}
    assert sum(without_map.values()) <= FIRST_LOAD, without_map


def _of_map(name: str) -> bool:
    return any(part in name for part in ("StationMap", "maplibre", "ground-"))


def _size(path) -> int:
    content = path.read_bytes()
    return len(content) if path.suffix in PACKED else len(gzip.compress(content, 6))


async def test_it_can_be_installed(built):
    manifest = json.loads((built / "driver" / "manifest.webmanifest").read_text())
    assert manifest["start_url"].startswith(manifest["scope"])
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        if icon["type"] != "image/png":
            continue
        header = (built / "driver" / icon["src"]).read_bytes()[16:24]
        assert "x".join(map(str, struct.unpack(">II", header))) == icon["sizes"]
    assert any(icon["purpose"] == "maskable" for icon in manifest["icons"])


async def test_it_opens_without_a_network_and_says_so(visit):
    page = await visit.open("/app/")
    await page.evaluate("navigator.serviceWorker.ready")
    await page.context.set_offline(True)
    await page.reload()
    await expect(page.get_by_text("No network")).to_be_visible()
    await expect(page.get_by_role("heading", name="Find a plug")).to_be_visible()
    await visit.open("/app/account")
    await expect(page.get_by_role("heading", name="Account")).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/charge", "/activity", "/account"])
async def test_every_page_can_be_used_by_everybody_on_a_small_phone(visit, path, colours):
    await visit.page.emulate_media(color_scheme=colours)
    await visit.page.set_viewport_size({"width": 360, "height": 740})
    page = await visit.open(f"/app{path}")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await visit.barriers() == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visit.strangers == []
