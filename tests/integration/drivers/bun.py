"""bun: has no login; its token comes from the configuration."""

import pathlib

import terminal
from drivers import session


class Bun(session.Session):
    LOCKFILE = "bun.lock"
    NOT_OFFERED = {
        "register": "bun has no login",
        "login": "bun has no login",
        "logout": "bun has no logout",
        "ping": "bun has no ping",
        "dist_tag_add": "bun has no dist-tag command",
        "dist_tag_ls": "bun has no dist-tag command",
        "dist_tag_rm": "bun has no dist-tag command",
        "deprecate": "bun has no deprecate",
        "owner_add": "bun has no owner command",
        "owner_ls": "bun has no owner command",
        "owner_rm": "bun has no owner command",
        "token_create": "bun has no token command",
        "token_list": "bun has no token command",
        "token_revoke": "bun has no token command",
        "search": "bun has no search",
        "unpublish": "bun has no unpublish",
        "unpublish_all": "bun has no unpublish",
    }

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

    def view(self, spec: str) -> tuple[terminal.Outcome, dict]:
        done = self.run("info", spec, "--json")
        documents = session.json_documents(done.stdout)
        return done, documents[0] if documents else {}

    def install(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--frozen-lockfile", cwd=project)
