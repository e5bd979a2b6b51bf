"""npm 6, 10 and 12: one driver, they differ in how an account is made and in the flags of `npm token create`."""

import pathlib

import terminal
from drivers import session


class Npm(session.Session):
    """What the three have in common; `major` and the rest are in the subclasses below."""

    LOCKFILE = "package-lock.json"
    LOGOUT_TELLS_REGISTRY = True
    major = 0

    def configure(self) -> None:
        lines = [
            f"registry={self.registry_url}",
            # A retry would turn a fault of the server into ten seconds of silence and a pass.
            "fetch-retries=0",
            "fund=false",
            "progress=false",
        ]
        (self.home / ".npmrc").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def use_token(self, token: str) -> None:
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write(f"//{self.origin}/:_authToken={token}\n")

    def token(self) -> str | None:
        return session.npmrc_token(self.home / ".npmrc")

    def _legacy(self) -> list[str]:
        return [] if self.major < 9 else ["--auth-type=legacy"]

    def register(self, user: str, password: str, email: str) -> terminal.Outcome:
        """npm 12 has no adduser: its login registers where the registry lets it."""
        if self.major >= 12:
            return self.login(user, password)
        dialogue = [("username:", user), ("password:", password), ("email:", email)]
        return self.converse(dialogue, "adduser", *self._legacy())

    def login(self, user: str, password: str) -> terminal.Outcome:
        dialogue = [("username:", user), ("password:", password)]
        if self.major < 9:  # login is a second name of adduser there
            dialogue.append(("email:", f"{user}@example.com"))
        return self.converse(dialogue, "login", *self._legacy())

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
        return self.run("publish", *flags, cwd=folder)

    def view(self, spec: str) -> tuple[terminal.Outcome, dict]:
        done = self.run("view", spec, "--json")
        documents = session.json_documents(done.stdout)
        if documents and isinstance(documents[0], list):  # npm 12 answers with a list even for one version
            documents = documents[0]
        return done, documents[0] if documents else {}

    def dist_tag_add(self, name: str, version: str, tag: str) -> terminal.Outcome:
        return self.run("dist-tag", "add", f"{name}@{version}", tag)

    def dist_tag_ls(self, name: str) -> terminal.Outcome:
        return self.run("dist-tag", "ls", name)

    def dist_tag_rm(self, name: str, tag: str) -> terminal.Outcome:
        return self.run("dist-tag", "rm", name, tag)

    def deprecate(self, spec: str, message: str) -> terminal.Outcome:
        return self.run("deprecate", spec, message)

    def owner_add(self, user: str, name: str) -> terminal.Outcome:
        return self.run("owner", "add", user, name)

    def owner_ls(self, name: str) -> terminal.Outcome:
        # npm 6 asks its own cache first, and the packument may be a second old.
        return self.run("owner", "ls", name, "--prefer-online")

    def owner_rm(self, user: str, name: str) -> terminal.Outcome:
        return self.run("owner", "rm", user, name, "--prefer-online")

    def token_create(self, password: str) -> terminal.Outcome:
        flags = []
        if self.major >= 11:
            flags = ["--name", "made-by-npm", "--packages-all", "--packages-and-scopes-permission", "read-only",
                     "--expires", "5"]
        return self.converse([("password:", password)], "token", "create", *flags)

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
        return self.run("install", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("ci", cwd=project)


class Npm12(Npm):
    major = 12

    def with_age_gate(self) -> None:
        """Off by default here: the user asks for it, in days."""
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write("min-release-age=1\n")


class Npm10(Npm):
    major = 10
    NOT_OFFERED = {"with_age_gate": "npm 10 has no age gate"}


class Npm6(Npm):
    major = 6
    NOT_OFFERED = {"with_age_gate": "npm 6 has no age gate"}
