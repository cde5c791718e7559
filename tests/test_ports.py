"""Who wanted a port hears who has it."""

import os
import socket
import subprocess
import sys

from performer.ports import holder

SHOW = """
import socket, sys
taken = socket.create_server(("127.0.0.1", 0))
print(taken.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_program_is_named_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = holder(taken.getsockname()[1], "tcp")
    assert found.endswith(f" (process {os.getpid()})")
    assert not found.startswith("another show")


def test_another_show_is_called_so() -> None:
    command = [sys.executable, "-c", SHOW, "performer"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        found = holder(int(other.stdout.readline()), "tcp")
        other.communicate()
    assert found == f"another show (process {other.pid})"


def test_who_cannot_be_found_is_another_program() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert holder(port, "udp") == "another program"
