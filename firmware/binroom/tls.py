"""Whom to trust on the way to the broker; loaded only where TLS is used."""

import ssl


def context(ca_path):
    """The TLS context that trusts this certificate authority only."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.verify_mode = ssl.CERT_REQUIRED
    with open(ca_path, "rb") as file:
        made.load_verify_locations(cadata=file.read())
    return made
