"""The README's own steps to put it into a site, followed to the letter."""

import http.client
import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import django
import pytest
from websockets.sync.client import connect

from tests.programs import ROOT, Program, bare_environment

README = ROOT / "README.md"
PINS = ROOT / ("requirements.txt" if django.VERSION < (6,) else "requirements-django6.txt")
START = re.compile(r"starting from `(django-admin startproject [^`]+)`")
BLOCK = re.compile(r"<!-- install: (?P<where>\S+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)

# The first test to ask for the site makes it.
pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**bare_environment(), **(env or {})},
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps"]
    run(*pip, "--wheel-dir", str(folder), str(ROOT), cwd=folder)
    (built,) = folder.glob("channels_chat-*.whl")
    return built


class Server(Program):
    """A server of the site."""

    def answers(self) -> bool:
        try:
            return self.get("/healthcheck") == (200, "chat is live")
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


class Site(Server):
    """A site as ``django-admin startproject`` makes it, with the README's blocks, on daphne."""

    def __init__(self, wheel: Path) -> None:
        super().__init__()
        self.bin = self.directory / "venv" / "bin"
        venv.create(self.directory / "venv", with_pip=True)
        self.wheel = wheel

    def follow(self, readme: str) -> None:
        """Do what the README says, in its order."""
        blocks = [(found["where"], found["text"]) for found in BLOCK.finditer(readme)]
        assert [where for where, _ in blocks] == [
            "shell",
            "mysite/settings.py",
            "mysite/urls.py",
            "mysite/asgi.py",
            "shell",
            "mysite/settings.py",
        ]
        start = START.search(readme)
        assert start is not None, "it says what to start from"
        made = False
        for where, text in blocks:
            if where == "shell":
                for line in text.splitlines():
                    self._shell(line)
                continue
            if not made:
                self._shell(start[1])
                made = True
            with (self.directory / where).open("a") as file:
                file.write(f"\n{text}")
        self._shell("python manage.py check --fail-level WARNING")

    def _shell(self, line: str) -> None:
        # The wheel that was just built stands for the released one, our pins for today's newest.
        line = re.sub(r'"channels-chat(\[\w+\])"', rf'"{self.wheel}\1"', line)
        line = line.replace("pip install", f"pip install --quiet -c {PINS}")
        run("bash", "-ec", line, cwd=self.directory, env=self.environment())

    def environment(self) -> Mapping[str, str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return {**bare_environment(), "PATH": path, "PYTHONUNBUFFERED": "1"}

    def command(self) -> Sequence[str | Path]:
        daphne = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port)]
        return [self.bin / "python", *daphne, "mysite.asgi:application"]


class DevelopmentServer(Server):
    """The same site, served by ``manage.py runserver``."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def environment(self) -> Mapping[str, str]:
        return self.site.environment()

    def command(self) -> Sequence[str | Path]:
        manage = [self.site.bin / "python", self.site.directory / "manage.py"]
        return [*manage, "runserver", "--noreload", f"127.0.0.1:{self.port}"]


@pytest.fixture(scope="module")
def site(wheel: Path) -> Iterator[Site]:
    site = Site(wheel)
    try:
        site.follow(README.read_text())
        site.start()
        yield site
    finally:
        site.close()


def talk(server: Server) -> None:
    """Have a program and a terminal hear each other."""
    url = f"ws://127.0.0.1:{server.port}/ws"
    with connect(url, subprotocols=["chat.v1.json"]) as program, connect(url) as terminal:  # type: ignore[list-item]
        program.send(json.dumps({"type": "join", "room": "main"}))
        line = f"hello from the terminal at {server.port}"
        terminal.send(line)
        seen = ""
        while line not in seen:
            seen = str(program.recv(timeout=10))
        program.send(json.dumps({"type": "post", "room": "main", "text": "hello", "id": "1"}))
        while '"ack"' not in seen:
            seen = str(program.recv(timeout=10))
        while not line.endswith(": hello"):
            line = str(terminal.recv(timeout=10))


def test_a_site_made_by_the_readme_has_the_hub_the_pages_and_the_admin(site: Site) -> None:
    status, page = site.get("/")
    assert status == 200
    assert "main" in page
    assert site.get("/admin/login/")[0] == 200
    assert site.get("/healthcheck/ready")[0] == 200
    talk(site)


def test_runserver_serves_the_pages_with_their_style_the_hub_and_the_admin(site: Site) -> None:
    with DevelopmentServer(site) as server:
        status, page = server.get("/")
        assert status == 200
        style = re.search(r'href="(/static/chat/[^"]+\.css)"', page)
        assert style is not None, page
        assert server.get(style[1])[0] == 200
        assert server.get("/admin/login/")[0] == 200
        talk(server)
