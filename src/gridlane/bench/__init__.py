"""Measurements: ours, peer, limit, goal."""
