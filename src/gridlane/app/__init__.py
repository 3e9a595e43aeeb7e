"""The composition root: settings become parts."""
