"""What every client driver has in common: a HOME of its own, a bare environment, and the list of verbs."""

import json
import pathlib

import terminal


class NotOffered(Exception):
    """The client has no such command; the text says so in the words of the table."""


class Session:
    """One client with one HOME, one registry and at most one token. Caches live in HOME: a new session has none.

    A verb returns what the command printed and its exit status; whether that is right, the step decides, by asking the
    registry itself. A verb that a client does not have raises NotOffered.
    """

    # What the table says of this client's verbs that do not exist: verb name -> reason.
    NOT_OFFERED: dict[str, str] = {}
    # The file that pins what was installed.
    LOCKFILE = ""
    # Whether logout revokes the token at the registry, or only forgets it.
    LOGOUT_TELLS_REGISTRY = False

    def __init__(self, argv: list[str], home: pathlib.Path, registry_url: str, token: str | None = None,
                 search_path: list[str] | None = None) -> None:
        self.argv = argv
        self.search_path = search_path or []
        self.home = home
        self.registry_url = registry_url
        # Host, port and path: what npm's configuration calls a registry by.
        self.origin = registry_url.partition("//")[2].rstrip("/")
        self.settings: dict[str, str] = {}
        (home / "tmp").mkdir(parents=True)
        self.configure()
        if token is not None:
            self.use_token(token)

    # Each driver has its own of these three.

    def configure(self) -> None:
        """Writes the client's configuration: which registry, and nothing that hides a fault of the server."""
        raise NotImplementedError

    def use_token(self, token: str) -> None:
        raise NotImplementedError

    def token(self) -> str | None:
        """The token that a login left in the configuration."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Nothing is inherited: a proxy, a CI marker or an npm_config_ of the caller would change the clients."""
        program_dirs = {str(pathlib.Path(part).parent): None for part in self.argv if part.startswith("/")}
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": ":".join([*program_dirs, *self.search_path, "/usr/bin", "/bin"]),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "NO_COLOR": "1",
            **self.settings,
        }

    def run(self, *arguments: str, cwd: pathlib.Path | None = None,
            timeout_s: int = terminal.TIMEOUT_S) -> terminal.Outcome:
        return terminal.run([*self.argv, *arguments], cwd or self.home, self.environment(), timeout_s)

    def converse(self, dialogue: list[tuple[str, terminal.Answer]], *arguments: str,
                 cwd: pathlib.Path | None = None) -> terminal.Outcome:
        return terminal.converse([*self.argv, *arguments], cwd or self.home, self.environment(), dialogue)

    def __getattr__(self, verb: str):
        """Only asked for what the driver does not define: a verb that the client does not have."""
        reason = type(self).NOT_OFFERED.get(verb)
        if reason is None:
            raise AttributeError(verb)

        def refuse(*_arguments, **_options):
            raise NotOffered(reason)

        return refuse


def json_documents(text: str) -> list:
    """Every JSON value that begins a line of the text; clients put notices around them."""
    decoder = json.JSONDecoder()
    values = []
    position = 0
    while position < len(text):
        line_start = position
        stripped = text[line_start:].lstrip()
        if not stripped:
            break
        line_start = len(text) - len(stripped)
        if stripped[0] in "{[":
            try:
                value, length = decoder.raw_decode(stripped)
            except json.JSONDecodeError:
                pass
            else:
                values.append(value)
                position = line_start + length
                continue
        line_end = text.find("\n", line_start)
        if line_end < 0:
            break
        position = line_end + 1
    return values


def npmrc_token(path: pathlib.Path) -> str | None:
    """The value of the last _authToken line of an .npmrc."""
    token = None
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip().endswith(":_authToken"):
                token = value.strip().strip('"')
    return token


def not_offered(client: str, **commands: str) -> dict[str, str]:
    """`command="verb verb"`: each verb with the sentence that the client has no such command."""
    return {verb: f"{client} has no {command}" for command, verbs in commands.items() for verb in verbs.split()}


ACCESS = "access_status access_set access_mfa access_packages access_collaborators access_grant access_revoke"
ORG = "org_set org_ls org_rm"
TEAM = "team_create team_destroy team_add team_rm team_ls"
PROFILE = "profile_get profile_set profile_password enable_2fa disable_2fa publish_with_code"
STARS = "star unstar stars"
HOOK = "hook_add hook_ls hook_update hook_rm"
STAGE = "stage_publish stage_list stage_view stage_download stage_approve stage_reject"
TRUST = "trust_add trust_list trust_revoke"
IDENTITY = "publish_by_identity dist_tag_by_identity"
TOKEN = "token_create token_list token_revoke token_create_for token_create_from token_create_wide"
OWNER = "owner_add owner_ls owner_rm"
