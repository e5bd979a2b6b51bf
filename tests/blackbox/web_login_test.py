#!/usr/bin/env python3
"""Web login, one-time passwords and htpasswd users, as client and browser see them.

The browser is a few form posts. npm, when there is one on this machine, logs in through the page on a terminal of its own.
"""

import base64
import hashlib
import hmac
import html
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from common import TarnCase, document, make_tarball

NPM_TIMEOUT_S = 60
PASSWORD = "alice-password-1"


def one_time_password(secret, at=None):
    """RFC 6238 by hand: six digits, SHA-1, 30 seconds."""
    step = int((time.time() if at is None else at) // 30)
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[offset:offset + 4])[0] & 0x7fffffff) % 1000000:06d}"


def browse(url, fields=None):
    """GET, or POST of a form; (status, text)."""
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def fill_in(url, **fields):
    """Opens the page as a browser would and posts its form, hidden fields included."""
    status, page = browse(url)
    assert status == 200, (status, page)
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page)
    return browse(url, {**{name: html.unescape(value) for name, value in hidden}, **fields})


class WebLogin(TarnCase):
    def begin(self, body=None):
        answer = self.request("POST", "/-/v1/login", {} if body is None else body)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["cache-control"], "no-store")
        urls = answer.json()
        for url in urls.values():
            self.assertTrue(url.startswith(self.tarn.url), url)
        return urls["loginUrl"], urls["doneUrl"]

    def poll(self, done_url):
        return self.request("GET", urllib.parse.urlsplit(done_url).path)

    def test_login_by_form(self):
        login_url, done_url = self.begin()
        pending = self.poll(done_url)
        self.assertEqual((pending.status, pending.json()), (202, {}))
        self.assertIn(int(pending.headers["retry-after"]), range(1, 6))
        self.assertEqual(fill_in(login_url, name="alice", password="wrong")[0], 403)
        self.assertEqual(self.poll(done_url).status, 202)
        status, page = fill_in(login_url, name="alice", password=PASSWORD)
        self.assertEqual(status, 200, page)
        self.assertIn("close this page", page)
        answer = self.poll(done_url)
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.tarn.who_is(answer.json()["token"]), "alice")
        self.assertError(self.poll(done_url), 404)
        self.assertEqual(browse(login_url)[0], 404)

    def test_the_addresses_are_not_in_the_log(self):
        login_url, done_url = self.begin()
        browse(login_url)
        self.poll(done_url)
        log = self.tarn.log_since(0)
        for url in (login_url, done_url):
            self.assertNotIn(url.rpartition("/")[2], log)

    def test_registration_needs_the_tick(self):
        login_url, done_url = self.begin({"create": True})
        self.assertEqual(fill_in(login_url, name="newcomer", password="newcomer-password")[0], 403)
        status, page = fill_in(login_url, name="newcomer", password="newcomer-password", register="yes")
        self.assertEqual(status, 200, page)
        self.assertEqual(self.tarn.who_is(self.poll(done_url).json()["token"]), "newcomer")

    @unittest.skipUnless(shutil.which("npm"), "no npm on this machine")
    def test_npm_logs_in_through_the_page(self):
        home = self.folder / "npm-home"
        home.mkdir()
        (home / ".npmrc").write_text(f"registry={self.tarn.url}\nupdate-notifier=false\n")
        environment = {**os.environ, "HOME": str(home), "BROWSER": "/bin/true", "npm_config_cache": str(home / "cache")}
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(home)
            os.execvpe("npm", ["npm", "login", "--auth-type=web"], environment)
        shown, posted = "", False
        end = time.monotonic() + NPM_TIMEOUT_S
        try:
            while time.monotonic() < end:
                if not select.select([terminal], [], [], 0.2)[0]:
                    continue
                try:
                    piece = os.read(terminal, 65536)
                except OSError:  # The other side is closed: npm has ended.
                    break
                if not piece:
                    break
                shown += piece.decode(errors="replace")
                found = re.search(re.escape(self.tarn.url) + r"-/v1/login/[A-Za-z0-9_-]+(?=\s|\x1b)", shown)
                if found and not posted:
                    posted = True
                    self.assertEqual(fill_in(found.group(0), name="alice", password=PASSWORD)[0], 200)
        finally:
            ended, status = os.waitpid(pid, os.WNOHANG)
            deadline = time.monotonic() + 10
            while ended == 0 and time.monotonic() < deadline:
                time.sleep(0.1)
                ended, status = os.waitpid(pid, os.WNOHANG)
            if ended == 0:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            os.close(terminal)
        self.assertTrue(posted, shown)
        self.assertEqual(status, 0, shown)
        token = re.search(r"_authToken=(\S+)", (home / ".npmrc").read_text())
        self.assertIsNotNone(token, shown)
        self.assertEqual(self.tarn.who_is(token.group(1)), "alice")
        done = subprocess.run(["npm", "whoami"], cwd=home, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.strip(), "alice", done.stderr)


