"""yarn 4: every command runs in a project, and its settings come from YARN_ variables here."""

import pathlib
import re

import terminal
from drivers import session


class YarnBerry(session.Session):
    LOCKFILE = "yarn.lock"
    NOT_OFFERED = session.not_offered(
        "yarn 4", ping="ping", deprecate="deprecate", unpublish="unpublish unpublish_all", access=session.ACCESS,
        org=session.ORG, team=session.TEAM, profile="profile_get profile_set profile_password enable_2fa disable_2fa",
        stars=session.STARS, hook=session.HOOK, trust=session.TRUST, token=session.TOKEN, owner=session.OWNER,
        signatures="audit_signatures", outdated="outdated",
        **{"stage view": "stage_view", "stage download": "stage_download"}) | {
            "dist_tag_by_identity": "yarn 4 exchanges identity tokens for publishes alone",
            "search": "yarn 4's search asks a service of its own", "pack_from_registry": "yarn 4 packs folders only"}

    def configure(self) -> None:
        self.settings = {
            "YARN_NPM_REGISTRY_SERVER": self.registry_url.rstrip("/"),
            "YARN_UNSAFE_HTTP_WHITELIST": "127.0.0.1",
            "YARN_NODE_LINKER": "node-modules",
            "YARN_ENABLE_TELEMETRY": "0",
            "YARN_HTTP_RETRY": "0",
            "YARN_GLOBAL_FOLDER": str(self.home / "yarn"),
            "YARN_NPM_MINIMAL_AGE_GATE": "0",
            "YARN_ENABLE_IMMUTABLE_INSTALLS": "0",  # What it takes for granted on a CI system.
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

    def web_login(self, approve: terminal.Answer) -> terminal.Outcome:
        return self.converse([(r"https?://\S+|username", approve)], "npm", "login", "--web-login")

    def logout(self) -> terminal.Outcome:
        return self.run("npm", "logout")

    def whoami(self) -> terminal.Outcome:
        return self.run("npm", "whoami")

    def publish(self, folder: pathlib.Path, tag: str | None = None, access: str | None = None) -> terminal.Outcome:
        flags = [] if tag is None else ["--tag", tag]
        if access is not None:
            flags += ["--access", access]
        return self._publish(folder, *flags)

    def _publish(self, folder: pathlib.Path, *flags: str) -> terminal.Outcome:
        prepared = self._prepare(folder)
        return self.run("npm", "publish", *flags, cwd=folder) if prepared.ok else prepared

    def _prepare(self, folder: pathlib.Path) -> terminal.Outcome:
        """Only an installed project may be published."""
        _make_project(folder)
        return self.run("install", cwd=folder)

    def publish_with_code(self, folder: pathlib.Path, code: terminal.Answer) -> terminal.Outcome:
        self._prepare(folder)
        return self.converse([("one-time password|OTP", code)], "npm", "publish", cwd=folder)

    def publish_provenance(self, folder: pathlib.Path) -> terminal.Outcome:
        return self._publish(folder, "--provenance")

    def stage_publish(self, folder: pathlib.Path) -> terminal.Outcome:
        return self._publish(folder, "--staged")

    def stage_list(self) -> terminal.Outcome:
        return self.run("npm", "stage", "list")

    def stage_approve(self, key: str) -> terminal.Outcome:
        return self.run("npm", "stage", "approve", key)

    def stage_approve_with_code(self, key: str, code: str) -> terminal.Outcome:
        return self.run("npm", "stage", "approve", key, "--otp", code)

    def stage_reject(self, key: str) -> terminal.Outcome:
        return self.run("npm", "stage", "reject", key)

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

    def audit(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("npm", "audit", "--all", "--recursive", "--json", cwd=project)

    def update(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("up", "*", cwd=project)

    def execute(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("dlx", spec, cwd=folder)


def _make_project(folder: pathlib.Path) -> None:
    """Makes the folder a project root, so that yarn does not climb to one above it."""
    lockfile = folder / "yarn.lock"
    if not lockfile.exists():
        lockfile.write_text("", encoding="utf-8")
    manifest = folder / "package.json"
    if not manifest.exists():
        manifest.write_text('{"name": "home", "private": true}\n', encoding="utf-8")
