"""Where next: which sites to build, how large, in which order, and how far the answer is from the best possible one.

Knows demand, candidate sites, stations that exist, money, power and waiting, and gives a plan with its proof: value, bound
and gap. A library by itself: a scenario in, a plan out, no database. It never guesses a gap: without a valid bound a plan
says it is unproved.
"""
