"""Who answers what the handlers ask."""

from collections.abc import Mapping

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.charging.asking import Answerer as SessionAnswerer
from gridlane.charging.questions import SessionAsked
from gridlane.kernel.settings import Settings
from gridlane.stations.certificate_status import Responders, StatusAsked
from gridlane.stations.certificates import SigningAsked
from gridlane.stations.decision import Question
from gridlane.stations.dynamic_schedules import ScheduleAsked, Schedules
from gridlane.stations.owner import Answerer
from gridlane.stations.station_authority import Signer
from gridlane.stations.vehicle_certificates import ContractAsked, ContractPool


def answerers(settings: Settings, owner_url: str) -> Mapping[type[Question], Answerer]:
    """One answerer per question, each with a connection of its own."""
    return {
        SessionAsked: SessionAnswerer(owner_url, TokenCipher(settings.secret(SECRET))),
        SigningAsked: Signer(owner_url, settings),
        StatusAsked: Responders(settings.ocsp_hosts),
        ScheduleAsked: Schedules(owner_url),
        ContractAsked: ContractPool(settings.contract_pool_url),
    }
