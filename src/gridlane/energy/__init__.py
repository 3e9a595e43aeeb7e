"""The power of a site: which circuits it has, what each vehicle may draw now, and what the next day should look like.

It knows the tree of circuits with the ratings of every phase, who may draw how much at worst, what was promised to
which station until when, what energy costs and emits, and why each number is what it is. Its rules are pure functions
of values and time. It never speaks OCPP, never prices a driver's session, and is never the only protection of a cable:
breakers are, and their ratings are what it is told.
"""
