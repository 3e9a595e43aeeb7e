"""Who answers what the handlers ask."""

from collections.abc import Mapping

from gridlane.accounts.tokens import SECRET, TokenCipher
from gridlane.charging.asking import Answerer as SessionAnswerer
from gridlane.charging.questions import SessionAsked
from gridlane.kernel.settings import Settings
from gridlane.stations.decision import Question
from gridlane.stations.owner import Answerer


def answerers(settings: Settings, owner_url: str) -> Mapping[type[Question], Answerer]:
    """One answerer per question, each with a connection of its own."""
    return {SessionAsked: SessionAnswerer(owner_url, TokenCipher(settings.secret(SECRET)))}
