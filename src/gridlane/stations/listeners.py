"""The listeners a gateway opens, from the installation's settings."""

from pathlib import Path

from gridlane.kernel.clock import system_clock
from gridlane.kernel.settings import Settings
from gridlane.stations.development_authority import ensure_development_chains
from gridlane.stations.station_authority import authority_file, station_authority
from gridlane.stations.transport.link import Door
from gridlane.stations.transport.listening import Listener
from gridlane.stations.transport.picows_listener import picows_listener
from gridlane.stations.transport.settings import ClientCertificates, Limits, ListenerSettings, TlsSettings
from gridlane.stations.transport.websockets_listener import websockets_listener


async def open_listeners(settings: Settings, door: Door) -> list[Listener]:
    """Open the plain and the TLS port. Raises OSError when one is taken, TlsFileUnusable for a bad file."""
    opened: list[Listener] = []
    for listener_settings in wanted(settings):
        make = websockets_listener if listener_settings.compression else picows_listener
        listener = make(listener_settings, door)
        await listener.open()
        opened.append(listener)
    return opened


def wanted(settings: Settings) -> list[ListenerSettings]:
    limits = Limits(message_bytes=settings.station_message_bytes, ping_seconds=settings.station_ping_seconds)
    found: list[ListenerSettings] = []
    if settings.station_port:
        found.append(
            ListenerSettings(
                "plain",
                settings.station_host,
                settings.station_port,
                compression=settings.station_compression,
                reuse_port=True,
                limits=limits,
            )
        )
    if settings.station_tls_port:
        found.append(
            ListenerSettings(
                "tls",
                settings.station_host,
                settings.station_tls_port,
                tls=tls(settings),
                compression=settings.station_compression,
                reuse_port=True,
                limits=limits,
            )
        )
    return found


def tls(settings: Settings) -> TlsSettings:
    """The named certificates, or a development authority's in the data directory."""
    if settings.station_tls_certificates:
        chains: tuple[tuple[Path, Path], ...] = tuple(
            (file, file) for file in settings.station_tls_certificates
        )
    else:
        hosts = [settings.station_host, "localhost", "127.0.0.1"]
        chains = ensure_development_chains(
            settings.data_dir / "tls", list(dict.fromkeys(hosts)), system_clock()
        )
    if settings.station_client_ca is None:
        station_authority(settings, system_clock())  # what it will sign must be trusted from the start
    return TlsSettings(
        chains=chains,
        client_certificates=ClientCertificates.WELCOME,
        client_authorities=settings.station_client_ca or authority_file(settings),
        tls_rsa=settings.station_tls_rsa_key_exchange,
    )
