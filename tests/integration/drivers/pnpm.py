"""pnpm 11 and 12, which ask the registry themselves and never run npm; 12 is a native program."""

import pathlib

import terminal
from drivers import manage, npm, session

NO_ORG = dict.fromkeys(("org_set", "org_ls", "org_rm"), "pnpm has no org command")


class Pnpm12(manage.Manage):
    NOT_OFFERED = {**npm.NO_HOOK, **NO_ORG, **npm.NO_TRUST, **npm.NO_GRANULAR,
                   "pack_from_registry": "pnpm packs folders only"}
    LOCKFILE = "pnpm-lock.yaml"
    LOGOUT_TELLS_REGISTRY = True

    def configure(self) -> None:
        (self.home / ".npmrc").write_text(f"registry={self.registry_url}\n", encoding="utf-8")
        self.settings = {
            "PNPM_CONFIG_FETCH_RETRIES": "0",
            "PNPM_CONFIG_UPDATE_NOTIFIER": "false",
            # The age gate (24 h by default) hides what these tests have just published.
            "PNPM_CONFIG_MINIMUM_RELEASE_AGE": "0",
        }

    def with_age_gate(self) -> None:
        """The client as it is without configuration."""
        del self.settings["PNPM_CONFIG_MINIMUM_RELEASE_AGE"]

    def use_token(self, token: str) -> None:
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write(f"//{self.origin}/:_authToken={token}\n")

    def token(self) -> str | None:
        found = [session.npmrc_token(path) for path in (self.home / ".config/pnpm/auth.ini", self.home / ".npmrc")]
        return next((token for token in found if token), None)

    def register(self, user: str, password: str, email: str) -> terminal.Outcome:
        return self.converse([("username", user), ("password", password), ("email", email)], "login")

    def web_login(self, approve: terminal.Answer) -> terminal.Outcome:
        return self.converse([(r"https?://\S+|username", approve)], "login")

    def login(self, user: str, password: str) -> terminal.Outcome:
        return self.register(user, password, f"{user}@example.com")

    def logout(self) -> terminal.Outcome:
        return self.run("logout")

    def ping(self) -> terminal.Outcome:
        return self.run("ping")

    def whoami(self) -> terminal.Outcome:
        return self.run("whoami")

    def publish(self, folder: pathlib.Path, tag: str | None = None, access: str | None = None) -> terminal.Outcome:
        flags = [] if tag is None else ["--tag", tag]
        if access is not None:
            flags += ["--access", access]
        return self.run("publish", "--no-git-checks", *flags, cwd=folder)

    def publish_with_code(self, folder: pathlib.Path, code: terminal.Answer) -> terminal.Outcome:
        return self.converse([("one-time password|OTP", code)], "publish", "--no-git-checks", cwd=folder)

    def disable_2fa(self, password: str, code: terminal.Answer) -> terminal.Outcome:
        """pnpm asks for the password alone; the code has to be an option."""
        now = code("") if callable(code) else code
        return self.converse([("[Pp]assword", password)], "profile", "disable-2fa", "--otp", now)

    def publish_provenance(self, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("publish", "--no-git-checks", "--provenance", cwd=folder)

    def stage_publish(self, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("stage", "publish", "--no-git-checks", cwd=folder)

    # Of teams pnpm wants the scope with its sign.

    def team_create(self, team: str) -> terminal.Outcome:
        return super().team_create("@" + team)

    def team_destroy(self, team: str) -> terminal.Outcome:
        return super().team_destroy("@" + team)

    def team_add(self, team: str, user: str) -> terminal.Outcome:
        return super().team_add("@" + team, user)

    def team_rm(self, team: str, user: str) -> terminal.Outcome:
        return super().team_rm("@" + team, user)

    def team_ls(self, scope_or_team: str) -> terminal.Outcome:
        return super().team_ls("@" + scope_or_team)

    def access_grant(self, permission: str, team: str, name: str) -> terminal.Outcome:
        return super().access_grant(permission, "@" + team, name)

    def access_revoke(self, team: str, name: str) -> terminal.Outcome:
        return super().access_revoke("@" + team, name)

    def view(self, spec: str) -> tuple[terminal.Outcome, dict]:
        done = self.run("view", spec, "--json")
        documents = session.json_documents(done.stdout)
        return done, documents[0] if documents else {}

    def dist_tag_add(self, name: str, version: str, tag: str) -> terminal.Outcome:
        return self.run("dist-tag", "add", f"{name}@{version}", tag)

    def dist_tag_ls(self, name: str) -> terminal.Outcome:
        return self.run("dist-tag", "ls", name)

    def dist_tag_rm(self, name: str, tag: str) -> terminal.Outcome:
        return self.run("dist-tag", "rm", name, tag)

    def deprecate(self, spec: str, message: str) -> terminal.Outcome:
        if not message:
            return self.run("undeprecate", spec)
        return self.run("deprecate", spec, message)

    def owner_add(self, user: str, name: str) -> terminal.Outcome:
        return self.run("owner", "add", name, user)

    def owner_ls(self, name: str) -> terminal.Outcome:
        return self.run("owner", "ls", name)

    def owner_rm(self, user: str, name: str) -> terminal.Outcome:
        return self.run("owner", "rm", name, user)

    def token_create(self, password: str) -> terminal.Outcome:
        return self.converse([("password", password)], "token", "create", "--read-only")

    def token_create_from(self, password: str, network: str) -> terminal.Outcome:
        """A read-only token that is good from this network alone."""
        return self.converse([("password", password)], "token", "create", "--read-only", "--cidr", network)

    def token_list(self) -> tuple[terminal.Outcome, list]:
        done = self.run("token", "list", "--json")
        documents = session.json_documents(done.stdout)
        return done, documents[0] if documents else []

    def token_revoke(self, key: str) -> terminal.Outcome:
        return self.run("token", "revoke", key)

    def search(self, text: str) -> terminal.Outcome:
        return self.run("search", text, "--json")

    def unpublish(self, spec: str) -> terminal.Outcome:
        return self.run("unpublish", spec)

    def unpublish_all(self, name: str) -> terminal.Outcome:
        return self.run("unpublish", name, "--force")

    def install(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--no-frozen-lockfile", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--frozen-lockfile", cwd=project)

    def audit(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("audit", "--json", cwd=project)

    def audit_signatures(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("audit", "signatures", cwd=project)

    def outdated(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("outdated", "--format", "json", cwd=project)

    def update(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("update", cwd=project)

    def execute(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("dlx", spec, cwd=folder)


class Pnpm11(Pnpm12):
    NOT_OFFERED = {
        **Pnpm12.NOT_OFFERED,
        **npm.NO_IDENTITY_TAGS,
        **dict.fromkeys(("profile_get", "profile_set", "profile_password", "enable_2fa", "disable_2fa",
                         "publish_with_code"), "pnpm 11: profile is not yet implemented"),
        **dict.fromkeys(("token_create", "token_create_from", "token_list", "token_revoke"), "pnpm 11: token is not yet implemented"),
    }
