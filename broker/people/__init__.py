"""People: who may do what, and who looked at what."""
