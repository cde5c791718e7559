"""Who may come in, asked of a running control process as other programs and pages would."""

import os
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from performer.web.address import run_token
from performer.web.certificate import own_certificate
from tests.web.pretend import Pretended
from tests.web.serving import Serving


def test_the_page_and_its_health_are_served_to_this_machine(serving: Serving) -> None:
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert serving.get("/", Host=f"{name}:{serving.port}")[0] == 200
    assert serving.get("/healthz")[1] == "ok\n"


def test_other_names_for_this_machine_are_refused(serving: Serving) -> None:
    port = serving.port
    for host in ("evil.example", f"evil.example:{port}", "localhost", f"localhost:{port + 1}"):
        status, text, _ = serving.get("/", Host=host)
        assert status == 421
        assert "html" not in text


def test_other_pages_are_refused(serving: Serving) -> None:
    port = serving.port
    foreign = ["http://evil.example", "null", f"https://localhost:{port}", "http://localhost:1"]
    for origin in foreign:
        assert serving.get("/status", Origin=origin)[0] == 403
        with pytest.raises(InvalidStatus) as refused, serving.socket(Origin=origin):
            pass
        assert refused.value.response.status_code == 403
    assert serving.get("/status", Origin=f"http://localhost:{port}")[0] == 200


def test_a_rebound_name_opens_no_socket(serving: Serving) -> None:
    with (
        socket.create_connection(("127.0.0.1", serving.port)) as link,
        pytest.raises(InvalidStatus),
        connect(f"ws://evil.example:{serving.port}/ws", sock=link),
    ):
        pass


def test_every_answer_forbids_framing_sniffing_and_foreign_content(serving: Serving) -> None:
    for path in ("/", "/js/main.js", "/status", "/nowhere"):
        headers = serving.get(path)[2]
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_files_outside_the_page_are_not_served(serving: Serving) -> None:
    for path in ("/../server.py", "/%2e%2e/server.py", "/js/../../server.py", "/..%5cserver.py"):
        assert serving.get(path)[0] == 404


def test_without_lan_only_this_machine_can_ask(serving: Serving) -> None:
    assert urlsplit(serving.url).hostname == "127.0.0.1"
    doors = psutil.Process(serving.pid).net_connections("tcp")
    listening = {door.laddr.ip for door in doors if door.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_on_the_lan_nothing_opens_without_the_token(tmp_path: Path) -> None:
    with (
        Pretended(tmp_path) as run,
        Serving(run, "--lan", "--port", "0", home=tmp_path) as control,
    ):
        parts = urlsplit(control.url)
        assert parts.scheme == "https"
        token = parts.query.removeprefix("token=")
        context = _trusting(tmp_path)
        assert control.get("/", context)[0] == 401
        assert control.get("/status?token=wrong", context)[0] == 401
        assert control.get("/healthz", context)[0] == 200

        status, _, headers = control.get(f"/?token={token}", context)
        assert status == 200
        cookie, *flags = headers["Set-Cookie"].split("; ")
        assert {"HttpOnly", "Secure", "SameSite=Strict"} <= set(flags)
        assert control.get("/status", context, Cookie=cookie)[0] == 200
        assert control.get("/link.svg", context, Cookie=cookie)[1].startswith("<svg")

        address = f"wss://127.0.0.1:{control.port}/ws"
        with pytest.raises(InvalidStatus), connect(address, ssl=context):
            pass
        with connect(address, ssl=context, additional_headers={"Cookie": cookie}) as link:
            assert '"link":"https://' in str(link.recv(5))
        control.stop()
        assert "▀" in control.said()


def test_a_control_process_that_comes_back_keeps_its_token(tmp_path: Path) -> None:
    token = run_token(tmp_path)
    assert len(token) >= 20
    assert run_token(tmp_path) == token
    assert (tmp_path / "page.token").stat().st_mode & 0o077 == 0


def test_the_certificate_is_kept_and_its_key_is_private(tmp_path: Path) -> None:
    first = own_certificate(tmp_path)
    made = first.certificate.read_bytes()
    assert own_certificate(tmp_path).certificate.read_bytes() == made
    assert first.key.stat().st_mode & 0o077 == 0
    first.certificate.write_text("broken")
    assert own_certificate(tmp_path).certificate.read_bytes() not in (made, b"broken")


def test_a_certificate_and_a_key_that_do_not_belong_together_are_made_anew(tmp_path: Path) -> None:
    first = own_certificate(tmp_path)
    former = first.certificate.read_bytes()
    first.certificate.unlink()
    own_certificate(tmp_path)
    first.certificate.write_bytes(former)  # as after a power cut between key and certificate
    found = own_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(found.certificate, found.key)
    assert found.key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("key", ["", "-----BEGIN PRIVATE"])
def test_a_key_that_is_written_in_part_is_made_anew(tmp_path: Path, key: str) -> None:
    first = own_certificate(tmp_path)
    first.key.write_text(key)
    found = own_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(found.certificate, found.key)


def test_a_taken_port_is_one_clear_line(run: Pretended) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "performer.processes.control", str(run.folder.root)]
        done = subprocess.run(
            [*command, "--port", str(port)], stdin=subprocess.PIPE, capture_output=True, text=True
        )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.match(rf"page: port {port} is taken by .* \(process {os.getpid()}\); close it", line)


def _trusting(home: Path) -> ssl.SSLContext:
    """Trusts the certificate that the control process made, and checks its names."""
    return ssl.create_default_context(cafile=home / "performer" / "page-certificate.pem")
