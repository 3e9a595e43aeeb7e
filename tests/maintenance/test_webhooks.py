import hashlib
import hmac

import pytest

from gridlane.kernel.clock import system_clock
from gridlane.kernel.ids import new_id
from gridlane.kernel.settings import Settings
from gridlane.maintenance import webhooks


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://user@example.org/",
        "https://192.168.1.1/",
        "ftp://example.org/",
        "https:///nowhere",
        "file:///etc/passwd",
    ],
)
def test_a_webhook_never_goes_inside(settings, url):
    with pytest.raises(webhooks.WebhookAddressRefused):
        webhooks.check(url, settings)


def test_an_address_of_the_open_internet_is_fine(settings):
    webhooks.check("https://example.org:8443/hook?x=1", settings)


async def test_a_name_that_points_inside_is_not_called(settings):
    with pytest.raises(webhooks.WebhookFailed, match="private network"):
        await webhooks.send(settings, new_id(), "https://localhost/hook", b"{}", system_clock())


def test_the_signature_can_be_checked_by_its_receiver(settings):
    now, secret = system_clock(), webhooks.secret_of(settings, new_id())
    told = dict(part.split("=") for part in webhooks.signature(secret, b'{"a":1}', now).split(","))
    expected = hmac.new(secret.encode(), f"{told['t']}.".encode() + b'{"a":1}', hashlib.sha256)
    assert told["v1"] == expected.hexdigest()


def test_every_rule_has_a_secret_of_its_own(settings):
    assert webhooks.secret_of(settings, new_id()) != webhooks.secret_of(settings, new_id())