class SecondFactor(TarnCase):
    def enrol(self, user, mode):
        """What `npm profile enable-2fa` does; returns the secret and the recovery codes."""
        token = self.users[user]
        begun = self.request("POST", "/-/npm/v1/user", {"tfa": {"password": f"{user}-password-1", "mode": mode}}, token=token)
        self.assertEqual(begun.status, 200, begun.body)
        secret = urllib.parse.parse_qs(urllib.parse.urlsplit(begun.json()["tfa"]).query)["secret"][0]
        # One step ahead, so that the code of now is still unused.
        code = one_time_password(secret, time.time() + 25)
        confirmed = self.request("POST", "/-/npm/v1/user", {"tfa": [code]}, token=token)
        self.assertEqual(confirmed.status, 200, confirmed.body)
        return secret, confirmed.json()["tfa"]

    def with_code(self, method, path, body, token, code, **headers):
        request = urllib.request.Request(self.tarn.url.rstrip("/") + path, method=method, data=body)
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("npm-otp", code)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, dict(refused.headers), refused.read()

    def test_publish_asks_and_the_operator_can_reset(self):
        secret, recovery = self.enrol("alice", "auth-and-writes")
        self.assertNotIn(secret.encode(), b"".join(p.read_bytes() for p in [self.tarn.log_path]))
        token = self.users["alice"]
        body = json.dumps(document("guarded", "1.0.0", make_tarball("guarded", "1.0.0"))).encode()
        status, headers, answer = self.with_code("PUT", "/guarded", body, token, "000000")
        self.assertEqual(status, 401, answer)
        self.assertEqual(headers["www-authenticate"], "OTP")
        self.assertIn("one-time pass", json.loads(answer)["error"])
        self.assertEqual(self.with_code("PUT", "/guarded", body, token, one_time_password(secret))[0], 201)
        next_body = json.dumps(document("guarded", "1.0.1", make_tarball("guarded", "1.0.1"))).encode()
        self.assertEqual(self.with_code("PUT", "/guarded", next_body, token, recovery[0])[0], 201)
        # In a browser.
        third = json.dumps(document("guarded", "1.0.2", make_tarball("guarded", "1.0.2"))).encode()
        status, _, answer = self.with_code("PUT", "/guarded", third, token, "", npm_auth_type="web")
        self.assertEqual(status, 401, answer)
        urls = json.loads(answer)
        self.assertEqual(fill_in(urls["authUrl"], code="000000")[0], 403)
        self.assertEqual(fill_in(urls["authUrl"], code=recovery[1])[0], 200)
        code = self.request("GET", urllib.parse.urlsplit(urls["doneUrl"]).path).json()["token"]
        self.assertEqual(self.with_code("PUT", "/guarded", third, token, code)[0], 201)
        # The operator.
        self.tarn._admin_command("user", "reset-second-factor", "alice")
        fourth = document("guarded", "1.0.3", make_tarball("guarded", "1.0.3"))
        self.assertEqual(self.request("PUT", "/guarded", fourth, token=token).status, 201)

    def test_login_asks(self):
        secret, _ = self.enrol("bob", "auth-only")
        login = {"_id": "org.couchdb.user:bob", "name": "bob", "password": "bob-password-1"}
        answer = self.request("PUT", "/-/user/org.couchdb.user:bob", login)
        self.assertError(answer, 401, "one-time pass")
        self.assertEqual(answer.headers["www-authenticate"], "OTP")
        wrong = self.request("PUT", "/-/user/org.couchdb.user:bob", {**login, "password": "wrong"})
        self.assertError(wrong, 401)
        self.assertNotIn("OTP", wrong.headers["www-authenticate"])
        published = self.request("PUT", "/open", document("open", "1.0.0", make_tarball("open", "1.0.0")),
                                 token=self.users["bob"])
        self.assertEqual(published.status, 201, "auth-only leaves writes alone")
        basic = "Basic " + base64.b64encode(b"bob:bob-password-1").decode()
        self.assertEqual(self.request("GET", "/-/whoami", authorization=basic).headers["www-authenticate"], "OTP")


class SwitchedOff(TarnCase):
    ENVIRONMENT = {"TARN_REGISTRY_WEB_LOGIN": "false"}

    def test_clients_are_told_to_ask_for_the_password(self):
        self.assertError(self.request("POST", "/-/v1/login", {}), 404)
        self.assertError(self.request("GET", "/-/v1/login/x"), 404)
        self.assertError(self.request("GET", "/-/v1/done/x"), 404)


HTPASSWD = pathlib.Path(f"/tmp/tarn-blackbox-htpasswd-{os.getpid()}")


class HtpasswdUsers(TarnCase):
    ENVIRONMENT = {"TARN_REGISTRY_HTPASSWD_FILE": str(HTPASSWD)}
    ARGUMENTS = {"registration": "closed"}

    @classmethod
    def setUpClass(cls):
        digest = base64.b64encode(hashlib.sha1(b"right horse").digest()).decode()
        HTPASSWD.write_text(f"carol:{{SHA}}{digest}\n")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        HTPASSWD.unlink()

    def login(self, name, password):
        return self.request("PUT", f"/-/user/org.couchdb.user:{name}", {"name": name, "password": password})

    def test_users_of_the_file_log_in_until_they_leave_it(self):
        self.assertError(self.login("carol", "wrong"), 401)
        answer = self.login("carol", "right horse")
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(self.tarn.who_is(answer.json()["token"]), "carol")
        self.assertError(self.login("dave", "right horse"), 403)
        HTPASSWD.write_text("# nobody\n")
        time.sleep(1.2)
        self.assertError(self.login("carol", "right horse"), 401)


if __name__ == "__main__":
    unittest.main()
