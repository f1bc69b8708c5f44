# SPDX-License-Identifier: Apache-2.0
"""`clew run` is invisible: signals, terminal, job control, exit status and descriptors are the service's own."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from clew_program import OWN_PIDS, SERVICES, children, command_line, eventually, is_running, program, state

PYTHON = sys.executable

# Prints "ready", then the name of each signal that arrives; ends with 0 on SIGTERM.
LISTENER = """
import os, signal, sys, time
def note(number, frame):
    os.write(1, (signal.Signals(number).name + "\\n").encode())
    if number == signal.SIGTERM:
        sys.exit(0)
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGCONT}:
    signal.signal(number, note)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def script(text: str) -> list[str]:
    return [PYTHON, "-c", text]


def wait_ready(service, word: str = "ready"):
    eventually(lambda: word in service.stdout(), what=f"{word} on standard output")
    return service


@pytest.mark.parametrize("status", [0, 1, 4, 127, 255])
def test_exit_status_is_the_services(run, status):
    assert run(command=script(f"import sys; sys.exit({status})")).wait() == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGUSR1])
def test_ends_by_the_services_signal(run, number):
    service = run(command=script(f"import os, signal; os.kill(os.getpid(), {int(number)})"))
    assert service.wait() == -number


def test_shell_sees_the_services_end(run):
    service = run(command=["sh", "-c", f"{program()} run -- sh -c 'kill -9 $$' 2>/dev/null; echo status $?"])
    service.wait()
    assert "status 137" in service.stdout()


def test_every_signal_of_a_process_is_forwarded_once(run):
    service = wait_ready(run(command=script(LISTENER)))
    numbers = sorted(
        set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGCONT, signal.SIGTERM}
    )
    for number in numbers:
        service.send(number)
        eventually(lambda name=number.name: name in service.stdout().split(), what=number.name)
    assert service.stop() == 0
    assert sorted(service.stdout().split()[1:]) == sorted([n.name for n in numbers] + ["SIGTERM"])


def test_queued_value_travels_with_its_signal(run):
    service = wait_ready(
        run(
            command=script(
                "import signal\n"
                "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
                "print('ready', flush=True)\n"
                "info = signal.sigwaitinfo([signal.SIGUSR1])\n"
                "print(info.si_code)"
            )
        )
    )
    subprocess.run(["/bin/kill", "-s", "USR1", "-q", "7", str(service.pid)], check=True)
    assert service.wait() == 0
    assert service.stdout().split() == ["ready", "-1"]


def test_signal_mask_and_dispositions_are_handed_on(run):
    service = run(
        command=["sh", "-c", "grep -E 'SigBlk|SigIgn' /proc/self/status"],
        preexec_fn=lambda: (
            signal.signal(signal.SIGHUP, signal.SIG_IGN),
            signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        ),
        restore_signals=False,
    )
    assert service.wait() == 0
    masks = dict(re.findall(r"(\w+):\s+([0-9a-f]+)", service.stdout()))
    assert int(masks["SigBlk"], 16) == 0
    assert int(masks["SigIgn"], 16) & (1 << (signal.SIGHUP - 1))


class Terminal:
    """A program with a pseudo terminal of its own."""

    def __init__(self, words: list[str], env: dict[str, str]):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, env)
        self.seen = ""
        self.status: int | None = None

    def read_until(self, pattern: str, seconds: float = 15) -> re.Match:
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.seen += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.seen), f"ended without {pattern!r}: {self.seen!r}"

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(self.fd)


@pytest.fixture
def terminal(tmp_path):
    open_ones = []

    def start(*words: str) -> Terminal:
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "PS1": "prompt> ", "PYTHONUNBUFFERED": "1"}
        open_ones.append(Terminal(list(words), environment))
        return open_ones[-1]

    yield start
    for one in open_ones:
        one.close()


