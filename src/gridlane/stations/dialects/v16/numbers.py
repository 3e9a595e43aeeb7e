"""How OCPP 1.6 numbers places and transactions."""

from gridlane.stations.dialects.dialect import Unsupported


def connector_of(evse: int, connector: int | None) -> int:
    """The connector that is an EVSE's only one."""
    if evse and connector not in (None, 1):
        raise Unsupported(reason="OCPP 1.6 numbers connectors through: each is connector 1 of its own EVSE")
    return evse


def transaction_of(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise Unsupported(reason="OCPP 1.6 knows transactions by numbers only") from None
