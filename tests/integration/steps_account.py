"""Steps: login, whoami, ping, tokens, logout."""

import re

from bench import Bench
from drivers.session import NotOffered
from steps import step


@step("register", "register")
def register(bench: Bench) -> str | None:
    """The client's own login or adduser makes the account (registration is open here) and leaves a token."""
    if bench.row.name == "yarn1":
        return _register_while_publishing(bench)
    done = bench.main.register(bench.user.name, bench.user.password, bench.user.email)
    bench.expect(done.ok, "the client registers and logs in", done)
    bench.registered(bench.user)
    token = bench.main.token()
    bench.expect(token, "the login leaves a token in the configuration", done)
    bench.expect(bench.registry.who_is(token) == bench.user.name, "the token belongs to the new user", done)
    return None


def _register_while_publishing(bench: Bench) -> str:
    session = bench.session("password")
    named = session.remember_name(bench.user.name, bench.user.email)
    bench.expect(named.ok, "yarn login takes name and address", named)
    folder = bench.package("by-password-yarn1", "1.0.0")
    done = session.publish_with_password(folder, "1.0.0", bench.user.password)
    bench.expect(done.ok and "Revoked login token" in done.output, "yarn logs in, publishes, revokes its token", done)
    bench.registered(bench.user)
    bench.expect_versions("by-password-yarn1", ["1.0.0"], done)
    return "by password in the publish itself"


@step("login", "login")
def login(bench: Bench) -> None:
    """The account exists now: the right password gives a token, a wrong one does not, and harms nothing."""
    bench.authenticated()
    right = bench.session("login-right")
    done = right.login(bench.user.name, bench.user.password)
    bench.expect(done.ok and right.token(), "the right password logs in", done)
    bench.expect(bench.registry.who_is(right.token()) == bench.user.name, "the token belongs to the user", done)
    wrong = bench.session("login-wrong")
    done = wrong.login(bench.user.name, "not-the-password")
    bench.expect(not done.ok and not wrong.token(), "a wrong password does not log in", done)
    bench.expect(bench.registry.who_is(right.token()) == bench.user.name, "the first token still holds", done)


@step("ping", "ping")
def ping(bench: Bench) -> None:
    done = bench.main.ping()
    bench.expect(done.ok, "ping answers", done)


@step("whoami", "whoami")
def whoami(bench: Bench) -> None:
    done = bench.authenticated().whoami()
    bench.expect(done.ok and bench.user.name in done.output, f"whoami says {bench.user.name}", done)
    stranger = bench.session("whoami-nobody", token="not-a-token-of-anybody")
    done = stranger.whoami()
    bench.expect(not done.ok, "whoami with an invalid token fails", done)


@step("token create", "token_create")
def token_create(bench: Bench) -> None:
    """Makes a read-only token where the client can: it authenticates, and cannot publish."""
    done = bench.authenticated().token_create(bench.user.password)
    bench.expect(done.ok, "token create succeeds", done)
    candidates = re.findall(r"[A-Za-z0-9_.+/=-]{16,}", done.output)
    tokens = [word for word in candidates if bench.registry.who_is(word) == bench.user.name]
    bench.expect(tokens, "the output holds a token that the registry accepts", done)
    bench.created_token = tokens[0]
    if bench.row.name in ("npm12", "pnpm12"):
        reader = bench.session("read-only", token=tokens[0])
        published = reader.publish(bench.package(f"by-reader-{bench.row.name}", "1.0.0"))
        bench.expect(not published.ok, "a read-only token cannot publish", published)
        bench.expect_versions(f"by-reader-{bench.row.name}", [], published)


@step("token list", "token_list", needs=("token create",))
def token_list(bench: Bench) -> None:
    done, listed = bench.authenticated().token_list()
    bench.expect(done.ok and listed, "token list prints the tokens", done)
    shown = [entry for entry in listed if _stands_for(entry["token"], bench.created_token)]
    bench.expect(len(shown) == 1, "the list holds the new token, shortened", done)
    bench.expect(bench.created_token not in done.output, "the list does not reveal the token", done)
    bench.created_key = shown[0]["key"]


def _stands_for(shortened: str, token: str) -> bool:
    """Whether `shortened` is how a registry shows this token: its first characters, or first...last."""
    first, _, last = shortened.partition("...")
    return token.startswith(first) and token.endswith(last)


@step("token revoke", "token_revoke", needs=("token list",))
def token_revoke(bench: Bench) -> None:
    done = bench.authenticated().token_revoke(bench.created_key)
    bench.expect(done.ok, "token revoke succeeds", done)
    bench.expect(bench.registry.who_is(bench.created_token) is None, "the revoked token is refused", done)


@step("logout", "logout")
def logout(bench: Bench) -> str | None:
    """A session of its own, so that the other steps keep their token."""
    session = bench.session("logout")
    try:
        session.login(bench.user.name, bench.user.password)
    except NotOffered:
        pass  # yarn 1, which also has nothing to log out of but its own memory of the name
    token = session.token()
    done = session.logout()
    bench.expect(done.ok and session.token() is None, "logout leaves no token in the configuration", done)
    if not session.LOGOUT_TELLS_REGISTRY:
        return "forgets locally, tells nobody"
    bench.expect(token, "there was a token to log out with", done)
    bench.expect(bench.registry.who_is(token) is None, "the token is refused after logout", done)
    return None
