"""Stories of alerts: a rule, a fault, and what arrives at a real mail server and a real receiver of webhooks."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiosmtpd.smtp import SMTP

from gridlane.accounts import mail
from gridlane.kernel.clock import system_clock
from gridlane.kernel.facts import Reader
from gridlane.maintenance import webhooks
from gridlane.maintenance.alerting import Alerting
from gridlane.maintenance.incidents import IncidentEscalated, IncidentOpened, IncidentResolved
from gridlane.maintenance.watching import Watch
from gridlane.ocpp.version import Version
from installation import running


class Post:
    """A mail server's memory."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (the name aiosmtpd looks for)
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@asynccontextmanager
async def mail_server():
    post = Post()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(post), "127.0.0.1", 0)
    try:
        yield post, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def receiver(answers):
    """A receiver of webhooks that answers with these statuses, the last for ever."""
    got = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in lines.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        got.append((headers, body))
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield got, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        await server.wait_closed()


class Crew:
    """The watch and those who tell, with a clock that can be ahead."""

    def __init__(self, database, installation, **settings):
        self.ahead = timedelta(0)
        self.database = database
        self.settings = installation.settings.model_copy(update=settings)
        self.watch = Watch(database, installation.bus, self.now)
        self.alerting = Alerting(database, self.settings, installation.bus, self.now)
        self.reader = Reader("test alerts", [IncidentOpened, IncidentEscalated, IncidentResolved])

    def now(self):
        return system_clock() + self.ahead

    async def work(self):
        """One pass: what is seen becomes facts, and they are told."""
        await self.watch.once()
        async with self.database.as_owner() as work:
            raw = (await work.get_raw_connection()).driver_connection
            delivered = await self.reader.next(raw)
        for one in delivered:
            await self.alerting.tell(one.recorded)
        await self.alerting.remind()
        await mail.send_waiting(self.database, self.settings, system_clock())


def rule(**more):
    return {
        "name": "Duty",
        "events": ["opened"],
        "severities": ["critical", "major"],
        "channels": [{"kind": "app"}],
    } | more


async def test_a_fault_is_told_by_mail_in_the_app_and_by_webhook(database_url, database, tmp_path):
    async with (
        running(database_url, tmp_path, webhooks_to_private_networks=True) as installation,
        mail_server() as (post, port),
        receiver(["503", "200"]) as (got, url),
    ):
        crew = Crew(
            database, installation,
            mail_url=f"smtp://127.0.0.1:{port}", mail_from="Gridlane <grid@example.org>"
        )  # fmt: skip
        channels = [
            {"kind": "mail", "target": "duty@example.org"},
            {"kind": "app"},
            {"kind": "webhook", "target": url},
        ]
        made = await installation.post("/alert-rules", rule(channels=channels))
        async with await installation.station("CP-1", Version.V16) as station:
            await station.boot()
            await station.fault(error="GroundFailure")

            async def mailed():
                await crew.work()
                return post.mails

            ((recipients, content),) = await installation.until(mailed, 30)
            assert recipients == ["duty@example.org"]
            assert "Subject: Fault: Ground fault (CP-1)" in content
            assert "Send an electrician" in content
            assert len(got) == 1  # it answered 503, and is tried again later
            crew.ahead += timedelta(minutes=1)
            await crew.work()
            headers, body = got[1]
            seconds, signed = (part.split("=")[1] for part in headers["gridlane-signature"].split(","))
            assert json.loads(body)["event"] == "incident.opened"
            expected = webhooks.signature(
                made["webhook_secret"],
                body,
                system_clock().fromtimestamp(int(seconds), system_clock().tzinfo),
            )
            assert expected.endswith(signed)
            told = (await installation.get("/alerts"))["items"]
            assert sorted((one["channel"], one["sent_at"] is not None) for one in told) == [
                ("app", True), ("mail", True), ("webhook", True),
            ]  # fmt: skip
            await crew.work()
            assert (len(post.mails), len(got)) == (1, 2)  # nothing is told twice


async def test_who_looks_after_it_is_not_reminded(installation, database):
    crew = Crew(database, installation)
    await installation.post("/alert-rules", rule(repeat_minutes=10))
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        await station.fault(error="GroundFailure")

        async def told():
            await crew.work()
            return (await installation.get("/alerts"))["items"]

        (first,) = await installation.until(told, 30)
        crew.ahead += timedelta(minutes=11)
        await crew.work()
        assert [one["event"] for one in await told()] == ["reminder", "opened"]
        await installation.post(f"/alerts/{first['id']}/acknowledge")
        crew.ahead += timedelta(minutes=11)
        assert len(await told()) == 2


async def test_a_rule_is_tried_and_says_why_it_cannot_be_told(installation):
    channels = [{"kind": "app"}, {"kind": "mail", "target": "duty@example.org"}]
    made = await installation.post("/alert-rules", rule(channels=channels))
    told = (await installation.post(f"/alert-rules/{made['id']}/test"))["items"]
    by_channel = {one["channel"]: one for one in told}
    assert by_channel["app"]["sent_at"] is not None
    assert "no mail server" in by_channel["mail"]["trouble"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"channels": [{"kind": "webhook", "target": "https://127.0.0.1/"}]}, "webhook_address_refused"),
        ({"channels": [{"kind": "mail", "target": "nobody"}]}, "input_invalid"),
        ({"quiet_begin": "22:00:00"}, "input_invalid"),
        ({"time_zone": "Mars/Olympus"}, "price_zone_unknown"),
        ({"channels": []}, "input_invalid"),
    ],
)
async def test_a_wrong_rule_is_refused_with_a_reason(installation, wrong, code):
    refused = await installation.post("/alert-rules", rule(**wrong), status=422)
    assert refused["code"] == code


async def test_planned_work_takes_a_site_out_of_use_and_alarms_nobody(installation, database):
    crew = Crew(database, installation)
    await installation.post("/alert-rules", rule())
    async with await installation.station("CP-1", Version.V16) as station:
        await station.boot()
        now = system_clock()
        window = await installation.post(
            "/maintenance-windows",
            {
                "site_id": str(installation.site_id),
                "begins_at": now.isoformat(),
                "ends_at": (now + timedelta(hours=2)).isoformat(),
                "note": "New cables",
            },
        )
        await crew.work()
        await station.until(lambda: station.received("ChangeAvailability"), "to be taken out of use", 30)
        assert station.received("ChangeAvailability")[0]["type"] == "Inoperative"
        await station.fault(error="GroundFailure")

        async def noticed():
            await crew.work()
            return (await installation.get("/incidents"))["items"]

        (incident,) = await installation.until(noticed, 30)
        assert (incident["planned"], incident["care"]) == (True, "watched")
        assert (await installation.get("/alerts"))["items"] == []
        await installation.http.delete(f"/api/v1/maintenance-windows/{window['id']}")
        await crew.work()

        def back():
            return [one["type"] for one in station.received("ChangeAvailability")] == [
                "Inoperative",
                "Operative",
            ]

        await station.until(back, "to come back into use", 30)
        (listed,) = (await installation.get("/maintenance-windows", past="true"))["items"]
        assert listed["state"] == "cancelled"
