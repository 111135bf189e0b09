"""Stand-in for a board's `network`: an access point that lets a station in when the key is right.

Environment: `ZP_WIFI` is `ssid:key` of the access point; without it every station gets in at once.
"""

import os

STA_IF = 0


class WLAN:
    """The station side of MicroPython's `network.WLAN`."""

    def __init__(self, _interface=STA_IF):
        self._active = False
        self._connected = False

    def active(self, is_active=None):
        """Read or set whether the radio is on."""
        if is_active is None:
            return self._active
        self._active = is_active
        return None

    def config(self, *_names, **settings):
        """Settings are taken and have no effect."""

    def connect(self, ssid, key=None):
        """Join, if name and key are those of the access point."""
        wanted = os.getenv("ZP_WIFI")
        self._connected = self._active and (not wanted or wanted == "%s:%s" % (ssid, key))

    def disconnect(self):
        """Leave."""
        self._connected = False

    def isconnected(self):
        """Whether the station is in."""
        return self._connected

    def ifconfig(self):
        """Address, mask, gateway, name server."""
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
