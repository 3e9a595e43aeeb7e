"""Signing up, forgotten passwords, invitations, sessions, and how often all that may be tried."""

import pytest

from gridlane.accounts import attempts
from gridlane.accounts.recognising import COOKIE

PASSWORD = "correct horse battery staple"


async def test_a_driver_signs_up_by_a_mail_and_charges_as_one(house):
    await house.owner()
    visitor = house.visitor()
    asked = await visitor.post("/sign-up", json={"email": "Ada@Example.org", "name": "Ada", "language": "de"})
    assert asked.status_code == 202
    (letter,) = await house.letters("ada@example.org")
    assert letter.startswith("Hallo Ada,")
    token = await house.link("ada@example.org")
    told = (await visitor.post("/links/look", json={"token": token})).json()
    assert told == {
        "purpose": "sign_up", "email": "ada@example.org", "name": "Ada", "organization": "Grid", "role": None,
        "password_needed": True,
    }  # fmt: skip
    assert (await visitor.post("/links/accept", json={"token": token})).json()["code"] == "password_needed"
    weak = await visitor.post("/links/accept", json={"token": token, "password": "short"})
    assert weak.json()["code"] == "password_too_weak"
    joined = await visitor.post("/links/accept", json={"token": token, "password": PASSWORD})
    assert joined.json() == {"signed_in": True}
    me = (await visitor.get("/me")).json()
    assert me["permissions"] == ["charge"]
    assert me["organization"]["name"] == "Grid"
    assert (me["full_name"], me["language"]) == ("Ada", "de")
    again = await house.visitor().post("/links/accept", json={"token": token, "password": PASSWORD})
    assert again.json()["code"] == "link_not_valid"


