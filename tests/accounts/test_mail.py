"""Mails over a real SMTP server."""

import aiosmtplib
import pytest
import sqlalchemy as sa

from gridlane.accounts import letters, mail
from gridlane.kernel.clock import system_clock
from gridlane.kernel.settings import Settings


@pytest.fixture
def settings(postbox, tmp_path):
    return Settings(data_dir=tmp_path, mail_url=postbox.url, mail_from="Grid <no-reply@grid.example>")


async def written(database, recipient="ada@example.org", **gaps):
    letter = letters.compose(
        "sign_up",
        "de",
        "http://localhost/app/welcome#s3cret",
        **{"name": "Ada", "organization": "Stadtwerke", **gaps},
    )
    async with database.as_owner() as work:
        return await mail.write(work, None, recipient, letter)


async def kept(database, mail_id):
    async with database.as_owner() as work:
        found = await work.execute(sa.select(mail.mails).where(mail.mails.c.id == mail_id))
        return found.mappings().one()


async def test_a_mail_arrives_once_and_its_link_is_forgotten(database, settings, postbox):
    mail_id = await written(database)
    await mail.send(database, settings, mail_id)
    await mail.send(database, settings, mail_id)
    (arrived,) = postbox.taken
    assert arrived["To"] == "ada@example.org"
    assert arrived["From"] == "Grid <no-reply@grid.example>"
    assert arrived["Subject"] == "Ihr Konto bei Stadtwerke"
    for part in ("plain", "html"):
        assert "http://localhost/app/welcome#s3cret" in arrived.get_body((part,)).get_content()
    row = await kept(database, mail_id)
    assert row["sent_at"] is not None
    assert row["text"] is None
    assert row["html"] is None


async def test_a_name_cannot_write_into_a_mail(database, settings, postbox):
    mail_id = await written(database, name="<b>Ada</b>\nBcc: all@example.org", organization="A\r\nB: c")
    await mail.send(database, settings, mail_id)
    (arrived,) = postbox.taken
    assert arrived["Bcc"] is None
    assert arrived["Subject"] == "Ihr Konto bei A B: c"
    assert "<b>" not in arrived.get_body(("html",)).get_content()


async def test_a_mail_to_nobody_is_given_up_with_what_the_server_said(database, settings, postbox):
    postbox.refuses["gone@example.org"] = "550 no such mailbox"
    mail_id = await written(database, "gone@example.org")
    await mail.send(database, settings, mail_id)
    row = await kept(database, mail_id)
    assert row["refused_at"] is not None
    assert row["trouble"] == "550 no such mailbox"
    assert await mail.send_waiting(database, settings, system_clock()) == 0


async def test_a_mailbox_that_is_full_is_tried_again(database, settings, postbox):
    postbox.refuses["full@example.org"] = "452 mailbox full"
    mail_id = await written(database, "full@example.org")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await mail.send(database, settings, mail_id)
    postbox.refuses.clear()
    assert await mail.send_waiting(database, settings, system_clock()) == 1
    assert len(postbox.taken) == 1


async def test_a_server_that_is_away_is_tried_again(database, settings, postbox):
    mail_id = await written(database)
    away = settings.model_copy(update={"mail_url": "smtp://127.0.0.1:1"})
    assert await mail.send_waiting(database, away, system_clock()) == 1
    assert (await kept(database, mail_id))["trouble"]
    assert await mail.send_waiting(database, settings, system_clock()) == 1
    assert len(postbox.taken) == 1


async def test_without_a_mail_server_mails_wait_and_are_forgotten_in_the_end(database, settings):
    mail_id = await written(database)
    nowhere = settings.model_copy(update={"mail_url": None})
    await mail.send(database, nowhere, mail_id)
    async with database.as_owner() as work:
        assert [one["id"] for one in await mail.waiting(work, system_clock())] == [mail_id]
    await mail.forget_texts(database, system_clock() + mail.TRIED_FOR)
    assert (await kept(database, mail_id))["text"] is None
