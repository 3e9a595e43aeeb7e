"""Every setting of the product, its default and its meaning. Read from the environment (prefix ``GRIDLANE_``)
and from ``gridlane.env`` in the working directory; docs/operators/settings.md is written from this table.
"""

import os
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

UnknownStations = Literal["approval", "refuse", "accept"]


class Settings(BaseSettings):
    """All settings. A field's description is its line in the operator's documentation."""

    model_config = SettingsConfigDict(
        env_prefix="GRIDLANE_", env_file="gridlane.env", extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        Path(".gridlane"),
        description="Directory of everything that is kept: the embedded database, keys, uploads.",
    )
    database_url: str | None = Field(
        None,
        description="PostgreSQL >= 16 to use instead of the embedded one, as the owner of the tables "
        "(postgresql://user:password@host/name).",
    )
    database_app_url: str | None = Field(
        None,
        description="The same database as an unprivileged role for API and jobs. Without it the owner's connections "
        "take the role gridlane_app at their start.",
    )
    nats_url: str | None = Field(
        None,
        description="NATS server between processes; `gridlane up` starts a bundled one when this is empty.",
    )
    host: str = Field("127.0.0.1", description="Address the API and the screens listen on.")
    port: int = Field(8080, description="Port of the API and the screens.")
    public_url: str | None = Field(
        None, description="Address under which people reach the screens; used in links, QR codes and mails."
    )
    map_file: Path | None = Field(
        None,
        description="PMTiles archive in Protomaps' basemap schema whose streets the maps show, served from here. Empty: maps "
        "show countries and the names of places only.",
    )
    station_host: str = Field("127.0.0.1", description="Address the stations' listeners listen on.")
    station_port: int = Field(9000, description="Port for stations without TLS (ws://); 0 closes it.")
    station_tls_port: int = Field(9443, description="Port for stations with TLS (wss://); 0 closes it.")
    station_tls_certificates: list[Path] = Field(
        [],
        description="PEM files, each a server certificate chain with its key (one RSA, one ECDSA). Empty: a development "
        "authority in the data directory signs both.",
    )
    station_client_ca: Path | None = Field(
        None,
        description="PEM file of the authorities whose station certificates are accepted (security profile 3). Empty: those "
        "that an authority of our own signed.",
    )
    station_authority_url: str | None = Field(
        None,
        description="EST server (RFC 7030, https://user:password@host/.well-known/est) that signs stations' certificates. "
        "Empty: an authority of our own in the data directory does.",
    )
    v2g_authority_url: str | None = Field(
        None,
        description="EST server that signs stations' V2G certificates (ISO 15118). Empty: they are refused.",
    )
    ocsp_hosts: list[str] = Field(
        [],
        description="Hosts of OCSP responders that may be asked for stations; .example.com stands for all below it, "
        "host:8080 for another port. Empty: certificate states are not asked for.",
    )
    contract_pool_url: str | None = Field(
        None,
        description="Address that vehicles' requests for contract certificates are posted to. Empty: they fail.",
    )
    local_lists: bool = Field(
        True,
        description="Keep stations' local authorization lists in step with the tokens, so that known cards charge offline.",
    )
    station_tls_rsa_key_exchange: bool = Field(
        False,
        description="Offer the two TLS_RSA suites OCPP 2.0.1 lists. They have no forward secrecy; only for legacy stations "
        "and certification.",
    )
    station_compression: bool = Field(
        False,
        description="Offer permessage-deflate to stations (about 10 KiB more memory and twice the CPU each).",
    )
    station_message_bytes: int = Field(1_048_576, description="Largest message a station may send, in bytes.")
    station_messages_per_minute: int = Field(
        1200, description="Messages one station may send per minute before it is slowed down."
    )
    station_ping_seconds: int = Field(
        60, description="Idle seconds after which a station's socket is pinged."
    )
    station_call_seconds: int = Field(30, description="Seconds a station has to answer a call.")
    heartbeat_seconds: int = Field(300, description="Heartbeat interval given to stations at boot.")
    unknown_stations: UnknownStations = Field(
        "approval",
        description="What happens to a station nobody registered: it waits for an operator's approval, is refused at the "
        "handshake, or is accepted at once (only for closed networks).",
    )
    reveal_unknown_stations: bool = Field(
        False,
        description="Answer 404 to unknown stations as OCPP-J recommends; otherwise they get the same 401 as a wrong password.",
    )
    station_http_url: str | None = Field(
        None,
        description="Address under which stations reach the API by HTTP, for uploading logs. Empty: as people do.",
    )
    upload_bytes: int = Field(200_000_000, description="Largest file a station may upload, in bytes.")
    message_log_days: int = Field(
        30, description="Days the OCPP message log and the files that stations uploaded are kept."
    )
    reading_days: int = Field(400, description="Days single meter readings are kept; roll-ups stay.")
    roll_up_days: int = Field(3650, description="Days that sessions rolled up by hour are kept.")
    audit_days: int = Field(3650, description="Days entries of the audit log are kept.")
    mail_days: int = Field(
        30, description="Days it is kept which mails were sent; their text goes once sent."
    )
    inbox_days: int = Field(400, description="Days news in people's inboxes are kept.")
    notice_days: int = Field(400, description="Days notices are kept after their end.")
    case_days: int = Field(1095, description="Days support cases are kept after they were solved.")
    authorization_days: int = Field(400, description="Days it is kept which token was let in where.")
    sign_in_days: int = Field(30, description="Days one-time links and invitations are kept after their end.")
    log_level: str = Field("INFO", description="Least severe level that is logged.")
    log_format: Literal["console", "json"] = Field("console", description="How log lines are written.")
    otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector that traces are sent to (OTLP/HTTP)."
    )
    mail_url: str | None = Field(
        None,
        description="SMTP server for mails: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465. "
        "Empty: mails wait for two days, and `gridlane admin mails` prints them.",
    )
    mail_from: str = Field("Gridlane <no-reply@localhost>", description="Sender of mails.")
    webhooks_to_private_networks: bool = Field(
        False,
        description="Whether webhooks and push may go to addresses inside a private network, and without TLS, and identity providers "
        "may be there.",
    )
    stripe_api_key: str | None = Field(
        None, description="Secret key of Stripe for payments by card. Empty: only the wallet pays."
    )
    stripe_publishable_key: str | None = Field(
        None, description="Key of Stripe that the payment form in the driver's browser uses."
    )
    stripe_webhook_secret: str | None = Field(
        None,
        description="Secret that Stripe signs its events with; they come to /api/v1/provider-events/stripe.",
    )
    stripe_url: str | None = Field(
        None,
        description="Another server that speaks Stripe's API, such as a local one for trying things out.",
    )
    currency: str = Field("EUR", description="Currency of a new organization.")
    time_zone: str = Field("Europe/Berlin", description="Time zone of a new site.")
    demo: bool = Field(False, description="Run the demo network (set by `gridlane up --demo`).")

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"

    def secret(self, name: str) -> bytes:
        """A key of this installation (32 random bytes), made at its first use and kept in the data directory."""
        path = self.secrets_dir / name
        if not path.exists():
            self.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_new(path, secrets.token_bytes(32))
        return path.read_bytes()

    def address(self) -> str:
        """Where people find the screens."""
        return self.public_url or f"http://{self.host}:{self.port}"


def _write_new(path: Path, content: bytes) -> None:
    """Create a private file, or leave the one another process made in the same moment."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
