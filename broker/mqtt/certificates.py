"""Certificates as the configuration names them, looked at before anybody has to trust them; for `--check-config`.

What cannot work is one sentence with section, key, file and date: one that is over or has not begun, one without the
name that devices dial, a broker's that our authority did not sign. That a key is its certificate's own is found where
they are loaded (config.py).
"""

import ipaddress
import re
import ssl
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from broker.config import BrokerConfig, ConfigError, MqttConfig, WebConfig
from broker.mqtt.connection import Connection

_BLOCK = re.compile(r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.+?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL)
_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL
_OUT_OF_TIME = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one says of itself: from when to when (Unix seconds), for which hosts, by whom."""

    from_at: int
    until_at: int
    names: tuple[str, ...]
    issuer: str

    @classmethod
    def read(cls, pem: str) -> "Certificate":
        """One in PEM; raises OSError (an SSLError is one) or ValueError for what is none."""
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(pem.replace("TRUSTED ", ""))  # what OpenSSL adds to such a one comes after what is decoded
            file.flush()
            # Python's public `ssl` decodes a certificate only once it is trusted; its own tests use this.
            said = cast(Any, ssl)._ssl._test_decode_cert(file.name)
        issuer = {key: value for group in said.get("issuer", ()) for key, value in group}
        return cls(
            int(ssl.cert_time_to_seconds(said["notBefore"])),
            int(ssl.cert_time_to_seconds(said["notAfter"])),
            tuple(value for kind, value in said.get("subjectAltName", ()) if kind in ("DNS", "IP Address")),
            issuer.get("commonName") or issuer.get("organizationName") or "an authority without a name",
        )

    def out_of_time(self, now: float) -> str | None:
        """Why it is worth nothing now, with the day; None while it is."""
        if now > self.until_at:
            return f"ended on {_day(self.until_at)}"
        return f"begins on {_day(self.from_at)} only" if now < self.from_at else None

    def is_for(self, host: str) -> bool:
        """Whether whoever dials this host finds it named."""
        return any(_plain(name) == _plain(host) or _covers(name, host) for name in self.names)


def check_screen(web: WebConfig, now: float) -> None:
    """Look at the certificate of a screen, a cell's or the city's; raises ConfigError for what no browser accepts."""
    if web.enabled and web.cert_file is not None:
        screen = _must_be_in_time("[web]", web.cert_file, now)
        # With a proxy in front, browsers meet its certificate under `hosts`, and only the proxy meets ours.
        behind_proxy = bool(web.trusted_proxies)
        for name in (web.host, *(() if behind_proxy else web.hosts)):
            if not _is_address(name) and name != "localhost" and not screen.is_for(name):
                raise ConfigError(
                    f"[web] cert_file: {web.cert_file} (until {_day(screen.until_at)}) is for "
                    f"{' '.join(screen.names) or 'no host at all'} and not for {name}: browsers refuse it; have it "
                    "made for that name, correct host and hosts, or name the proxy that has it in trusted_proxies"
                )


def check_certificates(config: BrokerConfig, now: float) -> str:
    """Look at every file that is named; what is to be said of them. Raises ConfigError for what nobody would accept."""
    if config.mqtt.ca_file is not None:
        trusted = _all_in(config.mqtt.ca_file)
        reasons = [certificate.out_of_time(now) for certificate in trusted]
        if trusted and all(reasons):
            raise ConfigError(f"[mqtt] ca_file: {config.mqtt.ca_file} {reasons[0]}; get the authority's new one")
    if config.mqtt.cert_file is not None:
        _must_be_in_time("[mqtt]", config.mqtt.cert_file, now)
    check_screen(config.web, now)
    cert_file = config.embedded.cert_file
    if not config.embedded.enabled or cert_file is None:
        return ""
    own = _must_be_in_time("[embedded]", cert_file, now)
    names, until = " ".join(own.names), f"{cert_file} (until {_day(own.until_at)})"
    if not names:
        raise ConfigError(
            f"[embedded] cert_file: {until} names no host, so every device refuses it; have it made with a "
            "subjectAltName, as `python3 tools/flash.py ca` does"
        )
    host = config.mqtt.host
    if not _is_address(host) and host != "localhost" and not own.is_for(host):
        raise ConfigError(
            f"[embedded] cert_file: {until} is for {names} and not for [mqtt] host {host}: devices that dial it refuse "
            "it; have it made for that name, or correct host"
        )
    return f"devices must dial it as {' or '.join(own.names)}, until {_day(own.until_at)}"


def ends_of(config: BrokerConfig) -> dict[str, int]:
    """Until when each certificate that is named holds, by its key; those that cannot be read are left out."""
    files = {
        "[mqtt] ca_file": config.mqtt.ca_file, "[mqtt] cert_file": config.mqtt.cert_file,
        "[embedded] cert_file": config.embedded.cert_file, "[web] cert_file": config.web.cert_file,
    }  # fmt: skip
    found = {}
    for key, path in files.items():
        with suppress(ConfigError, OSError):
            if path is not None and (chain := _all_in(path)):
                found[key] = min(one.until_at for one in chain)
    return found


def why_refused(config: MqttConfig, why: ssl.SSLCertVerificationError) -> str:
    """What is the matter with the certificate that a broker showed us."""
    where, ca_file = f"the broker at {config.host}:{config.port}", config.ca_file
    shown = _shown_by(config)
    if shown is None:
        return f"[mqtt] ca_file: {where} shows a certificate that {ca_file} does not vouch for ({why.verify_message})"
    until = f"until {_day(shown.until_at)}"
    now = time.time()
    if why.verify_code in _OUT_OF_TIME and (reason := shown.out_of_time(now)) is not None:
        return f"[mqtt] host: the certificate of {where}, which {ca_file} signed, {reason}; have it renewed there"
    if why.verify_code in _OUT_OF_TIME and ca_file is not None:
        reason = next(filter(None, (one.out_of_time(now) for one in _all_in(ca_file))), "is out of its time")
        return f"[mqtt] ca_file: {ca_file} {reason}; get the authority's new one"
    if why.verify_code in _OTHER_NAME:
        names = " ".join(shown.names) or "no host at all"
        return (
            f"[mqtt] host: the certificate of {where} ({until}, signed by {ca_file}) is for {names}; set host to one "
            "of its names, or have it made for this one"
        )
    return (
        f"[mqtt] ca_file: {ca_file} did not sign the certificate of {where}, which is by {shown.issuer} ({until}); "
        "name the PEM file of that authority"
    )


def _shown_by(config: MqttConfig) -> Certificate | None:
    """The certificate of a broker, whoever signed it; nothing is said to it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection: Connection | None = None
    try:
        connection = Connection(config.host, config.port, lambda: False)
        connection.secure(context)
        der = connection.certificate()
        return Certificate.read(ssl.DER_cert_to_PEM_cert(der)) if der else None
    except (OSError, ValueError):
        return None
    finally:
        if connection is not None:
            connection.close()


