"""The versions of OCPP we speak, by the names they have as WebSocket subprotocols."""

from collections.abc import Iterable, Sequence
from enum import StrEnum


class Version(StrEnum):
    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"

    @property
    def is_2x(self) -> bool:
        """Whether 2.0.1's message framework and error codes hold."""
        return self is not Version.V16

    @property
    def package(self) -> str:
        """The folder of its messages: ``v16``, ``v201``, ``v21``."""
        return _PACKAGES[self]


_PACKAGES = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}

ALL_VERSIONS: tuple[Version, ...] = (Version.V21, Version.V201, Version.V16)


def choose_version(
    offered: Iterable[str], spoken: Sequence[Version] = ALL_VERSIONS, *, only: Version | None = None
) -> Version | None:
    """The version to agree on, or None when there is no common one.

    The station offers in its own order of preference and that order decides (OCPP 2.0.1 part 4, 3.1.2), so that
    a station which prefers 1.6 because its 2.0.1 is young gets 1.6. ``only`` pins one station to one version.
    None means: complete the handshake without a subprotocol, then close.
    """
    allowed = set(spoken) if only is None else {only} & set(spoken)
    for name in offered:
        if name.strip() in allowed:
            return Version(name.strip())
    return None
