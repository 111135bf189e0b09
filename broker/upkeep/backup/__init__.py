"""Copies of all that a bridge keeps: made while it runs, proved by checksums, put back whole."""
