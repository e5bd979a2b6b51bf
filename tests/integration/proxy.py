"""A small HTTP proxy between one client and the registry: it records publishes, and it can lie.

It stands in front of the registry only in the steps that need it; in all others the clients talk to the server itself.
Each lie is a way in which a mirror, a cache or an attacker could change an answer.
"""

import gzip
import http.client
import http.server
import json
import threading

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "accept-encoding", "content-length", "etag",
              "last-modified", "if-none-match", "if-modified-since"}


class Proxy:
    """Listens on a port of its own. The switches may be turned at any time between two commands of a client."""

    def __init__(self, upstream_netloc: str, prefix: str = "") -> None:
        """With a prefix ("/npm") it is an honest reverse proxy: it takes the prefix away, says so in X-Forwarded-*, and
        changes no answer."""
        self.upstream = upstream_netloc
        self.prefix = prefix
        self.lock = threading.Lock()
        self.publish_documents: list[dict] = []
        self.tarballs_changed = 0
        # Switches.
        self.change_tarballs = False
        self.publish_times: dict[str, str] = {}
        handler = type("BoundHandler", (_Handler,), {"proxy": self})
        self.server = _Server(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.netloc = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.netloc}{prefix}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def answer(self, path: str, content_type: str, body: bytes) -> bytes:
        """What the client gets to see of an answer."""
        if path.partition("?")[0].endswith(".tgz"):
            if not self.change_tarballs:
                return body
            with self.lock:
                self.tarballs_changed += 1
            return changed_tarball(body)
        if "json" not in content_type or self.prefix:
            return body
        # Tarball URLs must name the origin the client is configured with: npm 12 refuses any other.
        body = body.replace(f"//{self.upstream}/".encode(), f"//{self.netloc}/".encode())
        if self.publish_times and b'"versions"' in body:
            document = json.loads(body)
            # An abbreviated document may come without "time"; then there is nothing to change.
            if "time" in document:
                document["time"].update(self.publish_times)
            body = json.dumps(document).encode()
        return body


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_request) -> None:
        """Silent: clients reset connections they no longer need."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.command == "PUT" and b'"_attachments"' in body:
            with self.proxy.lock:
                self.proxy.publish_documents.append(json.loads(body))
        headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP_BY_HOP}
        path = self.path
        if self.proxy.prefix:
            if not path.startswith(self.proxy.prefix + "/"):
                self.send_error(502, "outside of the prefix")
                return
            path = path[len(self.proxy.prefix):]
            headers |= {"X-Forwarded-Proto": "http", "X-Forwarded-Host": self.proxy.netloc,
                        "X-Forwarded-Prefix": self.proxy.prefix}
        connection = http.client.HTTPConnection(self.proxy.upstream, timeout=60)
        try:
            connection.request(self.command, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status == 200 and self.command == "GET":
            content = self.proxy.answer(self.path, answer.getheader("content-type", ""), content)
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in HOP_BY_HOP:
                self.send_header(key, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815: names given by the base class

    def log_message(self, *_arguments) -> None:
        """Silent: the table is the output."""


def changed_tarball(data: bytes) -> bytes:
    """A tarball that unpacks without complaint but is not the published one: one character of a file's text differs.

    A byte flipped in the compressed form would be found by gzip's own checksum; only the integrity finds this one.
    """
    unpacked = gzip.decompress(data)
    changed = unpacked.replace(b"untampered", b"uNtampered", 1)
    if changed == unpacked:
        raise AssertionError("the tarball holds no text that could be changed")
    return gzip.compress(changed)
