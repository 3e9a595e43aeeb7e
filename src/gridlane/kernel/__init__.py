"""What every other package stands on: quantities, money, clock, ids, errors, and the thin shells around the database,
the bus, jobs and telemetry.

It knows no word of charging. It imports no other package of Gridlane, and never will.
"""
