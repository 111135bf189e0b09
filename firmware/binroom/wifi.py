"""Wi-Fi: bring it up, notice when it is gone, bring it up again; never blocks."""

import asyncio

import network

from firmware.binroom.constant import const

_JOIN_MS = const(20000)
_POLL_MS = const(250)


class Wifi:
    """The board's Wi-Fi for one access point."""

    def __init__(self, ssid, key, device):
        self._ssid = ssid
        self._key = key
        self._wlan = network.WLAN(network.STA_IF)
        self._wlan.active(True)
        try:
            self._wlan.config(dhcp_hostname=device)
        except (ValueError, OSError):  # some ports name it otherwise; the name is only for the network's own list
            pass

    def is_up(self):
        """Whether the board has an address now."""
        return bool(self._wlan.isconnected())

    async def ready(self):
        """Return once connected; raises OSError after 20 s, the caller pauses and tries again."""
        if self.is_up():
            return
        self._wlan.disconnect()
        self._wlan.connect(self._ssid, self._key)
        waited_ms = 0
        while not self.is_up():
            if waited_ms >= _JOIN_MS:
                raise OSError("Wi-Fi %s does not let us in; check its name, its key and the signal" % self._ssid)
            await asyncio.sleep_ms(_POLL_MS)
            waited_ms += _POLL_MS

