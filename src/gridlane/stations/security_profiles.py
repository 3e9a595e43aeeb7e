"""Stations that move up to a safer security profile (2.0.1 A05, the security extension of 1.6): both are let in until
the station first comes by the new one, then that one alone. Nothing here ever moves a station down.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from gridlane.kernel.facts import Fact
from gridlane.kernel.group_commit import RecordSink
from gridlane.stations import commands as c
from gridlane.stations.commands import Answer
from gridlane.stations.decision import Commit, report_fact
from gridlane.stations.dialects.configuration_keys import variable_of
from gridlane.stations.state import Live

HIGHEST = 3


class SecurityProfileRaised(Fact, frozen=True, kw_only=True, tag="security_profile_raised"):
    """A station came by a safer security profile for the first time; the one before is over."""

    profile: int


class ProfileRow(msgspec.Struct):
    id: UUID
    profile: int
    changed_at: datetime


AWAITED = RecordSink(
    "stations awaited security profile",
    b"""
    UPDATE stations s SET next_security_profile = new.profile, changed_at = new.changed_at
    FROM json_to_recordset($1::json) AS new(id uuid, profile smallint, changed_at timestamptz)
    WHERE s.id = new.id AND s.security_profile < new.profile
    """,
)
RAISED = RecordSink(
    "stations raised security profile",
    b"""
    UPDATE stations s SET security_profile = new.profile, next_security_profile = NULL, changed_at = new.changed_at
    FROM json_to_recordset($1::json) AS new(id uuid, profile smallint, changed_at timestamptz)
    WHERE s.id = new.id AND s.security_profile < new.profile
    """,
)


def network_profile_taken(live: Live, command: c.SetNetworkProfile, answer: Answer, now: datetime) -> Commit:
    """SetNetworkProfile (A05, B09): the profile it will come by, if the station is to use what it stored."""
    profile = command.data.get("securityProfile")
    return _awaited(live, profile if answer.agreed and isinstance(profile, int) else None, now)


def variable_taken(live: Live, command: c.SetVariables, answer: Answer, now: datetime) -> Commit:
    """ChangeConfiguration of SecurityProfile: the way of 1.6."""
    told = None
    if answer.agreed:
        for one in command.variables:
            if variable_of(one.component, one.variable) == ("SecurityCtrlr", "SecurityProfile"):
                value = one.value or ""
                told = int(value) if value.isdecimal() else None
    return _awaited(live, told, now)


def raised(live: Live, profile: int, now: datetime) -> Commit:
    """The station has come by the profile that was awaited."""
    row = ProfileRow(live.station.id, profile, now)
    return Commit(
        live, rows=[(RAISED, row)], facts=[report_fact(live, SecurityProfileRaised(profile=profile), now)]
    )


def _awaited(live: Live, profile: int | None, now: datetime) -> Commit:
    if profile is None or not 0 < profile <= HIGHEST:
        return Commit(live)
    return Commit(live, rows=[(AWAITED, ProfileRow(live.station.id, profile, now))])
