"""Passkeys with the browser's own virtual authenticator, and codes of an authenticator app, on the pages of both apps."""

import pyotp
import pytest
from playwright.async_api import expect

from gridlane.kernel.clock import system_clock

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


@pytest.fixture
async def authenticator(visit):
    """A device of the visitor's that makes passkeys and unlocks itself."""
    visit.address = visit.address.replace("127.0.0.1", "localhost")  # a passkey needs a name
    session = await visit.page.context.new_cdp_session(visit.page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


async def come_in(visit):
    """The first person, signed in without the pages on the way."""
    link = await visit.set_up_link()
    wish = {"token": link.split("token=")[1], "organization": "Grid", "name": "Mara Lindt"}
    credentials = {"email": "mara@example.org", "password": PASSWORD}
    answer = await visit.page.request.post(f"{visit.address}/api/v1/set-up", data={**wish, **credentials})
    assert answer.ok


async def test_a_passkey_is_made_signs_in_and_is_removed(visit, authenticator):
    await come_in(visit)
    page = await visit.open("/console/security")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_text("not used yet")).to_be_visible(timeout=20_000)
    session, authenticator_id = authenticator
    kept = await session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator_id})
    assert [one["rpId"] for one in kept["credentials"]] == ["localhost"]
    await page.context.clear_cookies()
    await visit.open("/app/account")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("heading", name="Mara Lindt")).to_be_visible(timeout=20_000)
    await visit.open("/app/account/security")
    await page.get_by_role("button", name="Remove:").click()
    await expect(page.get_by_role("button", name="Remove:")).to_have_count(0, timeout=20_000)
    await page.context.clear_cookies()
    await visit.open("/app/account")
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_text("nobody here has it")).to_be_visible(timeout=20_000)
    assert visit.errors == []


async def test_an_owner_sets_up_an_authenticator_app_and_is_asked_for_its_code(visit):
    await come_in(visit)
    page = await visit.open("/console/security")
    await page.get_by_role("button", name="Set up").click()
    form = page.get_by_role("dialog")
    secret = await form.locator("code").inner_text()
    now = int(system_clock().timestamp())
    await form.get_by_label("Code").fill(pyotp.TOTP(secret).at(now - 30))
    await form.get_by_role("button", name="Confirm").click()
    await expect(form.locator("ol code")).to_have_count(10)
    recovery = await form.locator("ol code").first.inner_text()
    await form.get_by_role("button", name="I have kept them").click()
    await expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    await page.context.clear_cookies()
    await visit.open("/app/account")
    await page.get_by_label("E-mail").fill("mara@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_label("Code").fill(recovery)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("heading", name="Mara Lindt")).to_be_visible(timeout=20_000)
    assert visit.errors == []
