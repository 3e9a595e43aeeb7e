"""Tables of the money. Amounts are ``numeric`` in whole currency units, always beside their currency.

The ledger is append-only and balances by constraint: a deferred trigger refuses a transaction that leaves a transfer
unbalanced, and nobody, the tables' owner included, may change or remove an entry. Numbers of documents have no gaps:
the counter row of a series is locked until the document with the number is committed.
"""

import sqlalchemy as sa

from gridlane.kernel.database import metadata


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid, primary_key=True)


def _organization(*, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column("organization_id", sa.Uuid, nullable=False, primary_key=primary_key)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


agreements = sa.Table(
    "agreements",
    metadata,
    _id(),
    _organization(),
    sa.Column("session_id", sa.Uuid, nullable=True, unique=True),
    sa.Column("request_id", sa.Uuid, nullable=True, unique=True, comment="of a start by app or checkout"),
    sa.Column("station_id", sa.Uuid, nullable=True),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("tariff_id", sa.Uuid, nullable=False),
    sa.Column("version_id", sa.Uuid, nullable=False),
    sa.Column("tariff", sa.Text, nullable=False, comment="JSON of tariffs.exchange, frozen"),
    sa.Column("terms", sa.Text, nullable=False, comment="JSON of billing.plans.Terms"),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="the fleet whose account pays, if any"),
    _at("agreed_at"),
    sa.Index(
        "ix_agreements_quoted", "person_id", "station_id", postgresql_where=sa.text("session_id IS NULL")
    ),
    comment="what a session costs, fixed at its start",
)