def test_ctrl_c_arrives_once_and_the_terminal_passes_through(terminal):
    window = terminal(
        str(program()),
        "run",
        "--",
        PYTHON,
        "-c",
        "import signal, sys, time\n"
        "count = 0\n"
        "def note(*_):\n    global count; count += 1\n"
        "signal.signal(signal.SIGINT, note)\n"
        "print('tty', sys.stdin.isatty(), 'got', sys.stdin.readline().strip(), flush=True)\n"
        "while not count: time.sleep(0.01)\n"
        "time.sleep(0.5)\n"
        "print('interrupts', count, flush=True)\n"
        "sys.exit(7)",
    )
    window.read_until("clew run: ")
    window.type("a line\n")
    window.read_until("tty True got a line")
    window.type("\x03")
    window.read_until("interrupts 1\r")
    assert window.wait() == 7


def test_ctrl_c_ends_as_python_ends(terminal):
    window = terminal(str(program()), "run", "--", PYTHON, "-c", "import time; print('up', flush=True); time.sleep(60)")
    window.read_until("up")
    window.type("\x03")
    window.read_until("KeyboardInterrupt")
    assert window.wait() == -signal.SIGINT


def test_job_control_in_a_shell(terminal, tmp_path):
    shell = terminal("bash", "--norc", "-i")
    shell.read_until("prompt> ")
    ticker = tmp_path / "ticker.py"
    ticker.write_text("import time\nn = 0\nwhile True:\n    print('tick', n, flush=True); n += 1; time.sleep(0.1)\n")
    shell.type(f"{program()} run --prometheus none -- {PYTHON} {ticker}\n")
    shell.read_until(r"tick 3\r")
    shell.type("\x1a")
    shell.read_until(r"Stopped")
    shell.read_until("prompt> ")
    time.sleep(0.3)
    shell.type("jobs\n")
    shell.read_until(r"\[1\]\+\s+Stopped")
    shell.read_until("prompt> ")
    shell.type("fg\n")
    shell.read_until(r"tick \d+\r\ntick \d+")
    shell.type("\x03")
    shell.read_until("prompt> ")
    shell.type("echo status $?\n")
    shell.read_until(r"status 130")
    shell.type("exit\n")


def test_parent_stops_and_wakes_with_the_service(run):
    service = wait_ready(run(command=script(LISTENER)))
    (child,) = children(service.pid)
    os.kill(child, signal.SIGSTOP)
    eventually(lambda: state(service.pid) == "T", what="the parent is stopped too")
    service.send(signal.SIGCONT)
    eventually(lambda: state(child) == "S" and state(service.pid) == "S", what="both run")
    assert service.stop() == 0


def test_sigttou_does_not_stop_the_parent(run):
    service = wait_ready(run(command=script(LISTENER)))
    service.send(signal.SIGTTOU)
    eventually(lambda: "SIGTTOU" in service.stdout())
    assert state(service.pid) == "S"
    assert service.stop() == 0


def test_successor_gets_the_signals(run):
    # The command forks and ends, as a daemon does; its child lives on.
    service = run(
        command=script(
            "import os, signal, sys, time\n"
            "if os.fork(): os._exit(0)\n"
            "os.setsid()\n"
            "signal.signal(signal.SIGTERM, lambda *_: (print('term', flush=True), os._exit(5)))\n"
            "print('daemon', flush=True)\n"
            "while True: time.sleep(0.05)"
        )
    )
    wait_ready(service, "daemon")
    eventually(lambda: any("left process" in line for line in service.said()), what="a line about staying")
    assert service.process.poll() is None
    assert service.stop() == 5
    assert "term" in service.stdout()


def test_forgotten_background_process_does_not_change_the_status(run):
    service = run(command=["sh", "-c", "sleep 0.5 & exit 4"])
    assert service.wait() == 4


def test_waits_for_the_last_descendant(run, tmp_path):
    mark = tmp_path / "mark"
    service = run(command=["sh", "-c", f"(setsid sh -c 'sleep 0.7; touch {mark}' &) ; exit 0"])
    assert service.wait() == 0
    assert mark.exists()


def test_sigkill_of_the_parent_leaves_the_service_untouched(run):
    service = wait_ready(run(command=script("import time; print('ready', flush=True)\nwhile True: time.sleep(0.05)")))
    (child,) = children(service.pid)
    service.send(signal.SIGKILL)
    assert service.wait() == -signal.SIGKILL
    time.sleep(0.3)
    assert is_running(child)
    os.kill(child, signal.SIGKILL)


