"""The server side: decisions (rules), the record (store), the registers, the screen (web) and the bridge."""

from firmware import __version__

__all__ = ["__version__"]
