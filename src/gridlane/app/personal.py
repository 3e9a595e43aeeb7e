"""What is held of people in the whole system, package by package, and how long: the map for privacy."""

import sqlalchemy as sa

from gridlane.accounts import personal as accounts
from gridlane.billing import personal as billing
from gridlane.campaigns.model import campaigns
from gridlane.charging import personal as charging
from gridlane.energy import personal as energy
from gridlane.insight.model import excluded_downtime, report_schedules
from gridlane.kernel.personal import After, Holding, Person, Share, signed_by
from gridlane.maintenance.model import (
    alert_rules,
    alerts,
    incident_steps,
    incidents,
    maintenance_windows,
    playbook_choices,
)
from gridlane.planning.model import planning_plans, planning_scenarios
from gridlane.stations.model import operations
from gridlane.support import personal as support
from gridlane.tariffs.model import tariff_versions
from gridlane.waiting import personal as waiting


def _without(person: Person) -> sa.ColumnElement[str]:
    listed = sa.cast(report_schedules.c.recipients, sa.dialects.postgresql.JSONB)
    return sa.cast(listed.op("-")(person.email), sa.Text)


AT_WORK = Share(
    (
        Holding(report_schedules, ("recipients",), After.NAMELESS, blank={"recipients": _without}),
        *signed_by(
            operations.c.actor,
            tariff_versions.c.published_by,
            campaigns.c.created_by,
            incidents.c.acknowledged_by,
            incident_steps.c.actor,
            alerts.c.acknowledged_by,
            alert_rules.c.created_by,
            playbook_choices.c.changed_by,
            maintenance_windows.c.created_by,
            excluded_downtime.c.created_by,
            report_schedules.c.created_by,
            planning_scenarios.c.created_by,
            planning_plans.c.created_by,
        ),
    )
)
"""What somebody did for the network: it stays, without the name."""

SHARES = (
    AT_WORK,
    support.SHARE,
    waiting.SHARE,
    energy.SHARE,
    charging.SHARE,
    billing.SHARE,
    accounts.SHARE,
)
"""In the order in which rows go: what belongs to something else first, the person last."""

RETENTION = (*accounts.RETENTION, *charging.RETENTION, *support.RETENTION)
