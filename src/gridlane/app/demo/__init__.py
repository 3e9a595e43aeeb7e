"""The demo world: Berlin. Stations stand at real places; what happens at them is simulated, and everything about it
went through the same pipeline as a real network's messages.
"""

from gridlane.app.demo.preparing import prepare

__all__ = ["prepare"]
