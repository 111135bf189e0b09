"""The way to the broker: which network to wait for, and whom to trust on it."""


class Wired:
    """A machine that has its network already (a desk, an Ethernet board)."""

    async def ready(self):
        """Nothing to wait for."""


def make_way(network, device):
    """The object whose `ready()` waits for the network."""
    if network["ssid"] is None:
        return Wired()
    from firmware.binroom import wifi

    return wifi.Wifi(network["ssid"], network["key"], device)


def tls_context(network):
    """The TLS context that trusts `ca_file` only, or None for plain TCP."""
    if not network["use_tls"]:
        return None
    from firmware.binroom import tls

    return tls.context(network["ca_path"])