# Plays the service manager: sockets at 3 and 4, LISTEN_* naming itself, then becomes `clew run`.
ACTIVATE = """
import os, socket, sys
os.closerange(3, 64)
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
assert [l.fileno() for l in listeners] == [3, 4]
for listener in listeners:
    listener.set_inheritable(True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "WATCHDOG_PID": str(os.getpid()), "LISTEN_FDS": "2"}
print(*[l.getsockname()[1] for l in listeners], flush=True)
os.execv(sys.argv[1], ["clew", "run", "--prometheus", "127.0.0.1:0", "--"] + sys.argv[2:])
"""


def test_socket_activation(tmp_path):
    """LISTEN_FDS from 3 on go through untouched, LISTEN_PID names the service, and nothing of ours is open in it."""
    service = script(
        "import os, socket\n"
        "print(*[socket.socket(fileno=fd).getsockname()[1] for fd in (3, 4)])\n"
        "print(os.environ['LISTEN_PID'] == os.environ['WATCHDOG_PID'] == str(os.getpid()))\n"
        "print(*sorted(int(fd) for fd in os.listdir('/proc/self/fd')))"
    )
    out = subprocess.run(
        [PYTHON, "-c", ACTIVATE, program(), *service],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    given, seen, named, descriptors = out.stdout.splitlines()
    assert seen == given
    assert named == "True"
    # The sockets have closed 3 and 4; what stands there is the one that lists the folder.
    assert set(descriptors.split()) <= {"0", "1", "2", "3"}


def test_gunicorn_takes_the_activated_socket(tmp_path):
    service = [Path(PYTHON).parent / "gunicorn", "shop:app"]
    process = subprocess.Popen(
        [PYTHON, "-c", ACTIVATE, program(), *service],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        cwd=SERVICES,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for port in process.stdout.readline().split():
            eventually(lambda port=port: requests.get(f"http://127.0.0.1:{port}/ready", timeout=5).ok)
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()


def test_no_descriptor_of_ours_reaches_the_service(run):
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    service = run(command=["ls", "-l", "/proc/self/fd"], pass_fds=(write_end,), stdin=subprocess.DEVNULL)
    os.close(write_end)
    assert service.wait() == 0
    listed = re.findall(r" (\d+) -> (\S+)", service.stdout())
    extra = {int(fd): target for fd, target in listed if int(fd) > 2 and "/proc/" not in target}
    assert list(extra) == [write_end]
    # The parent kept no copy: with the service gone the pipe is at its end.
    os.set_blocking(read_end, False)
    assert os.read(read_end, 1) == b""
    os.close(read_end)


def test_sd_notify_is_relayed_with_our_credentials(run, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        manager.settimeout(10)
        service = run(
            command=script(
                "import os, socket\n"
                "name = os.environ['NOTIFY_SOCKET']\n"
                "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                "s.connect('\\0' + name[1:] if name[0] == '@' else name)\n"
                "s.send(f'READY=1\\nMAINPID={os.getpid()}\\nSTATUS=up'.encode())\n"
            ),
            env={"NOTIFY_SOCKET": path},
        )
        message, control, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(12))
        assert message == b"READY=1\nSTATUS=up"
        sender = int.from_bytes(control[0][2][:4], "little")
        assert sender == service.pid
        assert service.wait() == 0


def test_pid_1_reaps_forwards_and_ends_alike(tmp_path):
    """In a pid namespace of its own, as in a container."""
    inner = (
        f'{program()} run --prometheus none -- sh -c \'(setsid sleep 0.2 &); trap "exit 5" TERM; '
        "echo ready; while :; do sleep 0.05; done'"
    )
    process = subprocess.Popen(
        [*OWN_PIDS, "sh", "-c", f"exec {inner}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    try:
        assert process.stdout.readline() == "ready\n"
        (pid_1,) = eventually(lambda: children(process.pid))
        assert "clew run" in command_line(pid_1)
        time.sleep(0.5)
        assert not [pid for pid in children(pid_1) if state(pid) == "Z"]
        os.kill(pid_1, signal.SIGTERM)
        assert process.wait(15) == 5
    finally:
        process.kill()
        process.communicate()


def test_pid_1_killed_service(tmp_path):
    out = subprocess.run(
        [
            *OWN_PIDS,
            program(),
            "run",
            "--prometheus",
            "none",
            "--",
            "sh",
            "-c",
            "kill -9 $$",
        ],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        timeout=20,
    )
    assert out.returncode == 137


def test_command_that_cannot_start(run, tmp_path):
    service = run(command=["no-such-command-here"])
    assert service.wait() == 1
    assert service.stderr() == (
        "clew: cannot start no-such-command-here: no such command on PATH (is its virtual environment active?)\n"
    )
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    service = run(command=[plain])
    assert service.wait() == 1
    assert "is not executable" in service.stderr()
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    service = run(command=[broken])
    assert service.wait() == 1
    assert "cannot start" in service.stderr()


def test_wrong_use(run):
    def clew(*words: str):
        return subprocess.run([program(), "run", *words], capture_output=True, text=True, timeout=20)

    for words in ([], ["--prometheus", "nowhere", "--", "true"], ["--endpoint", "ftp://x", "--", "true"], ["--nope"]):
        answer = clew(*words)
        assert answer.returncode == 2, words
        assert answer.stderr.startswith("clew: ") and answer.stderr.count("\n") == 1, answer.stderr


def test_arguments_of_the_command_are_left_alone(run):
    words = ["--service", "x", "--", "-h", "", "a b", "--help"]
    service = run(command=script("import json, sys; print(json.dumps(sys.argv[1:]))") + words)
    assert service.wait() == 0
    assert json.loads(service.stdout()) == words


def test_disabled_executes_plainly(run):
    service = run(
        command=script(
            "import json, os, sys; print(json.dumps([os.getpid(), os.environ.get('PYTHONPATH'), 'clew' in sys.modules]))"
        ),
        env={"CLEW_DISABLED": "1", "PYTHONPATH": None},
    )
    assert service.wait() == 0
    assert json.loads(service.stdout()) == [service.pid, None, False]
    assert service.stderr() == ""


def test_environment_is_otherwise_the_callers(run):
    service = run(
        command=script("import json, os; print(json.dumps(dict(os.environ)))"),
        env={"PYTHONPATH": "/a:/b", "ODD": "x=y\nz"},
    )
    assert service.wait() == 0
    seen = json.loads(service.stdout())
    assert seen["ODD"] == "x=y\nz"
    assert seen["PYTHONPATH"].endswith("lib/clew/python:/a:/b")
    changed = {k for k in seen.keys() | service.environment.keys() if seen.get(k) != service.environment.get(k)}
    assert changed <= {"PYTHONPATH", "CLEW_ATTACH", "LC_CTYPE"}


def test_hidden_sitecustomize_still_runs(run, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os; os.environ['HIDDEN'] = 'ran'")
    service = run(command=script("import os; print(os.environ.get('HIDDEN'))"), env={"PYTHONPATH": str(tmp_path)})
    assert service.wait() == 0
    assert service.stdout() == "ran\n"


def test_listening_descriptor_of_the_page_is_not_inherited(run):
    """The page's sockets end with clew run, though the service lives on."""
    service = wait_ready(run(command=script("import time; print('ready', flush=True)\nwhile True: time.sleep(0.05)")))
    port = int(re.search(r":(\d+)/metrics", service.page_url())[1])
    (child,) = children(service.pid)
    service.send(signal.SIGKILL)
    service.wait()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert is_running(child)
    os.kill(child, signal.SIGKILL)


def test_uses_few_processes_and_no_zombies(run):
    service = wait_ready(
        run(
            command=script(
                "import subprocess, time\nfor i in range(20): subprocess.run(['true'])\nprint('ready', flush=True)\ntime.sleep(60)"
            )
        )
    )
    assert len(children(service.pid)) == 1
    assert not Path(f"/proc/{service.pid}/exe").resolve().name.startswith("python")
    service.stop()
