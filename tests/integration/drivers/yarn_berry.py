"""yarn 4: every command runs in a project, and its settings come from YARN_ variables here."""

import pathlib
import re

import terminal
from drivers import session


class YarnBerry(session.Session):
    LOCKFILE = "yarn.lock"
    NOT_OFFERED = {
        "ping": "yarn 4 has no ping",
        "deprecate": "yarn 4 has no deprecate",
        "owner_add": "yarn 4 has no owner command",
        "owner_ls": "yarn 4 has no owner command",
        "owner_rm": "yarn 4 has no owner command",
        "token_create": "yarn 4 has no token command",
        "token_list": "yarn 4 has no token command",
        "token_revoke": "yarn 4 has no token command",
        "search": "yarn 4's search asks a service of its own",
        "unpublish": "yarn 4 has no unpublish",
        "unpublish_all": "yarn 4 has no unpublish",
    }

    def configure(self) -> None:
        self.settings = {
            "YARN_NPM_REGISTRY_SERVER": self.registry_url.rstrip("/"),
            "YARN_UNSAFE_HTTP_WHITELIST": "127.0.0.1",
            "YARN_NODE_LINKER": "node-modules",
            "YARN_ENABLE_TELEMETRY": "0",
            "YARN_HTTP_RETRY": "0",
            "YARN_GLOBAL_FOLDER": str(self.home / "yarn"),
            "YARN_NPM_MINIMAL_AGE_GATE": "0",
        }
        _make_project(self.home)

    def with_age_gate(self) -> None:
        """The client as it is without configuration."""
        del self.settings["YARN_NPM_MINIMAL_AGE_GATE"]

    def use_token(self, token: str) -> None:
        self.settings["YARN_NPM_AUTH_TOKEN"] = token

    def token(self) -> str | None:
        configuration = self.home / ".yarnrc.yml"
        if not configuration.exists():
            return None
        found = re.search(r'npmAuthToken: *"?([^"\s]+)', configuration.read_text(encoding="utf-8"))
        return found.group(1) if found else None

    def register(self, user: str, password: str, email: str) -> terminal.Outcome:
        return self.login(user, password)

    def login(self, user: str, password: str) -> terminal.Outcome:
        return self.converse([("username", user), ("password", password)], "npm", "login")

    def logout(self) -> terminal.Outcome:
        return self.run("npm", "logout")

    def whoami(self) -> terminal.Outcome:
        return self.run("npm", "whoami")

    def publish(self, folder: pathlib.Path, tag: str | None = None, access: str | None = None) -> terminal.Outcome:
        _make_project(folder)
        prepared = self.run("install", cwd=folder)
        if not prepared.ok:
            return prepared
        flags = [] if tag is None else ["--tag", tag]
        if access is not None:
            flags += ["--access", access]
        return self.run("npm", "publish", *flags, cwd=folder)

    def view(self, spec: str) -> tuple[terminal.Outcome, dict]:
        done = self.run("npm", "info", spec, "--json")
        documents = session.json_documents(done.stdout)
        return done, documents[0] if documents else {}

    def dist_tag_add(self, name: str, version: str, tag: str) -> terminal.Outcome:
        return self.run("npm", "tag", "add", f"{name}@{version}", tag)

    def dist_tag_ls(self, name: str) -> terminal.Outcome:
        return self.run("npm", "tag", "list", name)

    def dist_tag_rm(self, name: str, tag: str) -> terminal.Outcome:
        return self.run("npm", "tag", "remove", name, tag)

    def install(self, project: pathlib.Path) -> terminal.Outcome:
        _make_project(project)
        return self.run("install", "--no-immutable", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--immutable", cwd=project)


def _make_project(folder: pathlib.Path) -> None:
    """Makes the folder a project root, so that yarn does not climb to one above it."""
    lockfile = folder / "yarn.lock"
    if not lockfile.exists():
        lockfile.write_text("", encoding="utf-8")
    manifest = folder / "package.json"
    if not manifest.exists():
        manifest.write_text('{"name": "home", "private": true}\n', encoding="utf-8")
