"""What a station says is text and nothing else, on every page that shows it."""

import json
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from gridlane.kernel.ids import new_id

pytestmark = pytest.mark.browser

PAYLOADS = (
    "<img src=x onerror=\"window.hit='img'\">",
    "<svg/onload=\"window.hit='svg'\">",
    "\"><script>window.hit='script'</script>",
    "javascript:window.hit='link'",
    "{constructor.constructor('window.hit=1')()}",
    "'-(window.hit='quote')-'",
    "${window.hit='template'}",
)
PAGES = ("/", "/stations", "/sessions", "/operations", "/campaigns", "/campaigns?show=batches", "/approvals?show=doctor", "/insight?show=uptime", "/faults")  # fmt: skip
FIELDS = {
    "stations": (
        "name", "vendor", "model", "serial", "firmware", "firmware_status", "modem", "meter", "boot_reason", "address",
    ),
    "connectors": ("error",),
    "sessions": ("transaction_id", "stop_reason", "token_last4"),
    "operations": ("evidence", "reason", "answer"),
    "messages": ("action", "message_id", "payload", "answer", "warnings"),
    "handshake_failures": ("identity", "address"),
    "campaign_stations": ("evidence", "firmware_before"),
}  # fmt: skip
"""Everything that a station (or who pretends to be one) can fill, by table."""


@pytest.fixture
async def poisoned(installation):
    """A station per payload, every field of it and of what it did filled with the payload."""
    ids = []
    for number, payload in enumerate(PAYLOADS):
        station = (await installation.register(f"CP-{number}"))["id"]
        await _live(installation, station, number)
        for table, fields in FIELDS.items():
            if table == "handshake_failures":
                continue
            key = "id" if table == "stations" else "station_id"
            values = [
                json.dumps(payload) if field == "answer" and table == "operations" else payload
                for field in fields
            ]
            told = ", ".join(f"{field} = %s" for field in fields)
            await installation.sql(f"UPDATE {table} SET {told} WHERE {key} = %s", *values, station)  # noqa: S608 (our own names)
        await installation.sql(
            "INSERT INTO handshake_failures (id, organization_id, identity, address, at, reason_code) "
            "VALUES (%s, %s, %s, %s, now(), 'password_wrong')",
            new_id(), installation.organization_id, payload, payload,
        )  # fmt: skip
        ids.append(station)
    return ids


async def _live(installation, station, number):
    """An EVSE, a session, an operation, a message and a campaign of the station."""
    o, evse, campaign = installation.organization_id, new_id(), new_id()
    await installation.sql(
        "INSERT INTO evses (id, organization_id, station_id, number) VALUES (%s, %s, %s, 1)", evse, o, station
    )
    await installation.sql(
        "INSERT INTO connectors (id, organization_id, station_id, evse_id, evse, number, status, status_at) "
        "VALUES (%s, %s, %s, %s, 1, 1, 'faulted', now())",
        new_id(), o, station, evse,
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO sessions (id, organization_id, site_id, station_id, transaction_id, status, evse, started_at, energy,"
        " received_at, first_received_at) VALUES (%s, %s, %s, %s, %s, 'active', 1, now(), 10, now(), now())",
        new_id(), o, installation.site_id, station, f"T{number}",
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO operations (id, organization_id, station_id, kind, params, status, actor, batch_id, created_at,"
        " not_before, expires_at) VALUES (%s, %s, %s, 'reset', '{}', 'refused', 'test', %s, now(), now(), now())",
        new_id(), o, station, new_id(),
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO messages (station_id, organization_id, at, outgoing, action, message_id, payload) "
        "VALUES (%s, %s, %s, false, 'x', 'x', 'x')",
        station, o, datetime.now(UTC),
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO campaigns (id, organization_id, name, state, firmware, plan, created_by, created_at, changed_at) "
        "VALUES (%s, %s, 'x', 'done', '{\"location\": \"https://example.org\"}', '{}', 'test', now(), now())",
        campaign, o,
    )  # fmt: skip
    await installation.sql(
        "INSERT INTO campaign_stations (campaign_id, station_id, organization_id, wave, state, since) "
        "VALUES (%s, %s, %s, 0, 'failed', now())",
        campaign, station, o,
    )  # fmt: skip


async def test_nothing_a_station_says_is_executed_on_any_page(visit, installation, poisoned):
    page = await visit.sign_up()
    (campaign,) = await installation.sql("SELECT id FROM campaigns LIMIT 1")
    whole = [
        *PAGES,
        *(f"/stations/{one}" for one in poisoned),
        f"/campaigns/{campaign[0]}",
        f"/sites/{installation.site_id}",
    ]
    for path in whole:
        await visit.open(f"/console{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0, timeout=60_000)
        assert await page.evaluate("window.hit") is None, path
        assert await page.locator("a[href^='javascript']").count() == 0, path
    assert visit.errors == []
