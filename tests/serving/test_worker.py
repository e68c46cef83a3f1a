import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.process_table import can_listen, is_running, state
from tests.processes import PATIENCE, ROOT, Process, free_port, wait_for
from tests.serving import served as served_app
from tests.serving.served import SERVERS, Served, rest

CHUNKED = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


# Requests


def test_it_runs_on_the_configured_threads(served: Served) -> None:
    """The app is patched for its server's kind of threads, without deprecation warnings."""
    mode, pid, _ = served.get("/").split(b"\r\n\r\n")[1].split()

    assert served.mode == mode.decode()
    assert int(pid) in {served.pid} | served.worker_processes()
    assert "deprecated" not in served.output()


def test_requests_run_concurrently(served: Served) -> None:
    """A slow request does not delay another."""
    with served.connect() as waiting:
        waiting.sendall(b"GET /sits HTTP/1.1\r\nHost: a\r\n\r\n")

        assert b" 200 " in served.get("/")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /thinks HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"POST /thinks HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        CHUNKED.replace(b"/echo", b"/thinks") + b"3\r\nabc\r\n0\r\n\r\n",
    ],
    ids=["no body", "length", "chunks"],
)
def test_an_app_may_take_longer_than_a_body(served: Served, request_bytes: bytes) -> None:
    """The deadline of a body ends where all of it has arrived."""
    with served.connect() as client:
        client.sendall(request_bytes)

        assert b"HTTP/1.1 200" == client.recv(12)


def test_a_file_is_sent_whole(served: Served) -> None:
    """Also if the app passes it to the server's file wrapper."""
    answer = served.get("/file")

    assert Path(served_app.__file__).read_bytes() == answer.partition(b"\r\n\r\n")[2]


def test_a_connection_is_kept(served: Served) -> None:
    """Several requests, with bodies of known and unknown length, use one connection."""
    with served.connect() as client:
        for request, echo in (
            (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", b"cba"),
            (
                CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                b"edcba",
            ),
            (b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b""),
        ):
            client.sendall(request)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])

            assert echo == b"".join(client.recv(1) for _ in range(length))
        assert b"" == rest(client)


def test_an_error_is_not_disclosed(served: Served) -> None:
    """The client gets status 500; the log has the traceback, and the server goes on."""
    answer = served.get("/fails")

    assert b"500" in answer.splitlines()[0]
    assert b"inside the app" not in answer
    assert b"Traceback" not in answer
    wait_for(lambda: "RuntimeError: inside the app" in served.output(), 60, "the log")
    assert b" 200 " in served.get("/")


# The end


@pytest.mark.parametrize("name", SERVERS)
def test_term_lets_requests_end(tmp_path: Path, name: str) -> None:
    """A request under way gets its answer, idle connections end, and the process exits."""
    with Served(tmp_path, name) as served, served.connect() as idle, served.connect() as client:
        idle.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        idle.recv(1)
        client.sendall(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for((tmp_path / "begun").exists, what="the request")
        served.process.terminate()
        (tmp_path / "go on").touch()

        assert b" 200 " in rest(client)
        assert 0 == served.process.wait(PATIENCE)
        assert can_listen(served.port)


def test_term_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A slow request is cut off before the master would kill the worker, and logged."""
    with Served(tmp_path, "gunicorn on eventlet") as served, served.connect() as client:
        worker = served.worker()
        client.sendall(b"GET /sits HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for((tmp_path / "begun").exists, what="the request")
        served.stop()

        assert 0 == served.process.returncode
        assert not is_running(worker)
        assert "1 connections cut at the end" in served.output()
        assert "SIGKILL" not in served.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_quick_stop(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C does not wait for requests."""
    with Served(tmp_path, "gunicorn on eventlet") as served, served.connect() as client:
        worker = served.worker()
        client.sendall(b"GET /sits HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for((tmp_path / "begun").exists, what="the request")
        served.process.send_signal(number)

        assert 0 == served.process.wait(PATIENCE)
        assert not is_running(worker)
        assert "Traceback" not in served.output()


def test_an_orphaned_worker_ends(tmp_path: Path) -> None:
    """If the master was killed, the worker frees the port."""
    with Served(tmp_path, "gunicorn on eventlet") as served:
        worker = served.worker()
        os.kill(served.pid, signal.SIGKILL)
        served.process.wait()

        wait_for(lambda: not is_running(worker), 60, "the worker's end")
        assert can_listen(served.port)


def test_a_lost_worker_is_replaced(tmp_path: Path) -> None:
    """A new one serves, and the old one is no zombie."""
    with Served(tmp_path, "gunicorn on eventlet") as served:
        first = served.worker()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: not state(first), 60, "its end")
        wait_for(served.answers, 60, "the next one")

        assert first != served.worker()


def test_hup_starts_a_new_worker(tmp_path: Path) -> None:
    """The settings can be reloaded without refusing a client."""
    with Served(tmp_path, "gunicorn on eventlet") as served:
        first, answers = served.worker(), []
        served.process.send_signal(signal.SIGHUP)

        def is_new() -> bool:
            answers.append(served.get("/")[:12])
            return not is_running(first)

        wait_for(is_new, 60, "the old one's end")
        assert {b"HTTP/1.1 200"} == set(answers)
        assert first != served.worker()


def test_log_files_are_reopened(tmp_path: Path) -> None:
    """USR1, used by log rotation, does not disturb the worker."""
    log = tmp_path / "error.log"
    with Served(tmp_path, "gunicorn on eventlet", "--error-logfile", str(log)) as served:
        worker = served.worker()
        shutil.move(log, tmp_path / "old.log")
        served.process.send_signal(signal.SIGUSR1)
        wait_for(log.exists, 60, "the new file")
        served.get("/fails")

        wait_for(lambda: "inside the app" in log.read_text(), 60, "the worker's log")
        assert worker == served.worker()


# gunicorn's settings


@pytest.mark.parametrize(("mode", "name"), [("threading", "gthread"), ("gevent", "gevent")])
def test_the_settings_choose_the_worker(tmp_path: Path, mode: str, name: str) -> None:
    """Without command-line options OMCRM_ASYNC, PORT, HOST and LOG_LEVEL apply."""
    port = free_port()
    env = {"OMCRM_ASYNC": mode, "PORT": str(port), "HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "gunicorn", "--print-config", "wsgi:app"]
    with Process(command, env, tmp_path / "config.log") as process:
        process.process.wait(PATIENCE)
        config = process.output()

    assert json.dumps(f"127.0.0.1:{port}") in config.replace("'", '"')
    assert re.search(rf"worker_class += {name}$", config, re.MULTILINE)
    assert re.search(r"loglevel += error$", config, re.MULTILINE)
    assert (ROOT / "gunicorn.conf.py").name in config


@pytest.mark.parametrize("name", ["sync", "gevent_pywsgi"])
def test_other_workers_are_refused(tmp_path: Path, name: str) -> None:
    """Workers that cannot serve WebSockets, or can be frozen, do not start; the error lists the
    others.
    """
    command = [sys.executable, "-m", "gunicorn", "-k", name, "-b", "127.0.0.1:0", "wsgi:app"]
    with Process(command, {}, tmp_path / "refused.log") as process:
        assert 0 != process.process.wait(PATIENCE)

        assert f"worker class {name}: expected one of eventlet, gevent, gthread" in process.output()
