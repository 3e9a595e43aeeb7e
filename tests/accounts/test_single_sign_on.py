"""Signing in through an organization's identity provider, with real providers over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from joserfc import jwk, jwt

from gridlane.accounts.identity_tokens import IdentityRefused, verified
from gridlane.accounts.people import memberships, people
from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from local_identity_provider import consent, mock_provider, registered, strict_provider, user

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
KEY = jwk.RSAKey.generate_key(2048, parameters={"kid": "one"})
OTHER = jwk.RSAKey.generate_key(2048, parameters={"kid": "one"})
EXPECTED = {"issuer": "https://id.example.org", "client_id": "gridlane", "nonce": "n-1"}


def token(key=KEY, alg="RS256", **changes):
    seconds = int(NOW.timestamp())
    claims = {
        "iss": "https://id.example.org", "aud": "gridlane", "sub": "ada-1", "nonce": "n-1", "iat": seconds - 5,
        "exp": seconds + 300, "email": "Ada@Example.org", "email_verified": True, "name": "Ada",
    }  # fmt: skip
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "one"}, claims, key, algorithms=[alg])


def seen(text, **changes):
    keys = {"keys": [KEY.as_dict(private=False)]}
    return verified(text, keys, now=NOW, **{**EXPECTED, **changes})


def test_a_right_token_says_who_somebody_is():
    assert seen(token()) == ("ada-1", "ada@example.org", "Ada")
    assert seen(token(aud=["gridlane", "other"], azp="gridlane")).subject == "ada-1"


LATE = int((NOW - timedelta(minutes=5)).timestamp())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://evil.example.org"}, "another issuer"),
        ({"aud": "another"}, "somebody else"),
        ({"aud": ["gridlane", "other"]}, "given to somebody else"),
        ({"azp": "other"}, "given to somebody else"),
        ({"nonce": "n-2"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"exp": LATE}, "too old; compare the clocks"),
        ({"iat": LATE + 900}, "of the future; compare the clocks"),
        ({"nbf": LATE + 900}, "of the future"),
        ({"exp": None}, "when it was made"),
        ({"email_verified": False}, "not proved"),
        ({"email_verified": None}, "not proved"),
        ({"email": None}, "no mail address"),
        ({"sub": None}, "names nobody"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused_with_the_reason(changes, why):
    with pytest.raises(IdentityRefused, match=why):
        seen(token(**changes))


def test_clocks_may_differ_by_a_minute():
    at = int(NOW.timestamp())
    assert seen(token(iat=at + 60, exp=at + 600)).subject == "ada-1"
    assert seen(token(exp=at - 60)).subject == "ada-1"


def test_only_the_provider_itself_can_sign():
    for forged in (
        token(OTHER),
        "eyJhbGciOiJub25lIn0." + token().split(".")[1] + ".",
        token(jwk.OctKey.generate_key(256), "HS256"),
        "no token at all",
    ):
        with pytest.raises(IdentityRefused, match="signature"):
            seen(forged)


def test_a_provider_that_never_says_verified_can_be_trusted_by_setting():
    text = token(email_verified=None)
    assert seen(text, trusts_addresses=True).email == "ada@example.org"
    with pytest.raises(IdentityRefused, match="not proved"):
        seen(token(email_verified=False), trusts_addresses=True)


# ---- over HTTP -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def office(house):
    """An installation with an owner, whose providers may be on this machine."""
    house.app.state.settings = house.settings.model_copy(update={"webhooks_to_private_networks": True})
    house.boss = await house.owner()
    me = (await house.boss.get("/me")).json()
    house.organization_id = me["organization"]["id"]
    return house


async def provide(office, issuer, client=("gridlane", "secret"), **changes):
    wish = {"name": "Work", "issuer": issuer, "client_id": client[0], "client_secret": client[1], **changes}
    answer = await office.boss.put("/organization/identity-provider", json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def begun(office, visitor):
    answer = await visitor.post(f"/sign-in/providers/{office.organization_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["url"]


async def test_staff_sign_in_through_a_real_provider_and_are_known_by_their_domain(office):
    with mock_provider() as issuer:
        client = registered(issuer, office.settings.address() + "/console/signed-in")
        await provide(office, issuer, client, domains=["grid.example"], role="technician")
        user(issuer, "tess", email="tess@grid.example", email_verified=True, name="Tess")
        visitor = office.visitor()
        assert (await visitor.get("/sign-in/providers")).json()["items"][0]["name"] == "Work"

        back = consent(await begun(office, visitor), "tess")
        answer = await visitor.post("/sign-in/returned", json=back)

        assert answer.status_code == 204, answer.text
        me = (await visitor.get("/me")).json()
        assert (me["email"], me["full_name"]) == ("tess@grid.example", "Tess")
        assert "stations:operate" in me["permissions"]
        again = await visitor.post("/sign-in/returned", json=back)
        assert again.json()["code"] == "link_not_valid"  # a code works once


async def test_the_secret_is_never_told_and_stays_until_another_is_sent(office):
    async with strict_provider() as provider:
        told = await provide(office, provider.issuer)
        assert "secret" not in str(told).replace("client_secret", "").lower()
        wish = {"name": "Work", "issuer": provider.issuer, "client_id": "gridlane"}
        assert (await office.boss.put("/organization/identity-provider", json=wish)).status_code == 200
        moved = await office.boss.put("/organization/identity-provider", json={**wish, "client_id": "other"})
        assert moved.json()["code"] == "client_secret_needed"
        assert (await office.boss.delete("/organization/identity-provider")).status_code == 204
        assert (await office.boss.get("/organization/identity-provider")).status_code == 404


async def test_the_code_is_given_for_a_token_with_the_verifier_of_its_challenge(office):
    async with strict_provider() as provider:
        await provide(office, provider.issuer, domains=["example.org"])
        visitor = office.visitor()
        url = await begun(office, visitor)
        stolen = url.replace("code_challenge=", "code_challenge=x")
        refused = await visitor.post("/sign-in/returned", json=provider.consent(stolen))
        assert (refused.status_code, refused.json()["code"]) == (503, "identity_provider_failed")
        assert "invalid_grant" in refused.json()["title"]
        answer = await visitor.post("/sign-in/returned", json=provider.consent(await begun(office, visitor)))
        assert answer.status_code == 204, answer.text


@pytest.mark.parametrize(
    ("claims", "code"),
    [({"nonce": "of another"}, "identity_refused"), ({"iss": "https://evil.example"}, "identity_refused"),
     ({"exp": 1}, "identity_refused"), ({"email": "mallory@example.net"}, "nobody_here")],
)  # fmt: skip
async def test_who_is_not_meant_does_not_come_in(office, claims, code):
    async with strict_provider() as provider:
        await provide(office, provider.issuer, domains=["example.org"])
        provider.claims = claims
        visitor = office.visitor()
        answer = await visitor.post("/sign-in/returned", json=provider.consent(await begun(office, visitor)))
        assert answer.json()["code"] == code
        assert (await visitor.get("/me")).status_code == 401


async def test_another_browser_cannot_finish_what_this_one_began(office):
    async with strict_provider() as provider:
        await provide(office, provider.issuer, domains=["example.org"])
        back = provider.consent(await begun(office, office.visitor()))
        answer = await office.visitor().post("/sign-in/returned", json=back)
        assert answer.json()["code"] == "link_not_valid"


async def test_a_driver_of_that_address_is_met_again_and_an_invitation_gives_the_role(office):
    await office.driver()
    async with strict_provider() as provider:
        await provide(office, provider.issuer)
        visitor = office.visitor()
        await visitor.post("/sign-in/returned", json=provider.consent(await begun(office, visitor)))
        assert (await visitor.get("/me")).json()["permissions"] == ["charge"]

        wish = {"email": "tom@example.org", "role": "technician"}
        assert (await office.boss.post("/invitations", json=wish)).status_code == 201
        provider.email, provider.claims = "tom@example.org", {"sub": "tom-1"}
        tom = office.visitor()
        await tom.post("/sign-in/returned", json=provider.consent(await begun(office, tom)))
        assert "stations:operate" in (await tom.get("/me")).json()["permissions"]
        assert (await office.boss.get("/invitations")).json()["items"] == []


async def test_an_address_that_was_given_to_somebody_else_does_not_inherit_the_account(office):
    async with strict_provider() as provider:
        await provide(office, provider.issuer, domains=["example.org"])
        visitor = office.visitor()
        await visitor.post("/sign-in/returned", json=provider.consent(await begun(office, visitor)))
        provider.claims = {"sub": "ada-2"}
        answer = await office.visitor().post("/sign-in/returned", json={"code": "x", "state": "y"})
        assert answer.json()["code"] == "link_not_valid"
        heir = office.visitor()
        answer = await heir.post("/sign-in/returned", json=provider.consent(await begun(office, heir)))
        assert answer.json()["code"] == "identity_refused"


async def test_a_provider_does_not_open_what_is_somebodys_own_elsewhere(office):
    await office.driver()
    async with office.database.as_owner() as work:
        ada = await work.scalar(sa.select(people.c.id).where(people.c.email == "ada@example.org"))
        other = new_id()
        await work.execute(
            sa.text("INSERT INTO organizations (id, name, created_at) VALUES (:id, 'Other', now())"),
            {"id": other},
        )
        row = {"organization_id": other, "person_id": ada, "role": "owner", "since": system_clock()}
        await work.execute(sa.insert(memberships).values(row))
    async with strict_provider() as provider:
        await provide(office, provider.issuer)
        visitor = office.visitor()
        await visitor.post("/sign-in/returned", json=provider.consent(await begun(office, visitor)))
    me = (await visitor.get("/me")).json()
    assert (me["name"], me["person_id"]) == ("ada@example.org", None)
    assert (await visitor.post("/me/passkeys/options")).status_code == 401
    assert (await visitor.get("/me/archive")).status_code == 401


async def test_a_provider_that_does_not_answer_or_is_another_is_told_at_once(office):
    wish = {"name": "Work", "issuer": "http://127.0.0.1:1", "client_id": "x", "client_secret": "y"}
    away = await office.boss.put("/organization/identity-provider", json=wish)
    assert away.json()["code"] == "identity_provider_failed"
    async with strict_provider() as provider:
        wish["issuer"] = provider.issuer + "/"
        other = await office.boss.put("/organization/identity-provider", json=wish)
        assert "calls itself" in other.json()["title"]
        office.app.state.settings = office.settings  # private networks are not called
        wish["issuer"] = provider.issuer
        inside = await office.boss.put("/organization/identity-provider", json=wish)
        assert "https" in inside.json()["title"]
