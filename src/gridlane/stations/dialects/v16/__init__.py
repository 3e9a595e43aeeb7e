"""OCPP 1.6J: the core specification, its security extension, and Plug & Charge inside DataTransfer.

Its connector ``n`` is EVSE ``n`` with connector 1; connector 0 is the station.
"""

from typing import Final

from gridlane.stations.dialects.dialect import Tables
from gridlane.stations.dialects.v16.commands import PHRASES
from gridlane.stations.dialects.v16.plug_and_charge import CARRIED
from gridlane.stations.dialects.v16.replies import RESPONSES, UNHANDLED
from gridlane.stations.dialects.v16.reports import REPORTS

TABLES: Final = Tables(REPORTS, RESPONSES, UNHANDLED, PHRASES, CARRIED)
