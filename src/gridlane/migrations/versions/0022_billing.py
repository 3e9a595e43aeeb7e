"""Agreements, bills, the ledger, payments, wallets, documents, checkouts, plans and promotions."""

import sqlalchemy as sa
from alembic import op

from gridlane.kernel.tenancy import protect

revision = "0022"
down_revision = "0021"

_AT = sa.DateTime(timezone=True)

ORGANIZATIONS_ONLY = (
    "ledger_transfers",
    "ledger_entries",
    "settlements",
    "invoice_series",
    "money_tasks",
    "provider_events",
    "refunds",
    "vouchers",
    "checkouts",
    "plans",
    "plan_usages",
    "promotions",
    "free_vends",
)
ALSO_THE_PERSONS_OWN = (
    "agreements",
    "bills",
    "payment_sources",
    "payments",
    "wallets",
    "wallet_movements",
    "documents",
    "subscriptions",
    "promotion_uses",
)


def upgrade() -> None:
    _bills()
    _ledger()
    _payments()
    _papers()
    _plans()
    for table in ORGANIZATIONS_ONLY:
        protect(table)
    for table in ALSO_THE_PERSONS_OWN:
        protect(table, person="person_id")
    _keep_the_ledger()


def _keep_the_ledger() -> None:
    """Entries balance at commit, and stay: whoever would change them, the tables' owner too, is refused."""
    op.execute("REVOKE UPDATE, DELETE ON ledger_transfers, ledger_entries, bills FROM gridlane_app")
    op.execute("REVOKE DELETE ON documents, payments FROM gridlane_app")
    op.execute("""
        CREATE FUNCTION ledger_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT count(*) < 2 FROM ledger_entries WHERE transfer_id = NEW.transfer_id) OR EXISTS (
            SELECT FROM ledger_entries WHERE transfer_id = NEW.transfer_id GROUP BY currency HAVING sum(amount) <> 0)
          THEN
            RAISE EXCEPTION 'transfer % does not balance', NEW.transfer_id USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$""")
    op.execute(
        "CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger_entries "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_must_balance()"
    )
    op.execute("""
        CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
        END $$""")
    for table in ("ledger_transfers", "ledger_entries"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        )


def _bills() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.Column("request_id", sa.Uuid, nullable=True, comment="of a start by app or checkout"),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("tariff_id", sa.Uuid, nullable=False),
        sa.Column("version_id", sa.Uuid, nullable=False),
        sa.Column("tariff", sa.Text, nullable=False, comment="JSON of tariffs.exchange, frozen"),
        sa.Column("terms", sa.Text, nullable=False, comment="JSON of billing.plans.Terms"),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("agreed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agreements"),
        sa.UniqueConstraint("request_id", name="uq_agreements_request_id"),
        sa.UniqueConstraint("session_id", name="uq_agreements_session_id"),
        comment="what a session costs, fixed at its start",
    )
    op.create_table(
        "bills",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.SmallInteger, nullable=False, comment="the latest counts; each is kept"),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.rating.Bill"),
        sa.Column(
            "periods", sa.Text, nullable=False, comment="JSON of tariffs.session.Period: what was rated"
        ),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("net", sa.Numeric, nullable=False),
        sa.Column("tax", sa.Numeric, nullable=False),
        sa.Column("rated_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bills"),
        sa.UniqueConstraint("session_id", "revision", name="uq_bills_session_id_revision"),
    )
    op.create_index("ix_bills_organization_id_rated_at", "bills", ["organization_id", "rated_at"])
    op.create_table(
        "settlements",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="billing.settlement.State"),
        sa.Column("bill_id", sa.Uuid, nullable=True),
        sa.Column("document_id", sa.Uuid, nullable=True),
        sa.Column("trouble", sa.Text, nullable=True, comment="why it waits, for people"),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_settlements"),
    )
    op.create_index("ix_settlements_organization_id_state", "settlements", ["organization_id", "state"])


