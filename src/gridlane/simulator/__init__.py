"""An honest other side: virtual stations, vehicles and people, written from the specification.

It shares with the central system only the generated message types and the framing. What a real station rejects,
it rejects. It knows nothing of the database or of any decision the central system takes.
"""