async def test_no_answer_tells_whether_an_address_has_an_account(house):
    await house.owner()
    await house.driver()
    visitor = house.visitor()
    known = await visitor.post("/sign-up", json={"email": "ada@example.org", "name": "Eve"})
    unknown = await visitor.post("/sign-up", json={"email": "new@example.org", "name": "Eve"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert "already" in (await house.letters("ada@example.org"))[-1]
    known = await visitor.post("/password-reset", json={"email": "ada@example.org"})
    unknown = await visitor.post("/password-reset", json={"email": "nobody@example.org"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert await house.letters("nobody@example.org") == []


async def test_sign_up_can_be_closed(house):
    owner = await house.owner()
    await owner.patch("/organization", json={"sign_up": False})
    assert (await house.visitor().get("/sign-up")).json() == {"organizations": []}
    refused = await house.visitor().post("/sign-up", json={"email": "ada@example.org"})
    assert refused.json()["code"] == "sign_up_closed"


async def test_a_new_password_ends_every_session(house):
    await house.owner()
    before = await house.driver()
    visitor = house.visitor()
    await visitor.post("/password-reset", json={"email": "ada@example.org"})
    token = await house.link("ada@example.org")
    done = await visitor.post("/links/accept", json={"token": token, "password": "another long password"})
    assert done.json() == {"signed_in": True}
    assert (await before.get("/me")).status_code == 401
    credentials = {"email": "ada@example.org", "password": PASSWORD}
    assert (await house.visitor().post("/sign-in", json=credentials)).json()["code"] == "sign_in_failed"


async def test_a_second_link_for_a_new_password_replaces_the_first(house):
    await house.owner()
    await house.driver()
    visitor = house.visitor()
    await visitor.post("/password-reset", json={"email": "ada@example.org"})
    first = await house.link("ada@example.org")
    await visitor.post("/password-reset", json={"email": "ada@example.org"})
    refused = await visitor.post("/links/accept", json={"token": first, "password": PASSWORD})
    assert refused.json()["code"] == "link_not_valid"


async def test_a_session_is_new_at_each_sign_in_and_the_one_before_is_over(house):
    await house.owner()
    ada = await house.driver()
    before = ada.cookies[COOKIE]
    await ada.post("/sign-in", json={"email": "ada@example.org", "password": PASSWORD})
    assert ada.cookies[COOKIE] != before
    old = house.visitor(Cookie=f"{COOKIE}={before}")
    assert (await old.get("/me")).status_code == 401
    assert len((await ada.get("/me/sessions")).json()["items"]) == 1


async def test_a_changed_password_keeps_this_session_only_and_is_told_by_mail(house):
    await house.owner()
    ada = await house.driver()
    other = house.visitor()
    await other.post("/sign-in", json={"email": "ada@example.org", "password": PASSWORD})
    wrong = await ada.post("/me/password", json={"present": "guess", "new": "another long password"})
    assert wrong.json()["code"] == "password_wrong"
    done = await ada.post("/me/password", json={"present": PASSWORD, "new": "another long password"})
    assert done.status_code == 204, done.text
    assert (await ada.get("/me")).status_code == 200
    assert (await other.get("/me")).status_code == 401
    assert "password was changed" in (await house.letters("ada@example.org"))[-1]


async def test_an_invitation_makes_staff_with_role_and_sites(house):
    owner = await house.owner()
    site = (await owner.post("/sites", json={"name": "Garage"})).json()["id"]
    wish = {"email": "tom@example.org", "name": "Tom", "role": "technician", "sites": [site]}
    made = await owner.post("/invitations", json=wish)
    assert made.status_code == 201, made.text
    assert "token" not in made.text
    tom = house.visitor()
    token = await house.link("tom@example.org")
    told = (await tom.post("/links/look", json={"token": token})).json()
    assert (told["organization"], told["role"]) == ("Grid", "technician")
    await tom.post("/links/accept", json={"token": token, "password": PASSWORD})
    me = (await tom.get("/me")).json()
    assert me["sites"] == [site]
    assert "stations:operate" in me["permissions"]
    assert (await owner.get("/invitations")).json()["items"] == []
    listed = (await owner.get("/people?kind=staff")).json()["items"]
    assert {one["email"]: one["role"] for one in listed} == {
        "tom@example.org": "technician",
        "olga@example.org": "owner",
    }


async def test_somebody_with_an_account_joins_without_a_new_password_and_signs_in_themselves(house):
    owner = await house.owner()
    await house.driver()
    visitor = house.visitor()
    refused = await owner.post("/invitations", json={"email": "ada@example.org", "role": "support"})
    assert refused.json()["code"] == "member_already"
    ada = (await owner.get("/people?kind=drivers")).json()["items"][0]["id"]
    await owner.delete(f"/people/{ada}")
    await owner.post("/invitations", json={"email": "ada@example.org", "role": "support"})
    token = await house.link("ada@example.org")
    told = (await visitor.post("/links/look", json={"token": token})).json()
    assert told["password_needed"] is False
    assert (await visitor.post("/links/accept", json={"token": token})).json() == {"signed_in": False}
    await visitor.post("/sign-in", json={"email": "ada@example.org", "password": PASSWORD})
    assert "support:write" in (await visitor.get("/me")).json()["permissions"]


async def test_a_withdrawn_invitation_does_not_let_in(house):
    owner = await house.owner()
    made = (await owner.post("/invitations", json={"email": "tom@example.org", "role": "owner"})).json()
    token = await house.link("tom@example.org")
    assert (await owner.delete(f"/invitations/{made['id']}")).status_code == 204
    refused = await house.visitor().post("/links/accept", json={"token": token, "password": PASSWORD})
    assert refused.json()["code"] == "link_not_valid"


async def test_an_organization_keeps_an_owner(house):
    owner = await house.owner()
    me = (await owner.get("/me")).json()["person_id"]
    for refused in (
        await owner.patch(f"/people/{me}", json={"role": "driver"}),
        await owner.delete(f"/people/{me}"),
    ):
        assert refused.json()["code"] == "last_owner"


async def test_nobody_gives_what_they_lack(house):
    owner = await house.owner()
    key = (
        await owner.post("/api-keys", json={"name": "hr", "permissions": ["people:read", "people:write"]})
    ).json()
    clerk = house.visitor(Authorization=f"Bearer {key['secret']}")
    refused = await clerk.post("/invitations", json={"email": "eve@example.org", "role": "owner"})
    assert refused.json()["code"] == "role_not_yours"
    taken = await clerk.post("/invitations", json={"email": "eve@example.org", "role": "driver"})
    assert taken.status_code == 201
    olga = (await owner.get("/me")).json()["person_id"]
    for refused in (
        await clerk.patch(f"/people/{olga}", json={"role": "driver"}),
        await clerk.delete(f"/people/{olga}/sessions"),
    ):
        assert refused.json()["code"] == "role_not_yours"
    assert (await clerk.post("/invitations", json={"email": "e@example.org", "role": "king"})).json()[
        "code"
    ] == ("role_unknown")


async def test_somebody_is_signed_out_everywhere_by_the_owner(house):
    owner = await house.owner()
    ada = await house.driver()
    id_ = (await ada.get("/me")).json()["person_id"]
    assert len((await owner.get(f"/people/{id_}/sessions")).json()["items"]) == 1
    assert (await owner.delete(f"/people/{id_}/sessions")).json() == {"ended": 1}
    assert (await ada.get("/me")).status_code == 401


@pytest.mark.parametrize("right", [False, True])
async def test_after_ten_wrong_passwords_the_right_one_waits_too(house, right):
    await house.owner()
    visitor = house.visitor()
    wrong = {"email": "olga@example.org", "password": "wrong guess"}
    for _ in range(attempts.LIMITS["sign_in.account"].most):
        assert (await visitor.post("/sign-in", json=wrong)).status_code == 401
    given = {**wrong, "password": PASSWORD} if right else wrong
    assert (await house.visitor(address="198.51.100.9").post("/sign-in", json=given)).status_code == 429


async def test_a_network_that_tries_many_accounts_waits(house):
    await house.owner()
    for number in range(attempts.LIMITS["sign_in.network"].most):
        await attempts.count(house.database, sign_in__network="192.0.2.0/24")
        assert number >= 0
    visitor = house.visitor(address="192.0.2.200")
    answer = await visitor.post("/sign-in", json={"email": "x@example.org", "password": "wrong guess"})
    assert answer.json()["code"] == "too_many_attempts"


async def test_mails_to_one_address_are_few(house):
    await house.owner()
    for _ in range(attempts.LIMITS["mail.account"].most):
        assert (await house.visitor().post("/sign-up", json={"email": "ada@example.org"})).status_code == 202
    refused = await house.visitor().post("/sign-up", json={"email": "ada@example.org"})
    assert refused.status_code == 429
