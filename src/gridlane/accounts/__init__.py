"""Who: organizations, people, and the tokens they charge with.

It knows what a token may do and keeps its number from everybody who does not need it. It never decides whether a
session may start: ``charging`` does, from what is told here.
"""
