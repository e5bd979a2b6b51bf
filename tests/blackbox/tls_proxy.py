"""What stands before a leader in production: ends TLS, asks for a client's certificate, and passes bytes on."""

import pathlib
import socket
import ssl
import subprocess
import threading


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.certificate = folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30,
                "-subj", "/CN=authority of a test", "-keyout", folder / "ca.key", "-out", self.certificate)

    def issue(self, name: str, extension: str) -> tuple[pathlib.Path, pathlib.Path]:
        """The files of a certificate and its key."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension + "\n", encoding="utf-8")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "ca.key",
                "-CAcreateserial", "-days", 30, "-extfile", extensions, "-out", certificate)
        return certificate, key


class TlsProxy:
    """https on a loopback port, for whoever has a certificate of `authority`; plain http to `backend_port`."""

    def __init__(self, authority: Authority, backend_port: int) -> None:
        certificate, key = authority.issue("leader", "subjectAltName=IP:127.0.0.1")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.load_verify_locations(authority.certificate)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.backend_port = backend_port
        self.refused = 0
        self.shown: set[str] = set()  # Names in the certificates.
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            # The certificate of a client is checked after TLS 1.3's handshake has ended for the client.
            client = self.context.wrap_socket(plain, server_side=True)
            subject = dict(pair for (pair,) in client.getpeercert()["subject"])
        except (ssl.SSLError, OSError):
            self.refused += 1
            plain.close()
            return
        self.shown.add(subject["commonName"])
        with client:
            try:
                backend = socket.create_connection(("127.0.0.1", self.backend_port))
            except OSError:
                return  # Its server is gone; so is this connection.
            with backend:
                back = threading.Thread(target=self._pump, args=(backend, client), daemon=True)
                back.start()
                self._pump(client, backend)
                back.join()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def stop(self) -> None:
        self.listener.close()
