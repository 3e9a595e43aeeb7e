"""The money: what a session is billed, who paid it, and the papers that prove both.

It knows bills, the double-entry ledger, payments through a port (wallet, Stripe), invoices, plans and promotions, and
what site hosts and employees are owed. It prices nothing itself (`tariffs` does) and never sees a card number. A
correction is always a new document or transfer; nothing that was posted changes.
"""
