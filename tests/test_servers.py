import urllib.request

import pytest

from tests.programs import DidNotStart
from tests.servers import Serve, ServerKind, SiteServer
from tests.services import RedisServer


def get(url: str) -> tuple[int, str]:
    """Return the status and the body of a page."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_server_is_live_when_it_is_returned(serve: Serve, kind: ServerKind) -> None:
    server = serve(kind)
    assert get(server.url + "/healthcheck") == (200, "chat is live")
    assert server.ws_url == f"ws://127.0.0.1:{server.port}/ws"
    assert server.stop() in (0, -15)
    assert not server.running


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_killed_server_comes_back_at_the_same_address(serve: Serve, kind: ServerKind) -> None:
    server = serve(kind)
    server.kill()
    with pytest.raises(OSError, match="refused"):
        get(server.url + "/healthcheck")
    server.start()
    assert get(server.url + "/healthcheck")[0] == 200


def test_servers_of_one_test_share_a_database(serve: Serve, redis_server: RedisServer) -> None:
    first = serve(env={"REDIS_URL": redis_server.url})
    second = serve("uvicorn", env={"REDIS_URL": redis_server.url})
    count = "from django.contrib.auth.models import User; print('users', User.objects.count())"
    first.manage("shell", "-c", count.replace("User.objects.count()", "User.objects.create()"))
    assert "users 1" in second.manage("shell", "-c", count)


def test_postgres_database_is_migrated(serve: Serve, postgres_database: str) -> None:
    server = serve(env={"DATABASE_URL": postgres_database})
    assert "[ ]" not in server.manage("showmigrations")


def test_server_that_cannot_start_tells_its_log() -> None:
    with (
        pytest.raises(DidNotStart, match="LOG_LEVEL='loud'"),
        SiteServer(env={"LOG_LEVEL": "loud"}),
    ):
        pass


def test_log_is_kept_over_restarts(serve: Serve) -> None:
    server: SiteServer = serve()
    server.restart()
    assert server.log.count("Listening on TCP address") == 2
