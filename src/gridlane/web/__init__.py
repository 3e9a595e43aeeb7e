"""The HTTP edge: mounts every package's ``api.py``, turns refusals into problem+json, streams live state, serves the
screens. It decides nothing.
"""
