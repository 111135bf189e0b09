"""The screen over HTTPS, by its own certificate or by a proxy that has one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from broker.commands.running_bridge import RunningBridge, shell_token
from broker.config import BrokerConfig, ConfigError
from broker.mqtt.certificates import check_certificates
from broker.web.desk import Desk
from broker.web.server import WebServer
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.people import PASSWORD, House
from tests.support.settings.broker import certificate

pytestmark = pytest.mark.real  # openssl makes the certificates

Served = Callable[..., Any]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serves with a [web] section; gives its configuration with the port it has."""
    morning = Morning(tmp_path / "records")
    House(tmp_path / "people").account("wang", "dispatcher")

    @contextmanager
    def serving(**web: Any) -> Iterator[BrokerConfig]:
        folders = {part: {"folder": tmp_path / part} for part in ("people", "registers", "playback")}
        config = BrokerConfig.model_validate({"area": {"plan": "demo"}, "web": {"port": 0, **web}, **folders})
        server = WebServer(config, Desk(picture=snapshot(morning.bridge, morning.now)), morning.store, morning.plan)
        server.start()
        try:
            yield config.model_copy(update={"web": config.web.model_copy(update={"port": server.port})})
        finally:
            server.stop()

    yield serving
    morning.close()


def sign_in(client: httpx.Client, origin: str, **headers: str) -> httpx.Response:
    """The answer of the form to the right password."""
    data = {"account": "wang", "password": PASSWORD}
    return client.post("/sign-in", data=data, headers={"Origin": origin, **headers})


def test_by_its_own_certificate(served: Served, tmp_path: Path) -> None:
    """Cookies are for HTTPS only; commands of this machine trust it; who comes without TLS is not answered."""
    pem = certificate(tmp_path, "screen")
    with served(cert_file=pem, key_file=pem.with_suffix(".key")) as config:
        assert config.web.page("/").startswith("https://127.0.0.1:")
        address = config.web.page("").replace("127.0.0.1", "localhost")  # as the certificate has it
        with httpx.Client(base_url=address, verify=str(pem), trust_env=False) as client:
            answer = sign_in(client, address)
            assert answer.status_code == 303 and "Secure" in answer.headers["Set-Cookie"]
            assert client.get("/api/v1/people/me").json()["account"] == "wang"
        bridge = RunningBridge(config.web, shell_token(config), "Li")
        assert bridge.asked("/picture")["area"]["id"] == "xh"
        with pytest.raises(httpx.HTTPError):
            httpx.get(address.replace("https", "http"), trust_env=False)


def test_by_a_proxy_that_is_named(served: Served) -> None:
    """What it says of scheme and address counts; of one that is not named nothing is believed."""
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    for proxies, status in ((["127.0.0.1"], 303), ([], 403)):
        with (
            served(trusted_proxies=proxies, hosts=["screen.example"]) as config,
            httpx.Client(base_url=config.web.page(""), headers={"Host": "screen.example"}, trust_env=False) as client,
        ):
            answer = sign_in(client, "https://screen.example", **said)
            assert answer.status_code == status
            assert ("Secure" in answer.headers.get("Set-Cookie", "")) is bool(proxies)


def test_a_certificate_that_browsers_would_refuse_is_named(tmp_path: Path) -> None:
    """Another name, another time, half of it, a key that others can read."""
    pem = certificate(tmp_path, "screen")
    key = pem.with_suffix(".key")
    given = {"area": {"plan": "demo"}, "web": {"cert_file": pem, "key_file": key, "hosts": ["screen.example"]}}
    with pytest.raises(ConfigError, match=r"\[web\] cert_file: .* not for screen\.example"):
        check_certificates(BrokerConfig.model_validate(given), time.time())
    behind = {**given, "web": {**given["web"], "trusted_proxies": ["10.0.0.1"]}}  # the proxy has another one for it
    check_certificates(BrokerConfig.model_validate(behind), time.time())
    given["web"]["hosts"] = ["localhost"]
    config = BrokerConfig.model_validate(given)
    check_certificates(config, time.time())
    with pytest.raises(ConfigError, match=r"\[web\] cert_file: the certificate in .* ended on"):
        check_certificates(config, time.time() + 9 * 86_400)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match=r"\[web\] key_file: others can read"):
        config.web.tls()
    with pytest.raises(ValueError, match="cert_file: needs key_file"):
        BrokerConfig.model_validate({"area": {"plan": "demo"}, "web": {"cert_file": pem}})
