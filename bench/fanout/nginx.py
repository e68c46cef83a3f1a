"""A balancer as an operator has one: nginx, which keeps each client at its process."""

import os
import shutil
from pathlib import Path

import requests

from tests.processes import PATIENCE, Process, free_port

# A process that is replaced is tried again at once: one that does not listen refuses within a
# millisecond, and nginx asks the next one.
_SETTINGS = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
worker_processes 1;
worker_rlimit_nofile 20000;
{user}
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  map $http_upgrade $connection_kind {{ default upgrade; "" ""; }}
  map $cookie_omcrm_session $client {{ default $cookie_omcrm_session; "" $remote_addr; }}
  upstream desk {{
    hash $client consistent;
    {servers}
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://desk;
      proxy_http_version 1.1;
      proxy_connect_timeout 1s;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_kind;
    }}
  }}
}}
"""


def nginx_program() -> str | None:
    """Where nginx is; on Debian not in the path of everybody."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


class Nginx(Process):
    """nginx in front of processes at these ports."""

    def __init__(self, program: str, folder: Path, ports: list[int], port: int = 0) -> None:
        self.port = port or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        settings = folder / "nginx.conf"
        settings.write_text(
            _SETTINGS.format(
                folder=folder,
                port=self.port,
                user="user root;" if os.geteuid() == 0 else "",
                servers="\n    ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports),
            )
        )
        command = [program, "-p", str(folder), "-c", str(settings)]
        super().__init__([*command, "-e", "stderr"], {}, folder / "nginx.log")
        self.wait_until(self._answers, "nginx")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.output()
        try:
            return requests.get(f"{self.base}/healthz", timeout=PATIENCE).status_code < 600
        except requests.RequestException:
            return False
