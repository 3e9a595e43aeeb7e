"""Circuits, what hangs on them, and what was promised to whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gridlane.kernel.tenancy import protect

revision = "0070"
down_revision = "0080"

_AT = sa.DateTime(timezone=True)
TABLES = (
    "energy_sites",
    "circuits",
    "circuit_evses",
    "evse_standings",
    "circuit_loads",
    "dimmings",
    "charging_wishes",
    "series_values",
)


def upgrade() -> None:
    _sites()
    _tree()
    _control()
    _signals()
    for table in TABLES:
        protect(table, person="person_id" if table == "charging_wishes" else None)


def _organization() -> sa.Column[object]:
    return sa.Column("organization_id", sa.Uuid, nullable=False)


def _site() -> sa.Column[object]:
    return sa.Column("site_id", sa.Uuid, nullable=False)


def _of(table: str, column: str, other: str, *, cascade: bool = True) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{other}.id"],
        name=f"fk_{table}_{column}_{other}",
        ondelete="CASCADE" if cascade else None,
    )


def _sites() -> None:
    op.create_table(
        "energy_sites",
        _site(),
        _organization(),
        sa.Column("steered", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("voltage", sa.Float, nullable=False, server_default="230", comment="V, phase to neutral"),
        sa.Column("settings", JSONB, nullable=False, server_default="{}", comment="energy.settings.Settings"),
        sa.Column("changed_at", _AT, nullable=False, comment="of settings, circuits or EVSEs"),
        sa.Column("node", sa.Text, nullable=True, comment="the worker that steers it; null: nobody"),
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lease_until", _AT, nullable=True),
        sa.Column("pictured_at", _AT, nullable=True),
        sa.Column("picture", sa.Text, nullable=True, comment="JSON: what holds now, for the screens"),
        sa.Column("planned_at", _AT, nullable=True),
        sa.Column("plan", sa.Text, nullable=True, comment="JSON: the plan that is followed"),
        sa.PrimaryKeyConstraint("site_id", name="pk_energy_sites"),
        _of("energy_sites", "site_id", "sites"),
        comment="sites whose power is shared, who steers each, and what holds there now",
    )
    op.create_index("ix_energy_sites_organization_id", "energy_sites", ["organization_id"])


def _tree() -> None:
    op.create_table(
        "circuits",
        sa.Column("id", sa.Uuid, nullable=False),
        _organization(),
        _site(),
        sa.Column("parent_id", sa.Uuid, nullable=True),
        sa.Column("kind", sa.Text, nullable=False, comment="connection, transformer, panel, feeder, station"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("current", sa.Float, nullable=True, comment="A of each phase; null: not limited here"),
        sa.Column("power", sa.Float, nullable=True, comment="W over all phases"),
        sa.Column("export_current", sa.Float, nullable=True, comment="A"),
        sa.Column("export_power", sa.Float, nullable=True, comment="W"),
        sa.Column("reserve", sa.Float, nullable=False, server_default="0.05", comment="share left free"),
        sa.Column("windows", JSONB, nullable=False, server_default="[]", comment="lower limits by the hour"),
        sa.Column("other_load", JSONB, nullable=True, comment="most, rise, least in A; includes_charging"),
        sa.PrimaryKeyConstraint("id", name="pk_circuits"),
        _of("circuits", "site_id", "sites"),
        _of("circuits", "parent_id", "circuits", cascade=False),
        comment="what carries the current, from the grid connection down",
    )
    op.create_index("ix_circuits_site_id", "circuits", ["site_id"])
    op.create_table(
        "circuit_evses",
        sa.Column("evse_id", sa.Uuid, nullable=False),
        _organization(),
        _site(),
        sa.Column("circuit_id", sa.Uuid, nullable=False),
        sa.Column(
            "rating", sa.Float, nullable=False, comment="A of a phase it can draw, whatever it is told"
        ),
        sa.Column("phases", sa.SmallInteger, nullable=False, server_default="3"),
        sa.Column("minimum", sa.Float, nullable=False, server_default="6", comment="A; below is only 0"),
        sa.Column(
            "fallback", sa.Float, nullable=True, comment="A kept without us; null: none can be installed"
        ),
        sa.Column("rotation", sa.Text, nullable=False, server_default="RST"),
        sa.Column("wiring", sa.Text, nullable=False, server_default="phase_to_neutral"),
        sa.Column("converter_power", sa.Float, nullable=True, comment="W at the vehicle; null: AC"),
        sa.Column("converter_efficiency", sa.Float, nullable=True),
        sa.Column("may_discharge", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column(
            "trusted_at", _AT, nullable=True, comment="when a person said that it keeps its limits again"
        ),
        sa.PrimaryKeyConstraint("evse_id", name="pk_circuit_evses"),
        _of("circuit_evses", "evse_id", "evses"),
        _of("circuit_evses", "site_id", "sites"),
        _of("circuit_evses", "circuit_id", "circuits", cascade=False),
        comment="EVSEs on their circuits, with what each can draw",
    )
    op.create_index("ix_circuit_evses_site_id", "circuit_evses", ["site_id"])
    op.create_index("ix_circuit_evses_circuit_id", "circuit_evses", ["circuit_id"])


def _control() -> None:
    op.create_table(
        "evse_standings",
        sa.Column("evse_id", sa.Uuid, nullable=False),
        _organization(),
        _site(),
        sa.Column("epoch", sa.BigInteger, nullable=False, comment="of the controller that wrote it"),
        sa.Column("written_at", _AT, nullable=False),
        sa.Column("memory", sa.Text, nullable=False, comment="JSON of energy.memory.Memory"),
        sa.PrimaryKeyConstraint("evse_id", name="pk_evse_standings"),
        _of("evse_standings", "evse_id", "evses"),
        _of("evse_standings", "site_id", "sites"),
        comment="what each EVSE was promised and how far it is believed, stored before anything is sent",
    )
    op.create_index("ix_evse_standings_site_id", "evse_standings", ["site_id"])
    op.create_table(
        "charging_wishes",
        sa.Column(
            "charge_id", sa.Uuid, nullable=False, comment="of the session, or of the start it came from"
        ),
        _organization(),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("mode", sa.Text, nullable=False, comment="now, ready_by, cheapest, greenest, solar"),
        sa.Column("departs_at", _AT, nullable=True),
        sa.Column("energy", sa.Float, nullable=True, comment="Wh"),
        sa.Column("wished_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("charge_id", name="pk_charging_wishes"),
        comment="how drivers want to charge",
    )


def _signals() -> None:
    op.create_table(
        "circuit_loads",
        sa.Column("circuit_id", sa.Uuid, nullable=False),
        _organization(),
        _site(),
        sa.Column("at", _AT, nullable=False),
        sa.Column("l1", sa.Float, nullable=False, comment="A"),
        sa.Column("l2", sa.Float, nullable=False, comment="A"),
        sa.Column("l3", sa.Float, nullable=False, comment="A"),
        sa.PrimaryKeyConstraint("circuit_id", name="pk_circuit_loads"),
        _of("circuit_loads", "circuit_id", "circuits"),
        _of("circuit_loads", "site_id", "sites"),
        comment="the latest reading of the meter of each circuit",
    )
    op.create_index("ix_circuit_loads_site_id", "circuit_loads", ["site_id"])
    op.create_table(
        "dimmings",
        sa.Column("id", sa.Uuid, nullable=False),
        _organization(),
        _site(),
        sa.Column("circuit_id", sa.Uuid, nullable=False),
        sa.Column("power", sa.Float, nullable=False, comment="W that charging may take there"),
        sa.Column("since", _AT, nullable=False),
        sa.Column("until", _AT, nullable=False),
        sa.Column("source", sa.Text, nullable=False, comment="who said so: api, openadr"),
        sa.PrimaryKeyConstraint("id", name="pk_dimmings"),
        _of("dimmings", "site_id", "sites"),
        _of("dimmings", "circuit_id", "circuits"),
        comment="limits that the grid operator sets for a time",
    )
    op.create_index("ix_dimmings_site_id_until", "dimmings", ["site_id", "until"])
    op.create_table(
        "series_values",
        _site(),
        sa.Column("kind", sa.Text, nullable=False, comment="price (per kWh), co2 (kg per kWh), sun (W)"),
        sa.Column("begins_at", _AT, nullable=False),
        _organization(),
        sa.Column("value", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "kind", "begins_at", name="pk_series_values"),
        _of("series_values", "site_id", "sites"),
        comment="prices, CO2 and sun ahead, as the site's sources told them",
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