def _ledger() -> None:
    op.create_table(
        "ledger_transfers",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False, comment="names the event once and for all"),
        sa.Column("at", _AT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_transfers"),
        sa.UniqueConstraint("organization_id", "key", name="uq_ledger_transfers_organization_id_key"),
    )
    op.create_index("ix_ledger_transfers_session_id", "ledger_transfers", ["session_id"])
    op.create_table(
        "ledger_entries",
        sa.Column("transfer_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.SmallInteger, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("account", sa.Text, nullable=False, comment="billing.ledger.AccountKind"),
        sa.Column("holder_id", sa.Uuid, nullable=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False, comment="debit positive, credit negative"),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["ledger_transfers.id"], name="fk_ledger_entries_transfer_id"
        ),
        sa.PrimaryKeyConstraint("transfer_id", "position", name="pk_ledger_entries"),
    )
    op.create_index(
        "ix_ledger_entries_organization_id_account_holder_id",
        "ledger_entries",
        ["organization_id", "account", "holder_id"],
    )


def _payments() -> None:
    op.create_table(
        "payment_sources",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("customer", sa.Text, nullable=False, comment="the provider's id; never a card number"),
        sa.Column("method", sa.Text, nullable=True, comment="the provider's id; null until set up"),
        sa.Column("label", sa.Text, server_default="", nullable=False, comment="visa 4242"),
        sa.Column("is_default", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payment_sources"),
    )
    op.create_index("ix_payment_sources_person_id", "payment_sources", ["person_id"])
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column(
            "payer_id", sa.Uuid, nullable=False, comment="the holder in the ledger: person or checkout"
        ),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.Column("purpose", sa.Text, nullable=False, comment="session, top_up, plan"),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False, comment="JSON of billing.payments.Source"),
        sa.Column("state", sa.Text, nullable=False, comment="billing.payments.PaymentState"),
        sa.Column("reference", sa.Text, nullable=True, comment="the provider's id of the payment"),
        sa.Column(
            "next_step", sa.Text, nullable=True, comment="what the driver's browser needs to confirm it"
        ),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("held", sa.Numeric, nullable=False),
        sa.Column("wanted", sa.Numeric, server_default="0", nullable=False, comment="what is being captured"),
        sa.Column("captured", sa.Numeric, server_default="0", nullable=False),
        sa.Column("refunded", sa.Numeric, server_default="0", nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.CheckConstraint(
            "captured <= held AND refunded <= captured", name="ck_payments_never_more_than_held"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
    )
    op.create_index("ix_payments_provider_reference", "payments", ["provider", "reference"])
    op.create_index("ix_payments_session_id", "payments", ["session_id"])
    op.create_index(
        "ix_payments_under_way", "payments", ["changed_at"], postgresql_where=sa.text("state LIKE '%ing'")
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, comment="refunding, refunded, failed"),
        sa.Column("created_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_refunds_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"])
    op.create_table(
        "provider_events",
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column(
            "event_id", sa.Text, nullable=False, comment="an event counts once, however often it is sent"
        ),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("received_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name="pk_provider_events"),
    )
    op.create_table(
        "wallets",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("balance", sa.Numeric, server_default="0", nullable=False),
        sa.Column("held", sa.Numeric, server_default="0", nullable=False),
        sa.CheckConstraint("held >= 0 AND balance >= held", name="ck_wallets_holds_are_covered"),
        sa.PrimaryKeyConstraint("organization_id", "person_id", "currency", name="pk_wallets"),
    )
    op.create_table(
        "wallet_movements",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False, comment="idempotency: a movement happens once"),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column(
            "kind", sa.Text, nullable=False, comment="hold, raise, capture, release, refund, top_up, voucher"
        ),
        sa.Column("reference", sa.Text, nullable=False, comment="the hold it belongs to, or its own key"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_wallet_movements"),
    )
    op.create_index("ix_wallet_movements_person_id_at", "wallet_movements", ["person_id", "at"])
    op.create_index("ix_wallet_movements_reference", "wallet_movements", ["reference"])
    op.create_table(
        "vouchers",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("hint", sa.Text, nullable=False, comment="the last four characters"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("expires_at", _AT, nullable=True),
        sa.Column("redeemed_by", sa.Uuid, nullable=True),
        sa.Column("redeemed_at", _AT, nullable=True),
        sa.CheckConstraint("amount > 0", name="ck_vouchers_gives_something"),
        sa.PrimaryKeyConstraint("id", name="pk_vouchers"),
        sa.UniqueConstraint("code_hash", name="uq_vouchers_code_hash"),
    )
    op.create_table(
        "checkouts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False, comment="of the link the guest keeps"),
        sa.Column("station_id", sa.Uuid, nullable=False),
        sa.Column("evse", sa.SmallInteger, nullable=False),
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("payment_id", sa.Uuid, nullable=True),
        sa.Column("request_id", sa.Uuid, nullable=True),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.Column("email", sa.Text, nullable=True, comment="for the receipt; the guest may leave it out"),
        sa.Column("state", sa.Text, nullable=False, comment="billing.checkout.Step"),
        sa.Column("trouble", sa.Text, nullable=True),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("changed_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checkouts"),
        sa.UniqueConstraint("secret_hash", name="uq_checkouts_secret_hash"),
    )
    op.create_index("ix_checkouts_request_id", "checkouts", ["request_id"])
    op.create_index("ix_checkouts_session_id", "checkouts", ["session_id"])


def _papers() -> None:
    op.create_table(
        "invoice_series",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("year", sa.SmallInteger, nullable=False),
        sa.Column("last", sa.Integer, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "prefix", "year", name="pk_invoice_series"),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("session_id", sa.Uuid, nullable=True),
        sa.Column("kind", sa.Text, nullable=False, comment="invoice, receipt, credit_note"),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("corrects_id", sa.Uuid, nullable=True),
        sa.Column("issued_at", _AT, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("gross", sa.Numeric, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.invoicing.Document"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("organization_id", "number", name="uq_documents_organization_id_number"),
    )
    op.create_index("ix_documents_person_id_issued_at", "documents", ["person_id", "issued_at"])
    op.create_index("ix_documents_session_id", "documents", ["session_id"])
    op.create_table(
        "money_tasks",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column(
            "subject_id", sa.Uuid, nullable=False, comment="the session, payment or person it is about"
        ),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("opened_at", _AT, nullable=False),
        sa.Column("resolved_at", _AT, nullable=True),
        sa.Column("resolution", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_money_tasks"),
        comment="differences a person has to look at",
    )
    op.create_index(
        "uq_money_tasks_open",
        "money_tasks",
        ["kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.plans.Plan"),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("archived_at", _AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("plan_id", sa.Uuid, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=True, comment="exclusive"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_subscriptions_plan_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
    )
    op.create_index("ix_subscriptions_person_id", "subscriptions", ["person_id"])
    op.create_table(
        "plan_usages",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("subscription_id", sa.Uuid, nullable=False),
        sa.Column("month", sa.Date, nullable=False, comment="its first day"),
        sa.Column("energy", sa.Float, nullable=False, comment="Wh that the plan gave"),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="fk_plan_usages_subscription_id"
        ),
        sa.PrimaryKeyConstraint("session_id", name="pk_plan_usages"),
    )
    op.create_index("ix_plan_usages_subscription_id_month", "plan_usages", ["subscription_id", "month"])
    op.create_table(
        "promotions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text, nullable=False, comment="upper case"),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.plans.Promotion"),
        sa.PrimaryKeyConstraint("id", name="pk_promotions"),
        sa.UniqueConstraint("organization_id", "code", name="uq_promotions_organization_id_code"),
    )
    op.create_table(
        "promotion_uses",
        sa.Column("agreement_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("promotion_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=True),
        sa.Column("used_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["promotion_id"], ["promotions.id"], name="fk_promotion_uses_promotion_id"),
        sa.PrimaryKeyConstraint("agreement_id", name="pk_promotion_uses"),
    )
    op.create_index(
        "ix_promotion_uses_promotion_id_person_id", "promotion_uses", ["promotion_id", "person_id"]
    )
    op.create_table(
        "free_vends",
        sa.Column("site_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.plans.FreeVend"),
        sa.Column("valid_until", _AT, nullable=True),
        sa.PrimaryKeyConstraint("site_id", name="pk_free_vends"),
    )


def downgrade() -> None:
    for table in (
        "free_vends",
        "promotion_uses",
        "promotions",
        "plan_usages",
        "subscriptions",
        "plans",
        "money_tasks",
        "documents",
        "invoice_series",
        "checkouts",
        "vouchers",
        "wallet_movements",
        "wallets",
        "provider_events",
        "refunds",
        "payments",
        "payment_sources",
        "ledger_entries",
        "ledger_transfers",
        "settlements",
        "bills",
        "agreements",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION ledger_must_balance, ledger_is_append_only")
