"""Nothing listens beyond this machine unless the configuration says so, and then under TLS or loudly."""

import re
from pathlib import Path

import pytest

from broker.config import BrokerConfig
from broker.config.city import CityConfig
from tests.support.flood.cell import Cell
from tests.support.processes import REPO, need_mosquitto

# Whoever listens of what stands in the street and in the office, and by what it may be opened. What of the simulator
# is not on this machine only, a run beside hardware (--bench), says so when it begins.
LISTENERS = {
    "broker/web/server.py": "[web] host: refused without TLS, open_without_tls",
    "broker/city/server.py": "[web] host of city.toml: the same",
    "broker/mqtt/own_broker/child.py": "looks only whether a port is free",
    "broker/mqtt/own_broker/desk_broker.py": "[mqtt] host by its configuration: refused without TLS, which it has not",
}
LISTENS = re.compile(r"\.bind\(|create_server\(|start_server\(|uvicorn\.Config\(|\.listen\(|HTTPServer\(")


def test_whoever_listens_is_known_here() -> None:
    """A new listener is one that somebody thought about."""
    sources = [path for folder in ("broker", "firmware", "tools") for path in (REPO / folder).rglob("*.py")]
    found = {path.relative_to(REPO).as_posix() for path in sources if LISTENS.search(path.read_text())}
    assert found == set(LISTENERS)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "broker.example"])
def test_an_open_screen_without_tls_is_refused_unless_the_configuration_says_so(host: str) -> None:
    """The area's, and the city's; also behind a proxy, to which passwords would go in clear."""
    web = {"host": host, "trusted_proxies": ("192.0.2.1",)}
    city = {"city": {"url": "postgresql://city@127.0.0.1:5432/city"}}
    for model, rest in ((BrokerConfig, {"area": {"plan": "demo"}}), (CityConfig, city)):
        with pytest.raises(ValueError, match=r"open to the network without TLS: .* open_without_tls = true"):
            model.model_validate({**rest, "web": web})
        model.model_validate({**rest, "web": {**web, "open_without_tls": True}})
        model.model_validate({**rest, "web": {**web, "cert_file": "a", "key_file": "b"}})
        model.model_validate({**rest, "web": {"host": "127.0.0.1"}})


@pytest.mark.real
def test_a_cell_as_it_is_listens_on_this_machine_only(tmp_path: Path) -> None:
    """Bridge, screen and broker, by what the system itself says of their sockets."""
    need_mosquitto()
    cell = Cell(tmp_path)
    cell.start()
    try:
        child = cell.bridge.child
        assert child is not None
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        addresses = [one for pid in [str(child.pid), *children] for one in listened_on(pid)]
    finally:
        cell.stop()
    assert len(addresses) >= 2 and set(addresses) == {"0100007F"}  # 127.0.0.1 as the kernel writes it


def listened_on(pid: str) -> list[str]:
    """The addresses, as the kernel writes them, that a process listens on."""
    owned = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = descriptor.readlink().name if descriptor.is_symlink() else ""
        owned |= {target.removeprefix("socket:[").removesuffix("]")} if target.startswith("socket:[") else set()
    tables = "".join(Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
    rows = [line.split() for line in tables.splitlines()]
    return [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in owned]