bills = sa.Table(
    "bills",
    metadata,
    _id(),
    _organization(),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("revision", sa.SmallInteger, nullable=False, comment="the latest counts; each is kept"),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.rating.Bill"),
    sa.Column("periods", sa.Text, nullable=False, comment="JSON of tariffs.session.Period: what was rated"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("net", sa.Numeric, nullable=False),
    sa.Column("tax", sa.Numeric, nullable=False),
    _at("rated_at"),
    sa.UniqueConstraint("session_id", "revision"),
    sa.Index(None, "organization_id", "rated_at"),
)

ledger_transfers = sa.Table(
    "ledger_transfers",
    metadata,
    _id(),
    _organization(),
    sa.Column("key", sa.Text, nullable=False, comment="names the event once and for all"),
    _at("at"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.UniqueConstraint("organization_id", "key"),
    sa.Index(None, "session_id"),
)

ledger_entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("transfer_id", sa.Uuid, sa.ForeignKey("ledger_transfers.id"), primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    _organization(),
    sa.Column("account", sa.Text, nullable=False, comment="billing.ledger.AccountKind"),
    sa.Column("holder_id", sa.Uuid, nullable=True),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False, comment="debit positive, credit negative"),
    sa.Index(None, "organization_id", "account", "holder_id"),
)

wallets = sa.Table(
    "wallets",
    metadata,
    _organization(primary_key=True),
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("balance", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("held", sa.Numeric, nullable=False, server_default="0"),
    sa.CheckConstraint("held >= 0 AND balance >= held", name="holds_are_covered"),
)

wallet_movements = sa.Table(
    "wallet_movements",
    metadata,
    _organization(),
    sa.Column("key", sa.Text, primary_key=True, comment="idempotency: a movement happens once"),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="hold, raise, capture, release, refund, top_up, voucher"
    ),
    sa.Column("reference", sa.Text, nullable=False, comment="the hold it belongs to, or its own key"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    _at("at"),
    sa.Index(None, "reference"),
    sa.Index(None, "person_id", "at"),
)

vouchers = sa.Table(
    "vouchers",
    metadata,
    _id(),
    _organization(),
    sa.Column("code_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("hint", sa.Text, nullable=False, comment="the last four characters"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    _at("expires_at", nullable=True),
    sa.Column("redeemed_by", sa.Uuid, nullable=True),
    _at("redeemed_at", nullable=True),
    sa.CheckConstraint("amount > 0", name="gives_something"),
)

payment_sources = sa.Table(
    "payment_sources",
    metadata,
    _id(),
    _organization(),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("customer", sa.Text, nullable=False, comment="the provider's id; never a card number"),
    sa.Column("method", sa.Text, nullable=True, comment="the provider's id; null until set up"),
    sa.Column("label", sa.Text, nullable=False, server_default="", comment="visa 4242"),
    sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
    _at("created_at"),
    sa.Index(None, "person_id"),
)

payments = sa.Table(
    "payments",
    metadata,
    _id(),
    _organization(),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("payer_id", sa.Uuid, nullable=False, comment="the holder in the ledger: person or checkout"),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Column("purpose", sa.Text, nullable=False, comment="session, top_up, plan"),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="JSON of billing.payments.Source"),
    sa.Column("state", sa.Text, nullable=False, comment="billing.payments.PaymentState"),
    sa.Column("reference", sa.Text, nullable=True, comment="the provider's id of the payment"),
    sa.Column("next_step", sa.Text, nullable=True, comment="what the driver's browser needs to confirm it"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("held", sa.Numeric, nullable=False),
    sa.Column("wanted", sa.Numeric, nullable=False, server_default="0", comment="what is being captured"),
    sa.Column("captured", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("refunded", sa.Numeric, nullable=False, server_default="0"),
    _at("created_at"),
    _at("changed_at"),
    sa.CheckConstraint("captured <= held AND refunded <= captured", name="never_more_than_held"),
    sa.Index(None, "session_id"),
    sa.Index(None, "provider", "reference"),
    sa.Index("ix_payments_under_way", "changed_at", postgresql_where=sa.text("state LIKE '%ing'")),
)

refunds = sa.Table(
    "refunds",
    metadata,
    _id(),
    _organization(),
    sa.Column("payment_id", sa.Uuid, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="refunding, refunded, failed"),
    _at("created_at"),
    sa.Index(None, "payment_id"),
)

provider_events = sa.Table(
    "provider_events",
    metadata,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column(
        "event_id", sa.Text, primary_key=True, comment="an event counts once, however often it is sent"
    ),
    _organization(),
    sa.Column("kind", sa.Text, nullable=False),
    _at("created_at"),
    _at("received_at"),
)

settlements = sa.Table(
    "settlements",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("state", sa.Text, nullable=False, comment="billing.settlement.State"),
    sa.Column("bill_id", sa.Uuid, nullable=True),
    sa.Column("document_id", sa.Uuid, nullable=True),
    sa.Column("trouble", sa.Text, nullable=True, comment="why it waits, for people"),
    _at("changed_at"),
    sa.Index(None, "organization_id", "state"),
)

invoice_series = sa.Table(
    "invoice_series",
    metadata,
    _organization(primary_key=True),
    sa.Column("prefix", sa.Text, primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True),
    sa.Column("last", sa.Integer, nullable=False, server_default="0"),
)

documents = sa.Table(
    "documents",
    metadata,
    _id(),
    _organization(),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Column("kind", sa.Text, nullable=False, comment="invoice, receipt, credit_note"),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("corrects_id", sa.Uuid, nullable=True),
    sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("gross", sa.Numeric, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.invoicing.Document"),
    sa.UniqueConstraint("organization_id", "number"),
    sa.Index(None, "session_id"),
    sa.Index(None, "person_id", "issued_at"),
)

checkouts = sa.Table(
    "checkouts",
    metadata,
    _id(),
    _organization(),
    sa.Column(
        "secret_hash", sa.LargeBinary, nullable=False, unique=True, comment="of the link the guest keeps"
    ),
    sa.Column("station_id", sa.Uuid, nullable=False),
    sa.Column("evse", sa.SmallInteger, nullable=False),
    sa.Column("agreement_id", sa.Uuid, nullable=False),
    sa.Column("payment_id", sa.Uuid, nullable=True),
    sa.Column("request_id", sa.Uuid, nullable=True),
    sa.Column("session_id", sa.Uuid, nullable=True),
    sa.Column("email", sa.Text, nullable=True, comment="for the receipt; the guest may leave it out"),
    sa.Column("state", sa.Text, nullable=False, comment="billing.checkout.Step"),
    sa.Column("trouble", sa.Text, nullable=True),
    _at("created_at"),
    _at("changed_at"),
    sa.Index(None, "request_id"),
    sa.Index(None, "session_id"),
)

money_tasks = sa.Table(
    "money_tasks",
    metadata,
    _id(),
    _organization(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Uuid, nullable=False, comment="the session, payment or person it is about"),
    sa.Column("sentence", sa.Text, nullable=False),
    _at("opened_at"),
    _at("resolved_at", nullable=True),
    sa.Column("resolution", sa.Text, nullable=True),
    sa.Index(
        "uq_money_tasks_open",
        "kind",
        "subject_id",
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    ),
    comment="differences a person has to look at",
)

plans = sa.Table(
    "plans",
    metadata,
    _id(),
    _organization(),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.plans.Plan"),
    _at("created_at"),
    _at("archived_at", nullable=True),
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    _id(),
    _organization(),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("plan_id", sa.Uuid, sa.ForeignKey("plans.id"), nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=True, comment="exclusive"),
    sa.Index(None, "person_id"),
)

plan_usages = sa.Table(
    "plan_usages",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("subscription_id", sa.Uuid, sa.ForeignKey("subscriptions.id"), nullable=False),
    sa.Column("month", sa.Date, nullable=False, comment="its first day"),
    sa.Column("energy", sa.Float, nullable=False, comment="Wh that the plan gave"),
    sa.Index(None, "subscription_id", "month"),
)

promotions = sa.Table(
    "promotions",
    metadata,
    _id(),
    _organization(),
    sa.Column("code", sa.Text, nullable=False, comment="upper case"),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.plans.Promotion"),
    sa.UniqueConstraint("organization_id", "code"),
)

promotion_uses = sa.Table(
    "promotion_uses",
    metadata,
    sa.Column("agreement_id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("promotion_id", sa.Uuid, sa.ForeignKey("promotions.id"), nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=True),
    _at("used_at"),
    sa.Index(None, "promotion_id", "person_id"),
)

free_vends = sa.Table(
    "free_vends",
    metadata,
    sa.Column("site_id", sa.Uuid, primary_key=True),
    _organization(),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.plans.FreeVend"),
    _at("valid_until", nullable=True),
)

host_contracts = sa.Table(
    "host_contracts",
    metadata,
    _id(),
    _organization(),
    sa.Column("site_id", sa.Uuid, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.HostContract"),
    sa.Column("since", sa.Date, nullable=False, comment="the first day of its first month"),
    sa.Column("until", sa.Date, nullable=True, comment="exclusive"),
    sa.Index(None, "site_id"),
)

payouts = sa.Table(
    "payouts",
    metadata,
    _id(),
    _organization(),
    sa.Column("contract_id", sa.Uuid, sa.ForeignKey("host_contracts.id"), nullable=False),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.Payout"),
    _at("made_at"),
    sa.UniqueConstraint("contract_id", "month"),
)

home_agreements = sa.Table(
    "home_agreements",
    metadata,
    _id(),
    _organization(),
    sa.Column("site_id", sa.Uuid, nullable=False, comment="the employee's home"),
    sa.Column("employee_id", sa.Uuid, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.HomeAgreement"),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=True, comment="exclusive"),
    sa.Index(None, "employee_id"),
)

reimbursements = sa.Table(
    "reimbursements",
    metadata,
    _id(),
    _organization(),
    sa.Column("agreement_id", sa.Uuid, sa.ForeignKey("home_agreements.id"), nullable=False),
    sa.Column("employee_id", sa.Uuid, nullable=False),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.sharing.Reimbursement"),
    _at("made_at"),
    sa.UniqueConstraint("agreement_id", "month"),
    sa.Index(None, "employee_id"),
)

billing_details = sa.Table(
    "billing_details",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    _organization(primary_key=True),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.invoicing.Party: what invoices to the person say"),
    _at("changed_at"),
    comment="how a person wants to be named on invoices, such as a company with its tax number",
)  # fmt: skip

fleet_accounts = sa.Table(
    "fleet_accounts",
    metadata,
    sa.Column("group_id", sa.Uuid, sa.ForeignKey("driver_groups.id"), primary_key=True, comment="and the ledger's holder"),
    _organization(),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("credit_limit", sa.Numeric, nullable=False),
    sa.Column("payment_days", sa.SmallInteger, nullable=False, comment="from the invoice to its due date"),
    sa.Column("covers_drivers", sa.Boolean, nullable=False, comment="all its drivers' charges, not only its vehicles' cards"),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("buyer", sa.Text, nullable=False, comment="JSON of billing.invoicing.Party"),
    _at("opened_at"),
    _at("closed_at", nullable=True),
    _at("changed_at"),
    sa.CheckConstraint("credit_limit >= 0 AND payment_days >= 0", name="terms_are_not_negative"),
    comment="fleets that pay once a month by invoice",
)  # fmt: skip

account_charges = sa.Table(
    "account_charges",
    metadata,
    _id(),
    _organization(),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("fleet_accounts.group_id"), nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.Uuid, nullable=True),
    sa.Column("vehicle_id", sa.Uuid, nullable=True),
    sa.Column("kind", sa.Text, nullable=False, comment="billing.collective.ChargeKind"),
    _at("ended_at"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("gross", sa.Numeric, nullable=False, comment="negative where something is taken back"),
    sa.Column("content", sa.Text, nullable=False, comment="JSON of billing.collective.AccountCharge"),
    sa.Column("document_id", sa.Uuid, nullable=True, comment="the invoice it stands on; null: on the next"),
    _at("made_at"),
    sa.Index(None, "session_id"),
    sa.Index(None, "account_id", "ended_at"),
    sa.Index("ix_account_charges_open", "account_id", postgresql_where=sa.text("document_id IS NULL")),
    comment="what sessions put on a fleet's account",
)

account_invoices = sa.Table(
    "account_invoices",
    metadata,
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("documents.id"), primary_key=True),
    _organization(),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("fleet_accounts.group_id"), nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("month", sa.Date, nullable=False, comment="its first day"),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("sessions", sa.Integer, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("gross", sa.Numeric, nullable=False),
    sa.Column("paid", sa.Numeric, nullable=False, server_default="0"),
    sa.Column("reminders", sa.SmallInteger, nullable=False, server_default="0"),
    _at("reminded_at", nullable=True),
    sa.CheckConstraint("paid >= 0 AND paid <= gross", name="never_more_than_due"),
    sa.UniqueConstraint("account_id", "month"),
    comment="monthly invoices of fleets, with what was paid of each",
)

account_payments = sa.Table(
    "account_payments",
    metadata,
    _id(),
    _organization(),
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("account_invoices.document_id"), nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column(
        "reference", sa.Text, nullable=False, comment="as the bank says it; the same twice is one payment"
    ),
    sa.Column("booked_by", sa.Text, nullable=False),
    _at("booked_at"),
    _at("reversed_at", nullable=True),
    sa.CheckConstraint("amount > 0", name="brings_something"),
    sa.Index(
        "uq_account_payments_reference",
        "document_id",
        "reference",
        unique=True,
        postgresql_where=sa.text("reversed_at IS NULL"),
    ),
    comment="money that came for invoices of fleets",
)
