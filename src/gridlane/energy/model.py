"""Tables of a site's power: its circuits and what hangs on them, what was promised to each EVSE, what signals say.

Circuits, EVSEs on them and a site's settings are written by the API; everything else by the one controller that holds
the site's lease. What a controller must not forget (``evse_standings``) is written before anything is sent.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.database import metadata


def _at(name: str, *, nullable: bool = True, comment: str | None = None) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _site(*, key: bool = False) -> sa.Column[object]:
    return sa.Column(
        "site_id", sa.Uuid, sa.ForeignKey("sites.id", ondelete="CASCADE"), nullable=False, primary_key=key
    )


energy_sites = sa.Table(
    "energy_sites",
    metadata,
    _site(key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("steered", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("voltage", sa.Float, nullable=False, server_default="230", comment="V, phase to neutral"),
    sa.Column("settings", JSONB, nullable=False, server_default="{}", comment="energy.settings.Settings"),
    _at("changed_at", nullable=False, comment="of settings, circuits or EVSEs"),
    # written by the controller:
    sa.Column("node", sa.Text, nullable=True, comment="the worker that steers it; null: nobody"),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    _at("lease_until"),
    _at("pictured_at"),
    sa.Column("picture", sa.Text, nullable=True, comment="JSON: what holds now, for the screens"),
    _at("planned_at"),
    sa.Column("plan", sa.Text, nullable=True, comment="JSON: the plan that is followed"),
    sa.Index(None, "organization_id"),
    comment="sites whose power is shared, who steers each, and what holds there now",
)

circuits = sa.Table(
    "circuits",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    _site(),
    sa.Column("parent_id", sa.Uuid, sa.ForeignKey("circuits.id"), nullable=True),
    sa.Column("kind", sa.Text, nullable=False, comment="connection, transformer, panel, feeder, station"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("current", sa.Float, nullable=True, comment="A of each phase; null: not limited here"),
    sa.Column("power", sa.Float, nullable=True, comment="W over all phases"),
    sa.Column("export_current", sa.Float, nullable=True, comment="A"),
    sa.Column("export_power", sa.Float, nullable=True, comment="W"),
    sa.Column("reserve", sa.Float, nullable=False, server_default="0.05", comment="share left free"),
    sa.Column("windows", JSONB, nullable=False, server_default="[]", comment="lower limits by the hour"),
    sa.Column("other_load", JSONB, nullable=True, comment="most, rise, least in A; includes_charging"),
    sa.Index(None, "site_id"),
    comment="what carries the current, from the grid connection down",
)

circuit_evses = sa.Table(
    "circuit_evses",
    metadata,
    sa.Column("evse_id", sa.Uuid, sa.ForeignKey("evses.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    _site(),
    sa.Column("circuit_id", sa.Uuid, sa.ForeignKey("circuits.id"), nullable=False),
    sa.Column("rating", sa.Float, nullable=False, comment="A of a phase it can draw, whatever it is told"),
    sa.Column("phases", sa.SmallInteger, nullable=False, server_default="3"),
    sa.Column("minimum", sa.Float, nullable=False, server_default="6", comment="A; below is only 0"),
    sa.Column("fallback", sa.Float, nullable=True, comment="A kept without us; null: none can be installed"),
    sa.Column("rotation", sa.Text, nullable=False, server_default="RST"),
    sa.Column("wiring", sa.Text, nullable=False, server_default="phase_to_neutral"),
    sa.Column("converter_power", sa.Float, nullable=True, comment="W at the vehicle; null: AC"),
    sa.Column("converter_efficiency", sa.Float, nullable=True),
    sa.Column("may_discharge", sa.Boolean, nullable=False, server_default=sa.false()),
    _at("trusted_at", comment="when a person said that it keeps its limits again"),
    sa.Index(None, "site_id"),
    sa.Index(None, "circuit_id"),
    comment="EVSEs on their circuits, with what each can draw",
)

evse_standings = sa.Table(
    "evse_standings",
    metadata,
    sa.Column("evse_id", sa.Uuid, sa.ForeignKey("evses.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    _site(),
    sa.Column("epoch", sa.BigInteger, nullable=False, comment="of the controller that wrote it"),
    _at("written_at", nullable=False),
    sa.Column("memory", sa.Text, nullable=False, comment="JSON of energy.memory.Memory"),
    sa.Index(None, "site_id"),
    comment="what each EVSE was promised and how far it is believed, stored before anything is sent",
)

circuit_loads = sa.Table(
    "circuit_loads",
    metadata,
    sa.Column("circuit_id", sa.Uuid, sa.ForeignKey("circuits.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    _site(),
    _at("at", nullable=False),
    sa.Column("l1", sa.Float, nullable=False, comment="A"),
    sa.Column("l2", sa.Float, nullable=False, comment="A"),
    sa.Column("l3", sa.Float, nullable=False, comment="A"),
    sa.Index(None, "site_id"),
    comment="the latest reading of the meter of each circuit",
)

dimmings = sa.Table(
    "dimmings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    _site(),
    sa.Column("circuit_id", sa.Uuid, sa.ForeignKey("circuits.id", ondelete="CASCADE"), nullable=False),
    sa.Column("power", sa.Float, nullable=False, comment="W that charging may take there"),
    _at("since", nullable=False),
    _at("until", nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="who said so: api, openadr"),
    sa.Index(None, "site_id", "until"),
    comment="limits that the grid operator sets for a time",
)

charging_wishes = sa.Table(
    "charging_wishes",
    metadata,
    sa.Column("charge_id", sa.Uuid, primary_key=True, comment="of the session, or of the start it came from"),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("mode", sa.Text, nullable=False, comment="now, ready_by, cheapest, greenest, solar"),
    _at("departs_at"),
    sa.Column("energy", sa.Float, nullable=True, comment="Wh"),
    _at("wished_at", nullable=False),
    comment="how drivers want to charge",
)

series_values = sa.Table(
    "series_values",
    metadata,
    _site(key=True),
    sa.Column("kind", sa.Text, primary_key=True, comment="price (per kWh), co2 (kg per kWh), sun (W)"),
    sa.Column("begins_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("organization_id", sa.Uuid, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    comment="prices, CO2 and sun ahead, as the site's sources told them",
)
