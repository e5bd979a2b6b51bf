"""nginx as the rival: one worker, static files, nothing that costs time without being asked for."""

import os
import socket
from pathlib import Path

from rig.server import Server

CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile {sendfile};
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  {open_file_cache}
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {folder}/root;
    location / {{ default_type application/json; gzip_static on; gzip_vary on; }}
    location /bench-tarball- {{ default_type application/octet-stream; }}
  }}
}}
"""


class Nginx(Server):
    """`open_file_cache` keeps descriptors open between requests: nginx at its fastest, though not its default."""

    def __init__(self, name: str, folder: Path, core: int, *, open_file_cache: bool, sendfile: bool = True):
        super().__init__(name, folder, core)
        self._root = folder / "root"
        self._root.mkdir()
        self._open_file_cache = open_file_cache
        self._sendfile = sendfile

    def put(self, path: str, body: bytes, gzip_body: bytes | None = None) -> None:
        """Makes `body` the answer to GET `path`, and `gzip_body` the answer to those who accept gzip."""
        file = self._root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        if gzip_body is not None:
            gz_file = Path(f"{file}.gz")
            gz_file.write_bytes(gzip_body)

    def command(self) -> list[str]:
        self.port = free_port()
        configuration = self.folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(
            folder=self.folder,
            port=self.port,
            sendfile="on" if self._sendfile else "off",
            # As root nginx would hand its worker to another user, who cannot read a private folder.
            user="user root;" if os.geteuid() == 0 else "",
            open_file_cache="open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;"
            if self._open_file_cache else ""))
        return ["nginx", "-e", "stderr", "-c", str(configuration)]

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
