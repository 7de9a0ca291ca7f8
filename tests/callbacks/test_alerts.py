import http.server
import json
import threading
import time
from typing import ClassVar

import pytest
from hand_made_runs import new_run
from heard_events import listening
from keraunos.callbacks import Alerts
from keraunos.core import post_json
from keraunos.core.errors import ConfigError

SHELL = ["/bin/sh", "-c"]


def wait_for_alerts():
    """Waits for pending alerts, as an ending process does."""
    for thread in threading.enumerate():
        if thread.name == "keraunos-alerts":
            assert not thread.daemon
            thread.join(60)
            assert not thread.is_alive()


def alerting(tmp_path, script, **options):
    alerts = Alerts(command=[*SHELL, script], **options)
    return listening(new_run(run_dir=tmp_path), alerts)


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.feature("alerts")
def test_command_receives_only_the_selected_events(tmp_path):
    script = (
        f'cat >> {tmp_path}/json; echo "$KERAUNOS_EVENT_KIND $KERAUNOS_RUN" >> {tmp_path}/v'
    )
    run = alerting(tmp_path, script, on=["stall", "failure"])
    run.step = 7
    run.report("checkpoint", "not asked for")
    run.report("stall", "no step")
    wait_for_alerts()
    run.report("failure", "$(touch nothing)")
    wait_for_alerts()
    assert lines(tmp_path / "v") == [f"stall {tmp_path}", f"failure {tmp_path}"]
    decoder, text = json.JSONDecoder(), (tmp_path / "json").read_text()
    first, end = decoder.raw_decode(text)
    second, _ = decoder.raw_decode(text[end:])
    assert (first["kind"], first["text"], first["step"]) == ("stall", "no step", 7)
    assert second["text"] == "$(touch nothing)"
    assert second["run"] == str(tmp_path)


def test_hanging_command_blocks_neither_the_run_nor_the_final_alert(tmp_path, capsys):
    hang = f"touch {tmp_path}/hangs; sleep 600"
    script = f"[ $KERAUNOS_EVENT_KIND = end ] || {{ {hang}; }}; echo sent > {tmp_path}/end"
    run = alerting(tmp_path, script, on=["stall", "end"], timeout_seconds=2.0)
    run.report("stall", "no step")
    while not (tmp_path / "hangs").exists():
        time.sleep(0.01)
    for _ in range(5):
        run.report("stall", "no step")
    run.report("end", "all is done")
    assert "keraunos-alerts" in [each.name for each in threading.enumerate()]
    assert not (tmp_path / "end").exists()
    wait_for_alerts()
    assert lines(tmp_path / "end") == ["sent"]
    shown = capsys.readouterr().err
    assert shown.count("took longer than 2 seconds") == 1  # the others were overtaken


def test_alert_limit_reserves_one_alert_for_the_end_of_the_run(tmp_path):
    script = f"echo $KERAUNOS_EVENT_KIND >> {tmp_path}/sent"
    run = alerting(tmp_path, script, at_most=3)
    for _ in range(5):
        run.report("stall", "no step")
        wait_for_alerts()
    run.report("divergence", "no number")
    run.report("end", "never both")
    wait_for_alerts()
    assert lines(tmp_path / "sent") == ["stall", "stall", "divergence"]


def test_failed_alert_command_is_reported_without_secrets(tmp_path, capsys):
    run = alerting(tmp_path, "echo 'password=hunter2 refused' >&2; exit 4")
    run.report("stall", "no step")
    wait_for_alerts()
    shown = capsys.readouterr().err
    assert "alert (stall): /bin/sh failed: it ended with code 4" in shown
    assert "hunter2" not in shown


class _Server(http.server.BaseHTTPRequestHandler):
    got: ClassVar[list] = []

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.got.append((self.path, json.loads(self.rfile.read(length))))
        self.send_response(302 if self.path == "/moved" else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _Server.got = []
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_json_is_posted_and_redirects_count_as_failures(server):
    assert post_json.post(f"{server}/T1/secret", b'{"kind": "stall"}', 30.0) is None
    assert _Server.got == [("/T1/secret", {"kind": "stall"})]
    assert post_json.post(f"{server}/moved", b"{}", 30.0) == "the server answered 302"
    problem = post_json.post("http://127.0.0.1:1/T1/secret", b"{}", 30.0)
    assert problem
    assert "secret" not in problem


@pytest.mark.slow
def test_alert_is_posted_from_a_separate_process(server, capsys):
    alerts = Alerts(url=f"{server}/T1/secret", timeout_seconds=60.0)
    run = listening(new_run(), alerts)
    run.report("stall", "no step")
    wait_for_alerts()
    ((path, content),) = _Server.got
    assert (path, content["text"], content["run"]) == ("/T1/secret", "no step", None)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "`command` or `url` must be set"),
        ({"command": ["true"], "url": "http://x"}, "not both"),
        ({"url": "file:///etc/passwd"}, "must begin with http"),
        ({"command": "rm -rf"}, "command"),
        ({"command": ["true"], "on": ["earthquake"]}, "earthquake"),
    ],
)
def test_invalid_options_are_rejected(options, problem):
    with pytest.raises(ConfigError, match=problem):
        Alerts(**options)
