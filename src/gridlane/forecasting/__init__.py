"""Forecasts as quantiles: how long a vehicle stays, how much energy it takes, learned from what happened before.

It knows numbers and their likeness, their calibration, and what to say before there is any history. It never reads a
database and knows neither prices nor circuits.
"""
