"""The words of npm 9 and later, which pnpm 11 and 12 share, for what is not publishing or installing."""

import pathlib

import terminal
from drivers import session


class Manage(session.Session):
    """Access, teams, organisations, profile, stars, hooks, staging, trust. NOT_OFFERED says what a client lacks."""

    # Access.

    def access_status(self, name: str) -> terminal.Outcome:
        return self.run("access", "get", "status", name)

    def access_set(self, name: str, status: str) -> terminal.Outcome:
        """`status` is public or private."""
        return self.run("access", "set", f"status={status}", name)

    def access_mfa(self, name: str, level: str) -> terminal.Outcome:
        return self.run("access", "set", f"mfa={level}", name)

    def access_packages(self, who: str) -> terminal.Outcome:
        return self.run("access", "list", "packages", who)

    def access_collaborators(self, name: str) -> terminal.Outcome:
        return self.run("access", "list", "collaborators", name)

    def access_grant(self, permission: str, team: str, name: str) -> terminal.Outcome:
        return self.run("access", "grant", permission, team, name)

    def access_revoke(self, team: str, name: str) -> terminal.Outcome:
        return self.run("access", "revoke", team, name)

    # Organisations and teams; a team is called scope:team.

    def org_set(self, org: str, user: str, role: str) -> terminal.Outcome:
        return self.run("org", "set", org, user, role)

    def org_ls(self, org: str) -> terminal.Outcome:
        return self.run("org", "ls", org)

    def org_rm(self, org: str, user: str) -> terminal.Outcome:
        return self.run("org", "rm", org, user)

    def team_create(self, team: str) -> terminal.Outcome:
        return self.run("team", "create", team)

    def team_destroy(self, team: str) -> terminal.Outcome:
        return self.run("team", "destroy", team)

    def team_add(self, team: str, user: str) -> terminal.Outcome:
        return self.run("team", "add", team, user)

    def team_rm(self, team: str, user: str) -> terminal.Outcome:
        return self.run("team", "rm", team, user)

    def team_ls(self, scope_or_team: str) -> terminal.Outcome:
        return self.run("team", "ls", scope_or_team)

    # Profile.

    def profile_get(self) -> terminal.Outcome:
        return self.run("profile", "get")

    def profile_set(self, key: str, value: str, password: str) -> terminal.Outcome:
        """Only npm 6 asks for the password."""
        return self.run("profile", "set", key, value)

    def profile_password(self, old: str, new: str) -> terminal.Outcome:
        return self.converse([("current password", old), ("new password", new), ("again", new)],
                             "profile", "set", "password")

    def enable_2fa(self, password: str, code: terminal.Answer) -> terminal.Outcome:
        return self.converse([("password:", password), ("code from your authenticator", code)],
                             "profile", "enable-2fa", "auth-and-writes")

    def disable_2fa(self, password: str, code: terminal.Answer) -> terminal.Outcome:
        return self.converse([("password:", password), ("one-time password|OTP|code", code)], "profile", "disable-2fa")

    # Stars.

    def star(self, name: str) -> terminal.Outcome:
        return self.run("star", name)

    def unstar(self, name: str) -> terminal.Outcome:
        return self.run("unstar", name)

    def stars(self, user: str) -> terminal.Outcome:
        return self.run("stars", user)

    # Hooks.

    def hook_add(self, entity: str, url: str, secret: str) -> terminal.Outcome:
        return self.run("hook", "add", entity, url, secret)

    def hook_ls(self) -> terminal.Outcome:
        return self.run("hook", "ls")

    def hook_update(self, key: str, url: str, secret: str) -> terminal.Outcome:
        return self.run("hook", "update", key, url, secret)

    def hook_rm(self, key: str) -> terminal.Outcome:
        return self.run("hook", "rm", key)

    # Staged publishing.

    def stage_publish(self, folder: pathlib.Path) -> terminal.Outcome:
        return self.run("stage", "publish", cwd=folder)

    def stage_list(self) -> terminal.Outcome:
        return self.run("stage", "list")

    def stage_view(self, key: str) -> terminal.Outcome:
        return self.run("stage", "view", key)

    def stage_download(self, key: str) -> terminal.Outcome:
        return self.run("stage", "download", key)

    def stage_approve(self, key: str) -> terminal.Outcome:
        return self.run("stage", "approve", key)

    def stage_approve_with_code(self, key: str, code: str) -> terminal.Outcome:
        return self.run("stage", "approve", key, "--otp", code)

    def stage_reject(self, key: str) -> terminal.Outcome:
        return self.run("stage", "reject", key)

    # Trusted publishing.

    def trust_add(self, name: str) -> terminal.Outcome:
        return self.run("trust", "github", name, "--file", "publish.yml", "--repository", "an-owner/a-repository",
                        "--allow-publish", "--yes")

    def trust_list(self, name: str) -> terminal.Outcome:
        return self.run("trust", "list", name)

    def trust_revoke(self, name: str, key: str) -> terminal.Outcome:
        return self.run("trust", "revoke", name, f"--id={key}")
