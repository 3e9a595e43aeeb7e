"""Gridlane runs an EV charging network.

Start reading at ``app`` (the table of handlers is the map of the system) or at ARCHITECTURE.md.
"""

__version__ = "0.1.0"
