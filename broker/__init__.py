"""The server side: decisions (rules), the record (store), the registers, the screen (web) and the bridge."""

NAME = "Zhanpai 站牌"  # the one name, in both languages at once
__version__ = "0.1.0"
