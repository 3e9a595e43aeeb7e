"""The HTTP edge: every package's api, live streams, pages."""
