"""What the energy world says: prices, carbon, sun, meters and the grid operator's word, each source a file.

A source satisfies one of the small ports in ``ports``; ``SOURCES`` there is the table of kinds that a site can choose.
Every reading carries its instant: judging its age is the reader's business.
"""
