"""yarn 1.22: keeps no token. `yarn login` stores the name, and each command that writes asks the password."""

import pathlib

import terminal
from drivers import session


class YarnClassic(session.Session):
    LOCKFILE = "yarn.lock"
    NOT_OFFERED = session.not_offered(
        "yarn 1", ping="ping", whoami="whoami", deprecate="deprecate", search="search",
        unpublish="unpublish unpublish_all", access=session.ACCESS, org=session.ORG,
        profile=session.PROFILE, stars=session.STARS, hook=session.HOOK, stage=session.STAGE, trust=session.TRUST,
        identity=session.IDENTITY,
        token=session.TOKEN, provenance="publish_provenance", signatures="audit_signatures",
        **{"age gate": "with_age_gate", "web login": "web_login", "npx": "execute"}) | {
            "login": "yarn 1 logs in while it publishes", "audit": "yarn 1 asks a host that is built into it",
            "pack_from_registry": "yarn 1 packs folders only"}

    def configure(self) -> None:
        (self.home / ".yarnrc").write_text(f'registry "{self.registry_url}"\ndisable-self-update-check true\n',
                                           encoding="utf-8")
        (self.home / ".npmrc").write_text(f"registry={self.registry_url}\n", encoding="utf-8")
        # For root its default lies outside HOME.
        self.settings = {"YARN_CACHE_FOLDER": str(self.home / "cache")}

    def use_token(self, token: str) -> None:
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write(f"//{self.origin}/:_authToken={token}\n")

    def token(self) -> str | None:
        return session.npmrc_token(self.home / ".npmrc")

    def remember_name(self, user: str, email: str) -> terminal.Outcome:
        """`yarn login`: asks name and email, and sends nothing."""
        return self.converse([("npm username", user), ("npm email", email)], "login")

    def publish_with_password(self, folder: pathlib.Path, version: str, password: str) -> terminal.Outcome:
        """Publishes without a token: yarn asks the password, logs in, publishes, and revokes what it got."""
        return self.converse([("npm password", password)], "publish", "--new-version", version, "--no-git-tag-version",
                             cwd=folder)

    def logout(self) -> terminal.Outcome:
        return self.run("logout")

    def publish(self, folder: pathlib.Path, tag: str | None = None, access: str | None = None) -> terminal.Outcome:
        flags = [] if tag is None else ["--tag", tag]
        if access is not None:
            flags += ["--access", access]
        return self.run("publish", "--non-interactive", *flags, cwd=folder)

    def view(self, spec: str) -> tuple[terminal.Outcome, dict]:
        done = self.run("info", spec, "--json")
        documents = session.json_documents(done.stdout)
        found = [document["data"] for document in documents if document.get("type") == "inspect"]
        return done, found[0] if found else {}

    def dist_tag_add(self, name: str, version: str, tag: str) -> terminal.Outcome:
        return self.run("tag", "add", f"{name}@{version}", tag, "--non-interactive")

    def dist_tag_ls(self, name: str) -> terminal.Outcome:
        return self.run("tag", "list", name, "--non-interactive")

    def dist_tag_rm(self, name: str, tag: str) -> terminal.Outcome:
        return self.run("tag", "remove", name, tag, "--non-interactive")

    def owner_add(self, user: str, name: str) -> terminal.Outcome:
        return self.run("owner", "add", user, name, "--non-interactive")

    def owner_ls(self, name: str) -> terminal.Outcome:
        return self.run("owner", "list", name, "--non-interactive")

    def owner_rm(self, user: str, name: str) -> terminal.Outcome:
        return self.run("owner", "remove", user, name, "--non-interactive")

    def team_create(self, team: str) -> terminal.Outcome:
        return self.run("team", "create", team, "--non-interactive")

    def team_destroy(self, team: str) -> terminal.Outcome:
        return self.run("team", "destroy", team, "--non-interactive")

    def team_add(self, team: str, user: str) -> terminal.Outcome:
        return self.run("team", "add", team, user, "--non-interactive")

    def team_rm(self, team: str, user: str) -> terminal.Outcome:
        return self.run("team", "remove", team, user, "--non-interactive")

    def team_ls(self, scope_or_team: str) -> terminal.Outcome:
        return self.run("team", "list", scope_or_team, "--non-interactive")

    def outdated(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("outdated", "--json", cwd=project)

    def update(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("upgrade", "--non-interactive", cwd=project)

    def install(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--non-interactive", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--non-interactive", "--frozen-lockfile", cwd=project)
