"""A charging session, from the first tap to the last meter value.

It decides who may charge, joins what a station says in any order into sessions, and keeps every reading and every
event it was told. It knows tokens by what ``accounts`` tells and stations by their vocabulary. It never sees a socket,
never prices anything, and never bills: it reports facts, and what it cannot believe it holds for review.
"""
