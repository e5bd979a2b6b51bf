"""What the black-box tests share: the shipped binary, publish documents made by hand, and raw sockets.

The tests look at tarn from outside only: HTTP, files, signals. TARN_BIN names the binary.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import socket
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from registry import Registry, Tarn, User, integrity, package_path  # noqa: E402

BINARY = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve()
RAW_TIMEOUT_S = 20

__all__ = ["BINARY", "Registry", "Tarn", "TarnCase", "User", "document", "integrity", "make_tarball", "package_path",
           "publish", "raw_request"]


def make_tarball(name, version, extra=b"", manifest=None):
    """A .tgz as npm packs it; `extra` makes it as large as one likes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar:
            text = json.dumps(manifest or {"name": name, "version": version}).encode()
            for path, content in (("package/package.json", text), ("package/data.bin", extra)):
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def document(name, version, tarball, tag="latest", **manifest):
    """The body of `npm publish`."""
    file = f"{name}-{version}.tgz"
    described = {"name": name, "version": version, "_id": f"{name}@{version}",
                 "dist": {"integrity": integrity(tarball), "shasum": hashlib.sha1(tarball).hexdigest(),
                          "tarball": f"http://registry.example/{name}/-/{file}"}, **manifest}
    return {"_id": name, "name": name, "description": manifest.get("description", ""), "dist-tags": {tag: version},
            "versions": {version: described}, "access": None,
            "_attachments": {file: {"content_type": "application/octet-stream",
                                    "data": base64.b64encode(tarball).decode(), "length": len(tarball)}}}


def publish(registry, token, name, version, extra=b"", **more):
    """Publishes; returns (response, tarball)."""
    tarball = make_tarball(name, version, extra)
    answer = registry.request("PUT", package_path(name), document(name, version, tarball, **more), token=token)
    return answer, tarball


def raw_request(netloc, data, timeout=RAW_TIMEOUT_S):
    """Sends bytes as they are, and returns all that comes back until the server closes or falls silent."""
    host, _, port = netloc.rpartition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The server may have answered and closed before it read everything.
        try:
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionResetError):
            pass
    return received


class TarnCase(unittest.TestCase):
    """One server for all tests of a class; it must end cleanly and verify clean."""

    ENVIRONMENT: dict = {}
    ARGUMENTS: dict = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-blackbox-"))
        saved = dict(os.environ)
        os.environ.update(cls.ENVIRONMENT)
        try:
            cls.tarn = Tarn(BINARY, cls.folder, **cls.ARGUMENTS)
        finally:
            os.environ.clear()
            os.environ.update(saved)
        cls.users = {}
        for name in ("alice", "bob"):
            user = User(name, f"{name}-password-1")
            cls.tarn.add_user(user)
            cls.users[name] = cls.tarn.token_for(user)

    @classmethod
    def tearDownClass(cls):
        faults = cls.tarn.stop()
        log = cls.tarn.log_since(0)
        shutil.rmtree(cls.folder, ignore_errors=True)
        if faults:
            raise AssertionError("\n".join(faults) + "\n" + log[-4000:])

    def request(self, *arguments, **more):
        return self.tarn.request(*arguments, **more)

    def assertError(self, answer, status, words=""):
        """A JSON error with a sentence in `error` that holds `words`."""
        self.assertEqual(answer.status, status, answer.body[:500])
        body = answer.json()
        self.assertIsInstance(body["error"], str)
        self.assertIsInstance(body["reason"], str)
        self.assertIn(words, body["error"])
