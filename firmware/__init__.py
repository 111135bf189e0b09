"""What runs on the devices, and what everybody shares with them: the wire, and the one version of all of it."""

__version__ = "0.2.0"