def _must_be_in_time(section: str, path: Path, now: float) -> Certificate:
    """The first certificate of a file, which is its own; those after it signed it, and must not be over either."""
    chain = _all_in(path)
    if not chain:
        raise ConfigError(f"{section} cert_file: {path} holds no certificate in PEM")
    for number, certificate in enumerate(chain):
        reason = certificate.out_of_time(now)
        if reason is not None:
            behind = f"certificate {number + 1} of its chain, by {certificate.issuer},"
            which = behind if number else "the certificate"
            raise ConfigError(f"{section} cert_file: {which} in {path} {reason}; put a new one there")
    return chain[0]


def _all_in(path: Path) -> Sequence[Certificate]:
    try:
        return [Certificate.read(block) for block in _BLOCK.findall(path.read_text(errors="replace"))]
    except (OSError, ValueError, AttributeError, KeyError) as why:
        raise ConfigError(f"{path} cannot be read as certificates in PEM ({why}); write it anew") from why


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return str(ipaddress.ip_address(name.strip())) if _is_address(name.strip()) else name.strip().rstrip(".").lower()


def _covers(name: str, host: str) -> bool:
    """`*.street.cn` stands for one word before the rest."""
    star, _, rest = name.partition(".")
    return star == "*" and host.partition(".")[2].lower() == rest.lower() and bool(rest)
