"""The streets of the operator's own map archive, in a real browser."""

import json
import struct

import pytest
from playwright.async_api import expect

from installation import running

pytestmark = pytest.mark.browser


def varint(value):
    taken = bytearray()
    while value > 0x7F:
        taken.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*taken, value])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def tile():
    """A vector tile (MVT 2.1) with one square of water."""
    zigzag = [9, 0, 0, 26, 8192, 0, 0, 8192, 8191, 0, 15]
    shape = varint(3 << 3) + varint(3) + field(4, b"".join(map(varint, zigzag)))
    return field(
        3, varint(15 << 3) + varint(2) + field(1, b"water") + field(2, shape) + varint(5 << 3) + varint(4096)
    )


def archive():
    """A PMTiles archive (version 3, nothing compressed) of the world at zoom 0."""
    content = tile()
    directory = b"".join(map(varint, (1, 0, 1, len(content), 1)))
    about = json.dumps({"vector_layers": [{"id": "water", "fields": {}}]}).encode()
    start = 127
    places = (
        start,
        len(directory),
        start + len(directory),
        len(about),
        start + len(directory) + len(about),
        0,
    )
    tiles = (start + len(directory) + len(about), len(content), 1, 1, 1)
    kinds = bytes([1, 1, 1, 1, 0, 0])
    bounds = struct.pack("<iiiiBii", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000, 0, 0, 0)
    return (
        b"PMTiles\x03" + struct.pack("<11Q", *places, *tiles) + kinds + bounds + directory + about + content
    )


@pytest.fixture
async def installation(database_url, tmp_path):
    file = tmp_path / "city.pmtiles"
    file.write_bytes(archive())
    async with running(database_url, tmp_path, map_file=file) as made:
        yield made


async def test_the_map_draws_streets_from_our_own_archive_and_from_nobody_else(visit):
    answers = []
    visit.page.on("response", lambda response: answers.append((response.url, response.status)))
    page = await visit.sign_up()
    await expect(page.get_by_text("OpenStreetMap")).to_be_attached(timeout=30_000)
    assert {status for url, status in answers if url.endswith("/map/tiles.pmtiles")} == {206}
    assert visit.errors == []
    assert visit.strangers == []
