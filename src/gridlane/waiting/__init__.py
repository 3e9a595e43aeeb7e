"""When can I charge: predicted waits, the best place now, the queue of a site, reservations, and word when a plug is free.

It knows how long stays last and how often people come to each site, who waits where, and which plug is kept for whom. What
it keeps is said to ``charging`` beforehand (``charging.admission``), so any station enforces it at the plug. It never
starts or stops a session, and never touches money but through ``billing``.
"""
