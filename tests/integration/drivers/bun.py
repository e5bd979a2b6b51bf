"""bun: has no login; its token comes from the configuration."""

import pathlib

import terminal
from drivers import session


class Bun(session.Session):
    LOCKFILE = "bun.lock"
    NOT_OFFERED = session.not_offered(
        "bun", login="register login web_login", logout="logout", ping="ping", deprecate="deprecate",
        search="search", unpublish="unpublish unpublish_all", access=session.ACCESS, org=session.ORG,
        team=session.TEAM, profile="profile_get profile_set profile_password enable_2fa disable_2fa",
        stars=session.STARS, hook=session.HOOK, stage=session.STAGE, trust=session.TRUST, identity=session.IDENTITY,
        token=session.TOKEN,
        owner=session.OWNER, provenance="publish_provenance", signatures="audit_signatures",
        **{"dist-tag": "dist_tag_add dist_tag_ls dist_tag_rm"}) | {"pack_from_registry": "bun packs folders only"}

    def configure(self) -> None:
        (self.home / ".npmrc").write_text(f"registry={self.registry_url}\n", encoding="utf-8")
        self.settings = {"BUN_INSTALL_CACHE_DIR": str(self.home / "cache"), "BUN_INSTALL": str(self.home / "bun"),
                         "DO_NOT_TRACK": "1"}

    def use_token(self, token: str) -> None:
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write(f"//{self.origin}/:_authToken={token}\n")

    def token(self) -> str | None:
        return session.npmrc_token(self.home / ".npmrc")

    def with_age_gate(self) -> None:
        """Off by default: the user asks for it, in seconds."""
        (self.home / ".bunfig.toml").write_text("[install]\nminimumReleaseAge = 86400\n", encoding="utf-8")

    def whoami(self) -> terminal.Outcome:
        return self.run("pm", "whoami")

    def publish(self, folder: pathlib.Path, tag: str | None = None, access: str | None = None) -> terminal.Outcome:
        flags = [] if tag is None else ["--tag", tag]
        if access is not None:
            flags += ["--access", access]
        return self.run("publish", *flags, cwd=folder)

    def publish_with_code(self, folder: pathlib.Path, code: terminal.Answer) -> terminal.Outcome:
        return self.converse([("one-time password|OTP|authenticator", code)], "publish", "--auth-type=legacy",
                             cwd=folder)

    def view(self, spec: str) -> tuple[terminal.Outcome, dict]:
        done = self.run("info", spec, "--json")
        documents = session.json_documents(done.stdout)
        return done, documents[0] if documents else {}

    def install(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--frozen-lockfile", cwd=project)

    def audit(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("audit", "--json", cwd=project)

    def outdated(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("outdated", cwd=project)

    def update(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("update", cwd=project)

    def execute(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("x", "--bun", spec, cwd=folder)
