"""The receiver: from its serial port's bytes to positions this truck believes, and when one is worth a message."""

from firmware.truck.gps.epochs import read_fixes

__all__ = ["read_fixes"]
