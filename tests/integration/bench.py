"""What a step gets to work with: one client, the registry, two users, and folders of its own."""

import itertools
import pathlib
import threading
import time
from typing import Callable

import drivers
import packages
import proxy
from client_table import Row
from drivers.session import Session
from oidc_issuer import Issuer
from registry import Registry, User


class StepFailed(Exception):
    """The text says what was expected and what was found; `evidence` is what the check looked at, often an Outcome."""

    def __init__(self, expectation: str, evidence: object = "") -> None:
        super().__init__(f"expected: {expectation}\n{evidence}")
        self.evidence = evidence


class Bench:
    """One client's part of the run. Steps of one client run one after the other; clients run beside each other."""

    def __init__(self, row: Row, clients_dir: pathlib.Path, registry: Registry, folder: pathlib.Path,
                 issuer: Issuer) -> None:
        self.row = row
        self.issuer = issuer
        self.registry = registry
        self.folder = folder
        self.argv = row.argv(clients_dir)
        self.search_path = row.search_path(clients_dir)
        # A scope belongs to the user of that name. npm's user names are at most 50 characters, in lower case.
        self.user = User(f"user-of-{row.name}", f"secret-of-{row.name}-1")
        self.peer = User(f"peer-of-{row.name}", f"peer-secret-{row.name}-1")
        self.app = f"app-{row.name}"
        self.library = f"@{self.user.name}/library"
        self.main = self.session("main")
        # Left by `token create` for the steps after it.
        self.created_token = ""
        self.created_key = ""
        # Left by `profile enable-2fa` for the steps with one-time codes.
        self.guarded_session: Session | None = None
        self.guarded_secret = ""
        # Left by `stage publish` for the other steps of staging; before it, an id that nothing has.
        self.stage_id = "00000000-0000-4000-8000-000000000000"
        # Left by `install` for what looks at an installed project, and by the run for the second round.
        self.installed: pathlib.Path | None = None
        self.installer: Session | None = None
        self.everybodys_packages: list[str] = []
        self._counter = itertools.count(1)
        self._tokens: dict[str, str] = {}
        self._registered: set[str] = set()
        self._lock = threading.Lock()

    # Users and sessions.

    def session(self, name: str, token: str | None = None, registry_url: str | None = None) -> Session:
        """A new HOME with empty caches; the registry is the server itself unless a step stands a proxy before it."""
        home = self.folder / f"home-{name}"
        return drivers.BY_NAME[self.row.name](self.argv, home, registry_url or self.registry.url, token,
                                              self.search_path)

    def registered(self, user: User) -> None:
        """The client's own login made the account."""
        self._registered.add(user.name)

    def token_of(self, user: User) -> str:
        """A token made by the harness, with the account when it does not exist."""
        with self._lock:
            if user.name not in self._tokens:
                if user.name not in self._registered:
                    self.registry.add_user(user)
                    self._registered.add(user.name)
                self._tokens[user.name] = self.registry.token_for(user)
            return self._tokens[user.name]

    def authenticated(self) -> Session:
        """The main session; a client that did not log in itself gets a token in its configuration."""
        if self.main.token() is None and "main" not in self._tokens:
            self._tokens["main"] = self.token_of(self.user)
            self.main.use_token(self._tokens["main"])
        return self.main

    def proxy(self, prefix: str = "") -> proxy.Proxy:
        return proxy.Proxy(self.registry.netloc, prefix)

    # Packages and projects.

    def package(self, name: str, version: str, dependencies: dict[str, str] | None = None) -> pathlib.Path:
        """Writes a package with text that follows from name and version, in a new folder."""
        return packages.write(self.folder / f"package-{next(self._counter)}", name, version, dependencies)

    def publish(self, name: str, version: str, **options) -> pathlib.Path:
        """Publishes and returns the folder; fails the step when the client or the registry refuses."""
        folder = self.package(name, version, options.pop("dependencies", None))
        done = self.authenticated().publish(folder, **options)
        self.expect(done.ok, "the publish succeeds", done)
        return folder

    def project(self, dependencies: dict[str, str]) -> pathlib.Path:
        return packages.write_project(self.folder / f"project-{next(self._counter)}", dependencies)

    # Checks.

    @staticmethod
    def expect(condition: object, expectation: str, evidence: object = "") -> None:
        if not condition:
            raise StepFailed(expectation, evidence)

    def expect_versions(self, name: str, versions: list[str], evidence: object = "") -> dict:
        """The registry itself, asked by the harness, has exactly these versions; returns the packument."""
        document = self.registry.packument(name, self.token_of(self.user))
        found = sorted(document.get("versions", {}))
        self.expect(found == sorted(versions), f"{name} has the versions {versions}, found {found}", evidence)
        return document

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition came true in time, asked ten times a second."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True
