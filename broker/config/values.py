"""What a section may hold, and how the files that it names are read: errors name section, key and what to do."""

import ipaddress
import ssl
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from broker.plain_text import hidden_character


def _address(text: Any) -> Any:
    """A proxy by its address, or by the network it is in."""
    ipaddress.ip_network(text, strict=False)
    return text


def _not_empty(path: Any) -> Any:
    """An empty text would be the folder of the configuration itself."""
    if path == "":
        raise ValueError("must not be empty")
    return path


Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]
File = Annotated[Path, Field(strict=False), BeforeValidator(_not_empty)]  # TOML has no paths, they are texts
Host = Annotated[str, Field(pattern=r"^[^\s/]+$")]
Address = Annotated[str, BeforeValidator(_address)]
HostName = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$")]  # no scheme, no port
WebAddress = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._:\[\]-]+([/?][!\"$-~]*)?$", max_length=2000)]


class ConfigError(ValueError):
    """The configuration cannot be used; the text names file, section, key and what to do."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)  # true is no port, and 1 no true

    @model_validator(mode="before")
    @classmethod
    def _is_seen_whole(cls, given: Any) -> Any:
        """What is copied out of a chat often has characters that nobody sees; an address with one is nobody's."""
        for key, value in given.items() if isinstance(given, dict) else ():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and (hidden := hidden_character(text)):
                    what = f"holds {hidden}, which cannot be seen: {text[:60]!r}"
                    raise ValueError(f"{key}: {what}; write it anew by hand")
        return given


def both_or_neither(section: Any) -> None:
    for key, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(section, key) is not None and getattr(section, other) is None:
            raise ValueError(f"{key}: needs {other} beside it; set both or neither")


def load_pair(section: str, context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    try:
        # Without a password of ours OpenSSL would ask for one on the terminal, and the bridge would hang.
        context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as why:
        if why.reason == "KEY_VALUES_MISMATCH":
            changed = "; ".join(f"{path} is of {_written(path)}" for path in (cert_file, key_file))
            raise ConfigError(
                f"{section} cert_file and key_file: {key_file} is not the key of {cert_file} ({changed}); put the "
                "key there that this certificate was made with, or have both made anew"
            ) from why
        raise ConfigError(
            f"{section} cert_file and key_file: {cert_file} and {key_file} cannot be used "
            f"({why.reason or why}); give a PEM certificate and its own key without a passphrase"
        ) from why


def served_with(section: str, cert_file: Path | None, key_file: Path | None) -> tuple[Path, Path] | None:
    """What a server of ours speaks TLS with, tried; None without both."""
    if cert_file is None or key_file is None:
        return None
    bytes_of(f"{section} cert_file", cert_file)
    secret(f"{section} key_file", key_file)
    load_pair(section, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert_file, key_file)
    return cert_file, key_file


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _written(path: Path) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))


def bytes_of(key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as why:
        raise ConfigError(f"{key}: {path} cannot be read ({why.strerror}); correct its path or mode") from why


def secret(key: str, path: Path) -> str:
    """The text of a file that only the bridge's user should be able to read."""
    try:
        text = bytes_of(key, path).decode()
    except UnicodeDecodeError as why:
        raise ConfigError(f"{key}: {path} is not UTF-8 text (byte {why.start}); write it anew as plain text") from why
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{key}: others can read {path}; chmod 600 {path}, and if they may have read it, change it")
    return text
