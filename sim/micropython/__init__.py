"""A bin-room board on the desk: stand-ins for its hardware, and a runner for the real firmware on it."""
