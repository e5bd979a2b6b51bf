"""Steps: one-time codes and the login in a browser."""

import base64
import hashlib
import hmac
import html.parser
import http.client
import re
import struct
import time
import urllib.parse

from bench import Bench
from registry import User
from steps import step

# Second factor.


def one_time_code(secret: str, when: float) -> str:
    """RFC 6238 with SHA-1, six digits, thirty seconds; the secret is base32 as in an otpauth URL."""
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(when) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7fffffff) % 1_000_000:06}"


def _guarded(bench: Bench) -> User:
    return User(f"guarded-{bench.row.name}", "guarded-password-1")


@step("profile enable-2fa", "enable_2fa")
def enable_2fa(bench: Bench) -> None:
    user = _guarded(bench)
    bench.registry.add_user(user)
    session = bench.guarded_session = bench.session("guarded", token=bench.registry.token_for(user))
    secret = ""

    def code(shown: str) -> str:
        nonlocal secret
        secret = re.findall(r"(?:code:?|secret=)\s*([A-Z2-7]{16,})", shown)[-1]
        return one_time_code(secret, time.time())

    done = session.enable_2fa(user.password, code)
    bench.expect(done.ok and secret, "two-factor authentication is enabled", done)
    bench.guarded_secret = secret
    refused = session.publish(bench.package(f"codeless-{bench.row.name}", "1.0.0"))
    bench.expect(not refused.ok, "without a code nothing can be published", refused)


@step("publish with code", "publish_with_code", needs=("profile enable-2fa",))
def publish_with_code(bench: Bench) -> None:
    if not bench.guarded_secret:  # a client that publishes with codes but cannot switch them on
        bench.guarded_session = bench.session("guarded-by-hand", token=_enable_by_hand(bench))
    name = f"with-code-{bench.row.name}"
    wrong = bench.guarded_session.publish_with_code(bench.package(name, "1.0.0"), lambda _shown: "000000")
    bench.expect(not wrong.ok, "a wrong code publishes nothing", wrong)
    bench.expect_versions(name, [], wrong)
    done = bench.guarded_session.publish_with_code(bench.package(name, "1.0.0"),
                                                   lambda _shown: one_time_code(bench.guarded_secret, time.time()))
    bench.expect(done.ok, "the right code publishes", done)
    bench.expect_versions(name, ["1.0.0"], done)


def _enable_by_hand(bench: Bench) -> str:
    """Switches codes on for the guarded user; returns a token."""
    user = _guarded(bench)
    if bench.guarded_session is None:
        bench.registry.add_user(user)
    token = bench.registry.token_for(user)
    bench.guarded_secret = switch_codes_on(bench, user, token)
    return token


def switch_codes_on(bench: Bench, user: User, token: str) -> str:
    """With raw requests; returns the secret."""
    asked = bench.registry.request("POST", "/-/npm/v1/user", {"tfa": {"password": user.password,
                                                                      "mode": "auth-and-writes"}}, token=token)
    bench.expect(asked.status == 200, "two-factor authentication can be switched on", asked)
    address = urllib.parse.urlsplit(asked.json()["tfa"])
    secret = urllib.parse.parse_qs(address.query)["secret"][0]
    confirmed = bench.registry.request("POST", "/-/npm/v1/user",
                                       {"tfa": [one_time_code(secret, time.time())]}, token=token)
    bench.expect(confirmed.status == 200, "the code confirms it", confirmed)
    return secret


@step("profile disable-2fa", "disable_2fa", needs=("profile enable-2fa",))
def disable_2fa(bench: Bench) -> None:
    user = _guarded(bench)
    done = bench.guarded_session.disable_2fa(user.password,
                                             lambda _shown: one_time_code(bench.guarded_secret, time.time()))
    bench.expect(done.ok and "disabled" in done.output, "two-factor authentication is switched off", done)
    name = f"without-code-{bench.row.name}"
    published = bench.guarded_session.publish(bench.package(name, "1.0.0"))
    bench.expect(published.ok, "publishing asks for no code any more", published)


# Web login.


class _Form(html.parser.HTMLParser):
    """The first form of a page: where it goes and what its fields hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.fields = "", {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form":
            self.action = self.action or given.get("action") or ""
        if tag in ("input", "button") and given.get("name"):
            self.fields[given["name"]] = given.get("value") or ""


def approve_in_browser(bench: Bench, page_url: str, user: User) -> None:
    """What a person does in the browser: reads the form, types name and password, sends it."""
    page = _fetch(page_url)
    form = _Form(page[1])
    bench.expect(page[0] == 200 and "password" in form.fields, "the page asks for a password", page)
    form.fields |= {"password": user.password}
    name_field = next((name for name in ("username", "name", "user") if name in form.fields), None)
    bench.expect(name_field, "the page asks for a name", page)
    form.fields[name_field] = user.name
    sent = _fetch(urllib.parse.urljoin(page_url, form.action), urllib.parse.urlencode(form.fields), page_url)
    bench.expect(sent[0] == 200, "the page takes name and password", sent)


def _fetch(url: str, form: str | None = None, page_url: str = "") -> tuple[int, str]:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    headers = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded",
                                       "Origin": f"{parts.scheme}://{parts.netloc}", "Referer": page_url}
    try:
        connection.request("GET" if form is None else "POST", f"{parts.path}?{parts.query}".rstrip("?"), form, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@step("login web", "web_login")
def web_login(bench: Bench) -> None:
    bench.authenticated()  # the account exists now
    session = bench.session("web")
    pages: list[str] = []

    def approve(shown: str) -> str | None:
        addresses = [word for word in re.findall(r"https?://[^\s\"'<>]+", shown) if "login" in word]
        if not addresses:
            return "\x03"  # it asks for name and password: no web login is offered
        pages.append(addresses[-1])
        approve_in_browser(bench, pages[-1], bench.user)
        return None

    done = session.web_login(approve)
    bench.expect(done.ok and session.token(), "the web login leaves a token", done)
    bench.expect(bench.registry.who_is(session.token()) == bench.user.name, "the token belongs to the user", done)
    again = bench.session("web-again")
    replayed = _fetch(pages[-1])
    bench.expect(replayed[0] != 200 or "password" not in _Form(replayed[1]).fields or not again.token(),
                 "a used address logs nobody in", replayed)
