"""The stop's sign of each room: its printed code, and what it shows to whoever reads it."""
