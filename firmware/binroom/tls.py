"""Whom to trust on the way to the broker, and what to show it; loaded only where TLS is used."""

import ssl


def context(ca_path, certificate=None, key_path=None):
    """The TLS context that trusts this authority only; with `certificate` (DER) it shows that and proves its key."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.verify_mode = ssl.CERT_REQUIRED
    with open(ca_path, "rb") as file:
        made.load_verify_locations(cadata=file.read())
    if certificate is not None and key_path is not None:
        with open(key_path, "rb") as file:
            made.load_cert_chain(certificate, file.read())
    return made
