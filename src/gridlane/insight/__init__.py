"""What happened and what it was worth: sessions rolled up by hour, uptime as laws define it, use, revenue, cost, waste.

Knows every table below it and reads them; keeps roll-ups, excluded downtime and the figures an operator assumes (the
price of electricity, its carbon). Every figure is a view that can be made anew. Never changes what it reads.
"""
