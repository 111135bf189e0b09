"""The unit's own certificate: the one it was written with, or a newer one for the same key; loaded where there is one.

A newer one is shown to the broker once before it counts: only a broker says whether the authority signed it, for a
board has no means of its own. Until the broker has let the unit in by it, the former one stays.

    offer(text)   looks whether it is this unit's: same name, same authority, same key, and not the one that is shown
    prove()       the broker let us in by what was offered: it counts from now on
    drop()        it did not: the former one again
"""

import binascii
import os

from firmware.binroom import tls

_NEWER = "/state/certificate.der"
_MAX_BYTES = 2000


class Identity:
    """What this unit shows the broker."""

    def __init__(self, root, network):
        self._root = root
        self._ca_path = network["ca_path"]
        self._key_path = network["device_key_path"]
        self._shown = _read(network["cert_path"])
        self._offered = None
        try:
            newer = _read(root + _NEWER)
            if holder(newer) == holder(self._shown):
                self._shown = newer
        except (OSError, ValueError):
            pass  # there is none, or it is another unit's

    def context(self):
        """The TLS context that shows what is offered, else what counts."""
        return tls.context(self._ca_path, self._offered or self._shown, self._key_path)

    def offer(self, text):
        """Why a certificate (base64 of its DER) cannot be this unit's, or None: then it is shown next."""
        try:
            offered = binascii.a2b_base64(text) if isinstance(text, str) and len(text) <= _MAX_BYTES else b""
            if holder(offered) != holder(self._shown):
                return "it is for another name, key or authority"
        except ValueError:
            return "it is no certificate"
        self._offered = offered
        return None

    def shows(self, text):
        """Whether this is the one that counts already."""
        try:
            return binascii.a2b_base64(text) == self._shown
        except (TypeError, ValueError):
            return False

    def prove(self):
        """Keep what was offered; raises OSError where the flash takes nothing: it is shown until the next start."""
        self._shown = self._offered
        self._offered = None
        path = self._root + _NEWER
        with open(path + ".tmp", "wb") as file:
            file.write(self._shown)
        os.rename(path + ".tmp", path)

    def drop(self):
        """Show the former one again."""
        self._offered = None


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def holder(der):
    """(issuer, subject, public key) of a certificate, as they are encoded; raises ValueError for what is none."""
    if _end(der, 0) != len(der):
        raise ValueError("more than one")
    at = _inside(der, _inside(der, 0))  # Certificate, then what of it is signed
    parts = []
    while len(parts) < 7:  # version, serial, algorithm, issuer, validity, subject, public key
        end = _end(der, at)
        parts.append(der[at:end])
        at = end
    return parts[3], parts[5], parts[6]


def _inside(der, at):
    return at + _head(der, at)[0]


def _end(der, at):
    head, size = _head(der, at)
    if at + head + size > len(der):
        raise ValueError("cut")
    return at + head + size


def _head(der, at):
    """How long an element's head is, and what follows it."""
    if at + 4 > len(der):
        raise ValueError("cut")
    first = der[at + 1]
    if first < 128:
        return 2, first
    if first == 0x81:
        return 3, der[at + 2]
    if first == 0x82:
        return 4, der[at + 2] << 8 | der[at + 3]
    raise ValueError("too long")
