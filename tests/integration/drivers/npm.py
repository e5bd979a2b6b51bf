"""npm 6 to 12: they differ in how an account is made and in the flags of `npm token create`; npm 6 in more."""

import pathlib

import terminal
from drivers import manage, session


class Npm(manage.Manage):
    """What all have in common; `major` and the rest are in the subclasses below."""

    LOCKFILE = "package-lock.json"
    LOGOUT_TELLS_REGISTRY = True
    major = 0

    def configure(self) -> None:
        lines = [
            f"registry={self.registry_url}",
            # A retry would turn a fault of the server into ten seconds of silence and a pass.
            "fetch-retries=0",
            # npm 9 looks into the global folder of its Node, which is no installation here.
            f"prefix={self.home}/global",
            "fund=false",
            "progress=false",
        ]
        (self.home / "global/lib").mkdir(parents=True)
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
        dialogue = [("username:", user), ("password:", password), ("email", email)]
        return self.converse(dialogue, "adduser", *self._legacy())

    def login(self, user: str, password: str) -> terminal.Outcome:
        dialogue = [("username:", user), ("password:", password)]
        if self.major < 9:  # login is a second name of adduser there
            dialogue.append(("email:", f"{user}@example.com"))
        return self.converse(dialogue, "login", *self._legacy())

    def web_login(self, approve: terminal.Answer) -> terminal.Outcome:
        """`approve` is called when the address to visit is on the screen, or a question that needs no browser."""
        return self.converse([(r"login at:\s+\S+\s|username:", approve)], "login", "--auth-type=web",
                             "--browser=false")

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

    def publish_with_code(self, folder: pathlib.Path, code: terminal.Answer) -> terminal.Outcome:
        """Publishes on a terminal, and answers the question for a one-time password."""
        auth = [] if self.major < 9 else ["--auth-type=legacy"]
        return self.converse([("one-time password|authenticator|OTP", code)], "publish", *auth, cwd=folder)

    def publish_provenance(self, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("publish", "--provenance", cwd=folder)

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

    def token_create_for(self, password: str, package: str) -> terminal.Outcome:
        """A token that may write this one package and nothing else."""
        return self.converse([("password:", password)], "token", "create", "--name", "for-one-package", "--packages",
                             package, "--packages-and-scopes-permission", "read-write", "--expires", "5")

    def token_create_from(self, password: str, network: str) -> terminal.Outcome:
        """A read-only token that is good from this network alone."""
        flags = ["--read-only"]
        if self.major >= 11:
            flags = ["--name", "from-a-network", "--packages-all", "--packages-and-scopes-permission", "read-only"]
        return self.converse([("password:", password)], "token", "create", "--cidr", network, *flags)

    def token_create_wide(self, password: str, scope: str, org: str) -> terminal.Outcome:
        """A token with everything that this client can limit one to."""
        return self.converse([("password:", password)], "token", "create", "--name", "for-a-scope", "--scopes", scope,
                             "--packages-and-scopes-permission", "read-only", "--orgs", org, "--orgs-permission",
                             "read-only", "--cidr", "127.0.0.0/8", "--expires", "3", "--bypass-2fa", "--json")

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


    def audit(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("audit", "--json", cwd=project)

    def audit_signatures(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("audit", "signatures", cwd=project)

    def outdated(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("outdated", "--json", cwd=project)

    def update(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("update", cwd=project)

    def pack_from_registry(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("pack", spec, cwd=folder)

    def execute(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("exec", "--yes", "--", spec, cwd=folder)


NO_AGE_GATE = {"with_age_gate": "it has no age gate"}
NO_STAGING = dict.fromkeys(("stage_publish", "stage_list", "stage_view", "stage_download", "stage_approve",
                            "stage_reject"), "it has no staged publishing")
NO_TRUST = dict.fromkeys(("trust_add", "trust_list", "trust_revoke"), "it has no trust command")
NO_IDENTITY = dict.fromkeys(session.IDENTITY.split(), "it does not exchange identity tokens")
NO_IDENTITY_TAGS = {"dist_tag_by_identity": "it exchanges identity tokens for publishes alone"}
NO_HOOK = dict.fromkeys(("hook_add", "hook_ls", "hook_update", "hook_rm"), "it has no hook command (npm 11 removed it)")
NO_GRANULAR = dict.fromkeys(("token_create_for", "token_create_wide"), "it has no granular tokens")


class Npm12(Npm):
    major = 12
    NOT_OFFERED = {**NO_HOOK, **dict.fromkeys(("star", "unstar", "stars"), "npm 12 removed it")}

    def with_age_gate(self) -> None:
        """Off by default here: the user asks for it, in days."""
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write("min-release-age=1\n")


class Npm11(Npm12):
    major = 11
    NOT_OFFERED = {**NO_HOOK, **NO_IDENTITY_TAGS}


class Npm10(Npm):
    major = 10
    NOT_OFFERED = {**NO_AGE_GATE, **NO_STAGING, **NO_TRUST, **NO_IDENTITY, **NO_GRANULAR}


class Npm9(Npm10):
    major = 9


class Npm6(Npm):
    """npm 6 has words of its own for access."""

    major = 6
    NOT_OFFERED = {
        **Npm10.NOT_OFFERED,
        "web_login": "npm 6 opens a browser and prints no address without one",
        "access_status": "npm 6 cannot ask",
        "audit_signatures": "it has no audit signatures",
        "publish_provenance": "it has no provenance",
    }

    def access_set(self, name: str, status: str) -> terminal.Outcome:
        return self.run("access", "restricted" if status == "private" else status, name)

    def access_mfa(self, name: str, level: str) -> terminal.Outcome:
        return self.run("access", "2fa-not-required" if level == "none" else "2fa-required", name)

    def access_packages(self, who: str) -> terminal.Outcome:
        return self.run("access", "ls-packages", who)

    def access_collaborators(self, name: str) -> terminal.Outcome:
        return self.run("access", "ls-collaborators", name)

    def profile_set(self, key: str, value: str, password: str) -> terminal.Outcome:
        return self.converse([("password:", password)], "profile", "set", key, value)

    def execute(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        """npx is a program beside npm there."""
        npx = pathlib.Path(self.argv[-1]).with_name("npx-cli.js")
        return terminal.run([*self.argv[:-1], str(npx), spec], folder, self.environment())
