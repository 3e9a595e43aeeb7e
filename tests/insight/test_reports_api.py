"""Reports over a real installation, and mailed through a real mail server."""

import io
from datetime import timedelta
from email import message_from_bytes

import polars as pl
import pytest
from aiosmtpd.controller import Controller

from gridlane.app.supervisor import free_port
from gridlane.insight.exporting import TABLES
from gridlane.insight.scheduling import Desk
from gridlane.insight.sheets import KINDS
from gridlane.kernel.clock import system_clock


class Postbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mail_server():
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_every_report_is_a_file(installation, charged, kind):
    for form, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("pdf", b"%PDF"), ("parquet", b"PAR1")):
        answer = await installation.http.get(f"/api/v1/reports/{kind}.{form}")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(begins)


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_can_be_taken_away_as_parquet(installation, charged, table):
    answer = await installation.http.get(f"/api/v1/exports/{table}.parquet")
    assert answer.status_code == 200, answer.text
    frame = pl.read_parquet(io.BytesIO(answer.content))
    assert not {"token_key", "verifiers"} & set(frame.columns)
    if table == "sessions":
        assert frame["energy"].to_list() == [11000.0]


async def test_a_schedule_makes_its_report_in_time_and_mails_it(installation, charged, opened, mail_server):
    box, url = mail_server
    settings = installation.settings.model_copy(update={"mail_url": url})
    wish = {"kind": "sites", "format": "csv", "every": "day", "recipients": ["mara@example.org"]}
    made = await installation.post("/report-schedules", wish, status=201)
    await Desk(opened, settings).make_due()
    assert (await installation.get("/reports"))["items"] == []  # its time has not come
    tomorrow = system_clock() + timedelta(days=1)
    for _ in range(2):  # it is made once
        await Desk(opened, settings, lambda: tomorrow).make_due()
    (report,) = (await installation.get("/reports"))["items"]
    assert (report["schedule_id"], report["mailed"]) == (made["id"], "mailed to mara@example.org")
    (mail,) = box.mails
    (attached,) = [part for part in mail.walk() if part.get_filename()]
    content = (await installation.http.get(f"/api/v1/reports/{report['id']}")).content
    assert attached.get_payload(decode=True).replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")


async def test_a_report_that_cannot_be_mailed_is_kept_and_says_so(installation, opened):
    settings = installation.settings.model_copy(update={"mail_url": "smtp://127.0.0.1:1"})
    wish = {"kind": "days", "format": "pdf", "every": "week", "recipients": ["mara@example.org"]}
    await installation.post("/report-schedules", wish)
    later = system_clock() + timedelta(days=8)
    await Desk(opened, settings, lambda: later).make_due()
    (report,) = (await installation.get("/reports"))["items"]
    assert report["mailed"].startswith("not mailed")


async def test_a_schedule_can_be_stopped_once(installation):
    made = await installation.post("/report-schedules", {"kind": "waste"})
    for status in (204, 404):
        answer = await installation.http.delete(f"/api/v1/report-schedules/{made['id']}")
        assert answer.status_code == status
