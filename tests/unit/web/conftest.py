"""One library and one desk for all tests of the bench: its experiments are run once."""

import pytest

from gvlab.library import Library
from gvlab.web.app import create_app
from gvlab.web.desk import Desk
from gvlab.web.state import BenchState

EXPERIMENT, SYSTEM = "mathew2018_survival", "b6_into_balbc_wehi3b"
TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="session")
def library():
    return Library.default()


@pytest.fixture(scope="session")
def desk(library, tmp_path_factory):
    return Desk.of(library, EXPERIMENT, SYSTEM, folder=tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def app(desk):
    return create_app(desk, token=TOKEN, hosts=("127.0.0.1", "localhost"))


@pytest.fixture
def state(library):
    return BenchState.start(library, EXPERIMENT, SYSTEM)


class Client:
    """Asks an application without a socket; with the token unless told otherwise."""

    def __init__(self, app):
        self.app = app

    def request(self, method, path, *, token=TOKEN, headers=None, **options):
        import asyncio

        import httpx

        given = {"host": "127.0.0.1:8118", **(headers or {})}
        if token:
            given.setdefault("authorization", f"Bearer {token}")

        async def ask():
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8118") as client:
                return await client.request(method, path, headers=given, **options)

        return asyncio.run(ask())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)


@pytest.fixture
def client(app):
    return Client(app)
