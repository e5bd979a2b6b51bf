"""The registry under test: the shipped binary on a fresh data directory, and raw requests that need no client."""

import base64
import dataclasses
import hashlib
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import urllib.parse

START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 30
REQUEST_TIMEOUT_S = 60


@dataclasses.dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class User:
    name: str
    password: str

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


class Registry:
    """A running registry at `url`. This class itself is for one that somebody else started (--against)."""

    timeout_s = REQUEST_TIMEOUT_S

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") + "/"
        self.netloc = urllib.parse.urlsplit(self.url).netloc

    def request(self, method: str, path: str, body: object = None, token: str | None = None,
                authorization: str | None = None) -> Response:
        """One request on a connection of its own. `path` begins with a slash; a body that is not bytes goes as JSON."""
        connection = http.client.HTTPConnection(self.netloc, timeout=self.timeout_s)
        headers = {"Accept": "application/json"}
        if token is not None:
            authorization = f"Bearer {token}"
        if authorization is not None:
            headers["Authorization"] = authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Response(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def packument(self, name: str, token: str | None = None) -> dict:
        """The full packument, or {} when the registry says 404."""
        answer = self.request("GET", package_path(name), token=token)
        if answer.status == 404:
            return {}
        if answer.status != 200:
            raise AssertionError(f"GET {name}: {answer.status} {answer.body[:300]!r}")
        return answer.json()

    def tarball(self, name: str, version: str, token: str | None = None) -> Response:
        unscoped = name.rpartition("/")[2]
        return self.request("GET", f"/{name}/-/{unscoped}-{version}.tgz", token=token)

    def who_is(self, token: str) -> str | None:
        """The user a token belongs to, or None when the registry refuses it."""
        answer = self.request("GET", "/-/whoami", token=token)
        return answer.json().get("username") if answer.status == 200 else None

    def add_user(self, user: User) -> None:
        self.log_in(user)

    def log_in(self, user: User) -> str:
        """A token, asked for as npm does; registers the account where the registry is open to that."""
        document = {"_id": f"org.couchdb.user:{user.name}", "name": user.name, "password": user.password,
                    "email": user.email, "type": "user", "roles": []}
        # Basic with the same words, as pnpm sends it: some registries want it for an account that exists.
        basic = base64.b64encode(f"{user.name}:{user.password}".encode()).decode()
        answer = self.request("PUT", f"/-/user/org.couchdb.user:{user.name}", document, authorization=f"Basic {basic}")
        if answer.status not in (200, 201):
            raise AssertionError(f"login of {user.name}: {answer.status} {answer.body[:300]!r}")
        return answer.json()["token"]

    def token_for(self, user: User) -> str:
        return self.log_in(user)

    def log_offset(self) -> int:
        return 0

    def log_since(self, offset: int) -> str:
        return "(the log of a registry that was started elsewhere is not known)\n"

    def stop(self) -> list[str]:
        """Ends the server; the returned sentences say what was wrong with how it ended."""
        return []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Tarn(Registry):
    """`tarn serve` on a new data directory and a free port, which may stand as PORT in the configuration; users and tokens
    by the command line."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, registration: str = "open",
                 environment: dict[str, str] | None = None, configuration: str = "") -> None:
        self.binary = str(binary)
        self.environment = environment or {}
        self.data = folder / "data"
        self.registration = registration
        self.log_path = folder / "server.log"
        self.configuration_path = folder / "tarn.toml"
        folder.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        self.configuration_path.write_text(configuration.replace("PORT", str(port)), encoding="utf-8")
        # An administrator made beforehand: otherwise the first client to register would be one, and be let through
        # where others must be refused.
        self._admin_command("user", "add", "root", "--admin", "--email", "root@example.com", "--password-stdin",
                            stdin="root-password-1\n")
        self.admin_token = self.token_for(User("root", "root-password-1"))
        super().__init__(self._start(f"127.0.0.1:{port}"))

    def _start(self, address: str) -> str:
        """Starts the server and waits for its first line; returns the URL it prints."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", str(self.configuration_path), "--data", str(self.data), "--listen",
                 address, "--registration", self.registration],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                env={**os.environ, **self.environment})
        shown = b""
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096)
                shown += piece
                if found := re.search(rb"tarn: listening on (http://\S+)\n", shown):
                    return found.group(1).decode()
                if not piece:
                    break
        self.process.kill()
        raise SystemExit(f"tarn serve did not start:\n{shown.decode()}\n{self.log_since(0)}")

    def _admin_command(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run([self.binary, *arguments, "--data", str(self.data)], input=stdin, text=True,
                              capture_output=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"tarn {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def add_user(self, user: User) -> None:
        self._admin_command("user", "add", user.name, "--email", user.email, "--password-stdin",
                            stdin=user.password + "\n")

    def token_for(self, user: User) -> str:
        return self._admin_command("token", "create", user.name).strip()

    def import_advisory(self, advisory: dict) -> str:
        """Gives the running server one advisory, an OSV record; returns what was wrong with that, or nothing."""
        path = self.log_path.with_name(f"{advisory['id']}.json")
        path.write_text(json.dumps(advisory), encoding="utf-8")
        try:
            self._admin_command("advisories", "import", str(path))
        except AssertionError as fault:
            return str(fault)
        return ""

    def log_offset(self) -> int:
        return self.log_path.stat().st_size

    def log_since(self, offset: int) -> str:
        with open(self.log_path, "rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def crash_and_restart(self) -> None:
        """kill -9, and again on the same port: what was acknowledged must be there."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._start(self.netloc)

    def start_again(self) -> None:
        """After `stop`, on the same port."""
        self._start(self.netloc)

    def stop(self) -> list[str]:
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [f"tarn did not end within {STOP_TIMEOUT_S} s of SIGTERM"]
        faults = [] if code == 0 else [f"tarn ended with {code} after SIGTERM"]
        verified = subprocess.run([self.binary, "verify", "--deep", "--data", str(self.data)], text=True,
                                  capture_output=True, timeout=300)
        if verified.returncode != 0:
            faults.append(f"tarn verify --deep: exit {verified.returncode}\n{verified.stdout}{verified.stderr}")
        return faults


def package_path(name: str) -> str:
    return "/" + name.replace("/", "%2f")


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
