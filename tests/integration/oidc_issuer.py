"""A CI system's issuer of identity tokens on a loopback port: discovery, keys, and the request that GitHub's runners make."""

import base64
import http.server
import itertools
import json
import subprocess
import threading
import time
import urllib.parse

# Node makes the key and the signatures, so that none of our code verifies what our code signed. Answers one line for one.
SIGNER = """
const crypto = require('crypto');
const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const lines = require('readline').createInterface({ input: process.stdin });
console.log(JSON.stringify(publicKey.export({ format: 'jwk' })));
lines.on('line', (line) => console.log(crypto.sign('sha256', Buffer.from(line), privateKey).toString('base64url')));
"""
REPOSITORY = "an-owner/a-repository"
REQUEST_SECRET = "runner-secret"


def _base64url(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Key:
    """An RSA key in a process of its own."""

    def __init__(self, key_id: str) -> None:
        self.id = key_id
        self._lock = threading.Lock()
        self._node = subprocess.Popen(["node", "-e", SIGNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.public = {**json.loads(self._node.stdout.readline()), "kid": key_id, "alg": "RS256", "use": "sig"}

    def sign(self, text: str) -> str:
        with self._lock:
            self._node.stdin.write(text + "\n")
            self._node.stdin.flush()
            return self._node.stdout.readline().strip()

    def close(self) -> None:
        self._node.stdin.close()
        self._node.wait(timeout=20)
        self._node.stdout.close()


class Issuer:
    """`fetches` counts how often the registry asked for keys."""

    def __init__(self) -> None:
        self.key = Key("key-1")
        self.is_down = False
        self.fetches = 0
        self._ids = itertools.count(1)
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = issuer._answer(self.path, self.headers.get("Authorization", ""))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_arguments) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.key.close()

    def _answer(self, target: str, authorization: str) -> tuple[int, object]:
        path = urllib.parse.urlsplit(target)
        if self.is_down:
            return 503, {}
        if path.path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": self.url + "/keys"}
        if path.path == "/keys":
            self.fetches += 1
            return 200, {"keys": [self.key.public]}
        if path.path == "/request" and authorization == f"Bearer {REQUEST_SECRET}":
            audience = urllib.parse.parse_qs(path.query).get("audience", [""])[0]
            return 200, {"value": self.token(audience)}
        return 404, {}

    def claims(self, audience: str, **more) -> dict:
        """Of a run of publish.yml on the main branch; `more` replaces claims, None leaves them out."""
        now = int(time.time())
        repository = more.get("repository", REPOSITORY)
        claims = {"iss": self.url, "aud": audience, "iat": now, "nbf": now - 5, "exp": now + 300,
                  "jti": f"run-{next(self._ids)}", "sub": f"repo:{repository}:ref:refs/heads/main",
                  "repository": repository, "repository_visibility": "private",
                  "workflow_ref": f"{repository}/.github/workflows/publish.yml@refs/heads/main", **more}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, audience: str, key: Key | None = None, header: dict | None = None, **more) -> str:
        signer = key or self.key
        text = _base64url(header or {"typ": "JWT", "alg": "RS256", "kid": signer.id}) + "." + \
            _base64url(self.claims(audience, **more))
        return text + "." + signer.sign(text)

    def toml(self) -> str:
        """How the registry's configuration names it."""
        return f'[[trust.issuers]]\nkind = "github"\nurl = "{self.url}"\n'

    def github_environment(self) -> dict[str, str]:
        """What a runner of GitHub Actions tells the programs of a job that may ask for identity tokens."""
        return {"CI": "true", "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": self.url + "/request?run=1",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_SECRET}
