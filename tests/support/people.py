"""The web's door in tests: people with quick passwords, machines with tokens, and clients of either."""

import shutil
import tempfile
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from broker.people.passwords import Passwords
from broker.people.people import People
from broker.people.roles import EVERYWHERE, Role, Scope
from broker.people.sessions import Sessions
from broker.store import Store
from broker.web.api.app import build_app
from broker.web.desk import Desk
from broker.web.door.gate import COOKIE, Gate
from broker.web.security import guarded

HERE = "http://127.0.0.1"
PASSWORD = "correct horse battery"
QUICK = Passwords(PasswordHasher(1, 64, 1))
AREA_ROLES: tuple[Role, ...] = ("dispatcher", "technician", "registrar", "supervisor")


class House:
    """The people of one bridge; without a folder they go with it."""

    def __init__(self, folder: Path | None = None, *, one_click: bool = False) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="zhanpai-people-"))
        self.people = People(self.folder, passwords=QUICK)
        if folder is None:
            weakref.finalize(self.people, shutil.rmtree, self.folder, ignore_errors=True)
        self.sessions = Sessions(self.people)
        self.gate = Gate(self.people, self.sessions, one_click=one_click)

    def account(self, account: str, *roles: Role, scope: Scope = EVERYWHERE, sees_names: bool = False) -> None:
        """Somebody with PASSWORD."""
        key = self.people.add(account, account, roles, scope, sees_names)
        self.people.use_link(key, account, account, PASSWORD)

    def machine(
        self, app: FastAPI, *roles: Role, name: str = "Zhao", scope: Scope = EVERYWHERE, sees_names: bool = False
    ) -> TestClient:
        """A client with a token for these roles, those of the whole area if none is named."""
        client = self.stranger(app)
        token = self.people.add_token(name, roles or AREA_ROLES, scope, sees_names)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def person(self, app: FastAPI, account: str) -> TestClient:
        """A browser that is signed in as this account."""
        client = self.stranger(app)
        visitor = self.people.visitor(account)
        assert visitor is not None
        client.cookies.set(COOKIE, self.sessions.begin(visitor)[0])
        client.headers["Origin"] = HERE
        return client

    @staticmethod
    def stranger(app: FastAPI, address: str = "127.0.0.1") -> TestClient:
        """Somebody who is not signed in, at this address."""
        return TestClient(app, HERE, client=(address, 5000), follow_redirects=False)


def screen_of(desk: Desk, store: Store, further: Collection[Any] = (), **given: Any) -> TestClient:
    """The screen of a desk, asked by a machine that may do everything."""
    house = House()
    return house.machine(build_app(desk, store, list(further), house.gate, **given))


def behind_the_door(*routers: APIRouter, name: str = "Zhao") -> TestClient:
    """Some routes alone, asked by a machine that may do everything."""
    app, house = FastAPI(), House()
    for router in routers:
        app.include_router(router)
    return house.machine(guarded(app, house.gate), name=name)
