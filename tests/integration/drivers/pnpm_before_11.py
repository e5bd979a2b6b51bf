"""pnpm 9 and 10: they install themselves, and hand everything about accounts and packages to the npm on the PATH."""

import pathlib

import terminal
from drivers import npm


class Pnpm10(npm.Npm10):
    """The npm beside it (client_table.txt) is npm 10: its words, its prompts, and its token in .npmrc."""

    LOCKFILE = "pnpm-lock.yaml"
    NOT_OFFERED = {
        **npm.NO_STAGING,
        **npm.NO_TRUST,
        **npm.NO_IDENTITY,
        **npm.NO_GRANULAR,
        **npm.NO_HOOK,
        **dict.fromkeys(("org_set", "org_ls", "org_rm"), "pnpm has no org command"),
        "audit_signatures": "pnpm has it since 11",
        "publish_with_code": "as npm 10, which it runs",
        "publish_provenance": "as npm 10, which it runs",
        "pack_from_registry": "pnpm packs folders only",
    }

    def with_age_gate(self) -> None:
        """Off by default: the user asks for it, in minutes."""
        with open(self.home / ".npmrc", "a", encoding="utf-8") as npmrc:
            npmrc.write("minimum-release-age=1440\n")

    def publish(self, folder: pathlib.Path, tag: str | None = None, access: str | None = None) -> terminal.Outcome:
        flags = [] if tag is None else ["--tag", tag]
        if access is not None:
            flags += ["--access", access]
        return self.run("publish", "--no-git-checks", *flags, cwd=folder)

    def install(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--no-frozen-lockfile", cwd=project)

    def install_locked(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("install", "--frozen-lockfile", cwd=project)

    def outdated(self, project: pathlib.Path) -> terminal.Outcome:
        return self.run("outdated", "--format", "json", cwd=project)

    def execute(self, spec: str, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("dlx", spec, cwd=folder)


class Pnpm9(Pnpm10):
    NOT_OFFERED = {**Pnpm10.NOT_OFFERED, **npm.NO_AGE_GATE}
