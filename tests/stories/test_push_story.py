"""News to devices: a push service of our own takes what is sent and reads it with the device's private key."""

import asyncio
import base64

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey
from msgspec import json

from gridlane.accounts import inbox, push
from gridlane.kernel.clock import system_clock
from gridlane.kernel.database import Database, Scope
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from installation import running, working


class Device:
    """A browser's side of a subscription."""

    def __init__(self, address):
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"sixteen bytes :)"
        self.address = address

    @property
    def subscription(self):
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.address, "keys": {"p256dh": text_of(point), "auth": text_of(self.secret)}}

    def read(self, body):
        return json.decode(http_ece.decrypt(body, private_key=self.private, auth_secret=self.secret))


def text_of(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Service:
    """A push service: keeps what is posted, and answers with the next of ``answers`` (201 when there is none)."""

    def __init__(self):
        self.taken, self.answers = [], []

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.answers.pop(0) if self.answers else 201
        self.taken.append((head[0].split()[1], headers, body, status))
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def service():
    it = Service()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield it


@pytest.fixture
async def installation(database_url, tmp_path):
    """One that may call services inside the network, as closed networks do."""
    async with running(database_url, tmp_path, webhooks_to_private_networks=True) as here:
        yield here


async def tell(installation, person_id, key, topic="waiting"):
    """News for a person."""
    database = Database(installation.url, pool=1)
    news = inbox.News(
        topic=topic, key=key, title="It is your turn", text="Plug 2 is yours.", link="/places/1"
    )
    async with database.unit_of_work(Scope(installation.organization_id)) as work:
        await inbox.put(work, installation.organization_id, person_id, news, system_clock())
    await database.close()


async def person_of(installation):
    ((person_id,),) = await installation.sql("SELECT id FROM people")
    return person_id


async def test_news_reach_the_device_and_nobody_else_can_read_them(installation, service, driver):
    anna, phone = await driver("04AA0001"), Device(f"{service.address}/push/phone")
    key = (await anna.ask("GET", "/me/push"))["key"]
    await anna.ask("POST", "/me/push", phone.subscription, status=201)
    async with working(installation):
        await tell(installation, await person_of(installation), "turn")
        await installation.until(lambda: service.taken, 30)
    ((path, headers, body, _),) = service.taken
    assert path == "/push/phone"
    shown = phone.read(body)
    assert (shown["title"], shown["body"], shown["path"]) == (
        "It is your turn",
        "Plug 2 is yours.",
        "/places/1",
    )
    assert b"Plug 2" not in body
    assert (headers["content-encoding"], headers["urgency"]) == ("aes128gcm", "high")
    assert int(headers["ttl"]) > 0
    claims = verified(headers["authorization"], key)
    assert claims["aud"] == service.address
    assert claims["sub"].startswith("mailto:")
    assert claims["exp"] <= system_clock().timestamp() + 24 * 3600
    (known,) = (await anna.ask("GET", "/me/push"))["devices"]
    assert known["told_at"] is not None


def verified(authorization, key):
    """The claims of a VAPID header, whose signature and key must be the installation's."""
    parts = dict(one.strip().split("=", 1) for one in authorization.removeprefix("vapid ").split(","))
    assert parts["k"] == key
    point = base64.urlsafe_b64decode(key + "=")
    public = ECKey.import_key(
        {"kty": "EC", "crv": "P-256", "x": text_of(point[1:33]), "y": text_of(point[33:])}
    )
    return jwt.decode(parts["t"], public, algorithms=["ES256"]).claims


async def test_a_subscription_that_the_service_no_longer_knows_is_removed(installation, service, driver):
    anna = await driver("04AA0001")
    gone, here = Device(f"{service.address}/gone"), Device(f"{service.address}/here")
    await anna.ask("POST", "/me/push", here.subscription, status=201)
    await anna.ask("POST", "/me/push", gone.subscription, status=201)
    service.answers = [410]  # the newest device is told first
    async with working(installation):
        await tell(installation, await person_of(installation), "turn")
        await installation.until(lambda: len(service.taken) == 2, 30)
        told = "SELECT endpoint FROM push_subscriptions WHERE told_at IS NOT NULL"
        await installation.until(lambda: installation.sql(told), 30)
    assert await installation.sql("SELECT endpoint FROM push_subscriptions") == [(here.address,)]


async def test_a_service_that_is_away_is_asked_again_and_who_was_told_is_not_told_twice(
    installation, service, driver
):
    anna = await driver("04AA0001")
    first, second = Device(f"{service.address}/first"), Device(f"{service.address}/second")
    await anna.ask("POST", "/me/push", first.subscription, status=201)
    await anna.ask("POST", "/me/push", second.subscription, status=201)
    service.answers = [201, 503]
    async with working(installation):
        await tell(installation, await person_of(installation), "turn")
        await installation.until(lambda: len(service.taken) == 3, 60)
    assert [(path, status) for path, _, _, status in service.taken] == [
        ("/second", 201),
        ("/first", 503),
        ("/first", 201),
    ]


async def test_whoever_wants_no_push_of_a_topic_gets_none_of_it(installation, service, driver):
    anna, phone = await driver("04AA0001"), Device(f"{service.address}/phone")
    await anna.ask("POST", "/me/push", phone.subscription, status=201)
    await anna.ask("PUT", "/me/notifications", {"choices": {"network": {"push": False}}}, status=200)
    person_id = await person_of(installation)
    async with working(installation):
        await tell(installation, person_id, "maintenance", topic="network")
        await tell(installation, person_id, "turn")
        await installation.until(lambda: service.taken, 30)
    assert [phone.read(body)["title"] for _, _, body, _ in service.taken] == ["It is your turn"]
    left = await installation.sql("SELECT count(*) FROM inbox_messages")
    assert left == [(2,)]


async def test_a_device_belongs_to_who_signed_in_last_and_is_forgotten_at_will(installation, service, driver):
    anna, ben = [await driver(card) for card in ("04AA0001", "04AA0002")]
    shared = Device(f"{service.address}/shared").subscription
    await anna.ask("POST", "/me/push", shared, status=201)
    await ben.ask("POST", "/me/push", shared, status=201)
    assert (await anna.ask("GET", "/me/push"))["devices"] == []
    await anna.ask("POST", "/me/push/forget", {"endpoint": shared["endpoint"]}, status=204)
    assert len((await ben.ask("GET", "/me/push"))["devices"]) == 1
    await ben.ask("POST", "/me/push/forget", {"endpoint": shared["endpoint"]}, status=204)
    assert (await ben.ask("GET", "/me/push"))["devices"] == []


async def test_what_is_no_subscription_is_refused(installation, driver):
    anna, fit = await driver("04AA0001"), Device("https://push.example.org/x").subscription
    for wrong in (
        {**fit, "endpoint": "ftp://push.example.org/x"},
        {**fit, "keys": {**fit["keys"], "p256dh": text_of(b"\4" + b"x" * 64)}},
        {**fit, "keys": {**fit["keys"], "auth": text_of(b"too short")}},
    ):
        answer = await anna.ask("POST", "/me/push", wrong, status=422)
        assert answer["code"] == "push_refused"


def test_the_key_of_an_installation_stays_the_same(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert push.public_key(settings) == push.public_key(Settings(data_dir=tmp_path))
    assert len(base64.urlsafe_b64decode(push.public_key(settings) + "=")) == 65


@pytest.mark.parametrize(
    "address", ["http://push.example.org/x", "https://127.0.0.1/x", "https://10.0.0.8/x"]
)
async def test_by_default_no_news_go_to_an_address_inside_the_own_network(database, tmp_path, address):
    wish = push.Wish(address, **Device(address).subscription["keys"])
    async with database.as_owner() as work:
        with pytest.raises(push.PushRefused):
            await push.subscribe(work, Settings(data_dir=tmp_path), new_id(), wish, "a phone", system_clock())
