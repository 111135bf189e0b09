"""The server side: decisions (rules), the record (store), the registers, the screen (web) and the bridge."""

from firmware import __version__

__all__ = ["NAME", "__version__"]

NAME = "Zhanpai 站牌"  # the one name, in both languages at once
