"""What screens show of running sessions."""

from typing import Any

from gridlane.charging.state import ChargingState, Session


def running_sessions(charging: ChargingState) -> list[dict[str, Any]]:
    """The open sessions of a station as the screens show them."""
    return [shown(one) for one in charging.sessions.values() if one.is_open]


def shown(session: Session) -> dict[str, Any]:
    progress = session.progress
    return {
        "id": session.id,
        "evse": session.evse,
        "connector": session.connector,
        "started_at": session.started_at,
        "energy": progress.energy,
        "power": progress.power,
        "soc": progress.soc,
        "charging_state": progress.charging_state,
        "token_last4": session.token_last4,
        "refused": session.refused,
        "held": session.is_held,
    }
