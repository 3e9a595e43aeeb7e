"""A charging session, from the first tap to the last meter value."""
