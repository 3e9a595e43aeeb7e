"""The composition root: settings become parts, and the tables of handlers here are the map of the system.

``handlers`` says what is decided about each thing a station says; ``facts`` says who hears of each fact; ``gateway``,
``api`` and ``worker`` are the roles that run alone, ``supervisor`` runs them all on one machine.
"""
