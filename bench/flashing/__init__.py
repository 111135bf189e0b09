"""Flashing, with the power cut in the midst of it."""
