"""OCPP 2.0.1."""

from typing import Final

from gridlane.stations.dialects.dialect import Tables
from gridlane.stations.dialects.v2x.commands import PHRASES
from gridlane.stations.dialects.v2x.replies import RESPONSES, UNHANDLED
from gridlane.stations.dialects.v2x.reports import REPORTS

TABLES: Final = Tables(REPORTS, RESPONSES, UNHANDLED, PHRASES)
