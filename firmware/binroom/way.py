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


def make_identity(root, network):
    """What proves who this unit is, or None where that is its password."""
    if network["cert_path"] is None:
        return None
    from firmware.binroom import identity

    return identity.Identity(root, network)


def tls_context(network, identity=None):
    """The TLS context that trusts `ca_file` only and shows what `identity` has, or None for plain TCP."""
    if not network["use_tls"]:
        return None
    if identity is not None:
        return identity.context()
    from firmware.binroom import tls

    return tls.context(network["ca_path"])
