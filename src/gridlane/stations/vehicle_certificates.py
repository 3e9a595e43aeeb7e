"""Contract certificates for vehicles (M01, M02): what a vehicle asks is passed on to a contract certificate pool and
its answer passed back, both unopened. Vehicles wait for seconds only, so a pool that is slow has failed.
"""

from datetime import datetime
from typing import Any

import structlog

from gridlane.stations.decision import Ask, Commit, Question
from gridlane.stations.replies import VehicleCertificateAnswered
from gridlane.stations.reports import VehicleCertificateRequested
from gridlane.stations.state import Live

log = structlog.get_logger(__name__)

SECONDS = 4.0
FAILED = VehicleCertificateAnswered(status="Failed", exi="")


class ContractAsked(Question, frozen=True, kw_only=True):
    """Please answer this vehicle."""

    request: VehicleCertificateRequested


def certificate_requested(
    live: Live, what: VehicleCertificateRequested, _now: datetime, answer: Any
) -> Commit | Ask:
    """Get15118EVCertificate."""
    if answer is None:
        return Ask(ContractAsked(request=what))
    return Commit(live, answer)


class ContractPool:
    """Answers ``ContractAsked`` by a pool's address; Failed where none is set."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    async def __call__(self, question: ContractAsked) -> VehicleCertificateAnswered:
        if self._url is None:
            return FAILED
        import httpx2

        asked = question.request
        body: dict[str, Any] = {
            "iso15118SchemaVersion": asked.schema,
            "action": asked.action,
            "exiRequest": asked.exi,
        }
        if asked.contracts is not None:
            body |= {
                "maximumContractCertificateChains": asked.contracts,
                "prioritizedEMAIDs": list(asked.eimds),
            }
        try:
            async with httpx2.AsyncClient(timeout=SECONDS) as client:
                answer = await client.post(self._url, json=body)
                answer.raise_for_status()
                return _understood(answer.json())
        except (httpx2.HTTPError, ValueError) as trouble:
            log.warning("contract certificate pool did not answer", reason=repr(trouble))
            return FAILED

    async def close(self) -> None:
        """Nothing is kept open."""


def _understood(told: Any) -> VehicleCertificateAnswered:
    """``{"exiResponse": base64, "remainingContracts": number}``. Raises ValueError for anything else."""
    exi = told.get("exiResponse") if isinstance(told, dict) else None
    remaining = told.get("remainingContracts") if isinstance(told, dict) else None
    if not isinstance(exi, str) or not exi or not isinstance(remaining, int | None):
        raise ValueError("the pool's answer has no exiResponse")
    return VehicleCertificateAnswered(status="Accepted", exi=exi, remaining_contracts=remaining)
