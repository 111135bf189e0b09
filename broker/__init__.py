"""The server side: decisions (rules), the record (store), the registers, the screen (web) and the bridge."""

__version__ = "0.1.0"
