"""Codes of an authenticator app and recovery codes, over the API and a real database."""

from datetime import UTC, datetime

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridlane.accounts.second_factor import STEP_SECONDS, matching_step
from gridlane.kernel.clock import system_clock

PASSWORD = "correct horse battery staple"
CREDENTIALS = {"email": "ada@example.org", "password": PASSWORD}
SECRET = pyotp.random_base32()


@given(at=st.integers(10**9, 4 * 10**9), away=st.integers(-4, 4))
def test_a_code_works_within_a_step_of_its_time_and_never_twice(at, away):
    now, step = datetime.fromtimestamp(at, UTC), at // STEP_SECONDS + away
    code = pyotp.TOTP(SECRET).at(step * STEP_SECONDS)
    found = matching_step(SECRET, code, now, None)
    assert (found == step) is (abs(away) <= 1)
    assert found is None or matching_step(SECRET, code, now, found) is None


def code_of(secret, ahead=0):
    return pyotp.TOTP(secret).at(int(system_clock().timestamp()) + ahead * STEP_SECONDS)


@pytest.fixture
async def ada(house):
    """A driver with an authenticator app: (their browser, the shared secret, the recovery codes)."""
    await house.owner()
    browser = await house.driver()
    begun = (await browser.post("/me/totp")).json()
    assert begun["uri"].startswith("otpauth://totp/Gridlane:ada%40example.org?secret=")
    assert begun["qr"].startswith("data:image/svg+xml")
    confirmed = await browser.post("/me/totp/confirm", json={"code": code_of(begun["secret"], -1)})
    return browser, begun["secret"], confirmed.json()["recovery_codes"]


async def test_after_the_password_a_code_is_asked_for_and_works_once(house, ada):
    _, secret, _ = ada
    visitor = house.visitor()
    asked = await visitor.post("/sign-in", json=CREDENTIALS)
    assert (asked.status_code, asked.json()["code"]) == (401, "code_needed")
    right = {**CREDENTIALS, "code": code_of(secret)}
    assert (await visitor.post("/sign-in", json=right)).status_code == 204
    again = await house.visitor().post("/sign-in", json=right)
    assert again.json()["code"] == "code_wrong"


async def test_a_recovery_code_works_once_however_it_is_typed_and_is_told_by_mail(house, ada):
    browser, _, codes = ada
    typed = {**CREDENTIALS, "code": codes[0].lower().replace("-", " ")}
    assert (await house.visitor().post("/sign-in", json=typed)).status_code == 204
    assert "recovery code" in (await house.letters("ada@example.org"))[-1]
    assert (await house.visitor().post("/sign-in", json=typed)).json()["code"] == "code_wrong"
    told = (await browser.get("/me/security")).json()
    assert (told["totp"], told["recovery_codes"]) == (True, 9)


async def test_codes_cannot_be_guessed_for_long(house, ada):
    answers = [
        await house.visitor().post("/sign-in", json={**CREDENTIALS, "code": "000000"}) for _ in range(11)
    ]
    assert answers[-1].status_code == 429


async def test_a_new_password_by_mail_does_not_go_round_the_code(house, ada):
    visitor = house.visitor()
    await visitor.post("/password-reset", json={"email": "ada@example.org"})
    token = await house.link("ada@example.org")
    done = await visitor.post("/links/accept", json={"token": token, "password": "another long password"})
    assert done.json() == {"signed_in": False}
    assert (await visitor.get("/me")).status_code == 401


async def test_codes_are_turned_off_with_a_code_only(house, ada):
    browser, secret, codes = ada
    assert (await browser.post("/me/totp")).json()["code"] == "totp_on"
    assert (await browser.post("/me/totp/off", json={"code": "123"})).json()["code"] == "code_wrong"
    fresh = await browser.post("/me/recovery-codes", json={"code": code_of(secret)})
    assert not set(fresh.json()["recovery_codes"]) & set(codes)
    off = await browser.post("/me/totp/off", json={"code": fresh.json()["recovery_codes"][0]})
    assert off.status_code == 204
    assert (await house.visitor().post("/sign-in", json=CREDENTIALS)).status_code == 204


async def test_a_key_has_no_second_factor(house):
    owner = await house.owner()
    key = (await owner.post("/api-keys", json={"name": "x", "permissions": ["stations:read"]})).json()
    robot = house.visitor(Authorization=f"Bearer {key['secret']}")
    for path in ("/me/totp", "/me/passkeys/options"):
        assert (await robot.post(path)).status_code == 401
