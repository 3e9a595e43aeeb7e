"""A real mail server, and browsers that come in through the API of a real application."""

import email
import re
from collections.abc import AsyncIterator, Iterator
from email import policy

import httpx2
import pytest
from aiosmtpd.controller import Controller
from fastapi import FastAPI

from gridlane.accounts import mail
from gridlane.app import api as api_role
from gridlane.app.supervisor import free_port
from gridlane.kernel import bus as buses
from gridlane.kernel.settings import Settings

PASSWORD = "correct horse battery staple"


class Postbox:
    """What a mail server took; ``refuses`` are recipients that it does not know."""

    def __init__(self) -> None:
        self.taken: list[email.message.EmailMessage] = []
        self.refuses: dict[str, str] = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (aiosmtpd's name)
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
        self.taken.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    box.url = f"smtp://127.0.0.1:{port}"
    yield box
    controller.stop()


class House:
    """An application over a real database; ``visitor()`` is a browser with cookies of its own."""

    def __init__(self, app: FastAPI, database, settings: Settings) -> None:
        self.app, self.database, self.settings = app, database, settings

    def visitor(self, *, address: str = "192.0.2.7", **headers: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(self.app, client=(address, 4711))
        return httpx2.AsyncClient(transport=transport, base_url="http://localhost/api/v1", headers=headers)

    async def letters(self, recipient: str) -> list[str]:
        """The texts of the mails that wait for somebody, the oldest first."""
        async with self.database.as_owner() as work:
            found = (
                (await work.execute(mail.mails.select().order_by(mail.mails.c.created_at))).mappings().all()
            )
        return [one["text"] for one in found if one["recipient"] == recipient]

    async def link(self, recipient: str) -> str:
        """The secret of the newest link that was mailed to somebody."""
        return re.findall(r"#([\w-]+)", (await self.letters(recipient))[-1])[-1]

    async def driver(self, address: str = "ada@example.org", name: str = "Ada") -> httpx2.AsyncClient:
        """Somebody who signed up, signed in."""
        visitor = self.visitor()
        await visitor.post("/sign-up", json={"email": address, "name": name})
        token = await self.link(address)
        answer = await visitor.post("/links/accept", json={"token": token, "password": PASSWORD})
        assert answer.json() == {"signed_in": True}, answer.text
        return visitor

    async def owner(self) -> httpx2.AsyncClient:
        """The installation's first person, signed in."""
        from gridlane.accounts import setting_up

        visitor = self.visitor()
        wish = {"token": await setting_up.new_link(self.database), "organization": "Grid", "name": "Olga"}
        answer = await visitor.post(
            "/set-up", json={**wish, "email": "olga@example.org", "password": PASSWORD}
        )
        assert answer.status_code == 204, answer.text
        return visitor


@pytest.fixture
async def house(database, database_url, tmp_path) -> AsyncIterator[House]:
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    app = await api_role.make(settings, buses.LocalBus())
    async with app.router.lifespan_context(app):  # its end ends what the application has started
        yield House(app, database, settings)
