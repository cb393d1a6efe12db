"""The workers: what they are started in, what becomes of programs when they are killed or given up, and what they leave behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import cope
from cope.sandbox import Limits, Program, Sandbox

DOUBLE = "def double(x):\n    return x + x\n"


def descendants() -> dict[int, str]:
    """Processes below this one, with their state."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = (int(fields[1]), fields[0])
    found: dict[int, str] = {}
    grown = True
    while grown:
        new = {p: s for p, (up, s) in parents.items() if (up == os.getpid() or up in found) and p not in found}
        grown = bool(new)
        found.update(new)
    return found


def ended(pid: int) -> bool:
    """Also where its new parent has not looked after it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def gone(pids: set[int]) -> None:
    """Returns when these processes have ended; they were to live for an hour."""
    while not all(ended(pid) for pid in pids):
        time.sleep(0.005)


def test_killed_worker_is_noticed_and_its_program_run_again():
    with Sandbox(workers=1) as sandbox:
        before = set(descendants())
        reports: list[cope.sandbox.Report] = []
        thread = threading.Thread(target=lambda: reports.append(sandbox.run(Program("import time\ntime.sleep(1)"))))
        thread.start()
        while not (children := set(descendants()) - before):  # the program's own process has been forked
            time.sleep(0.01)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        thread.join()
    assert [(report.outcome, report.attempts) for report in reports] == [("passed", 2)]


@pytest.mark.parametrize("which", [0, 1])
def test_killed_zygote_or_judge_costs_no_program(which: int):
    existing = set(descendants())
    with Sandbox(workers=1) as sandbox:
        workers = sorted(set(descendants()) - existing)
        assert len(workers) == 2
        os.kill(workers[which], signal.SIGKILL)
        report = sandbox.run(Program(DOUBLE, ["assert double(1) == 2"]))
        assert (report.outcome, report.attempts) in [("passed", 1), ("passed", 2)]


def test_program_that_is_killed_twice_is_reported():
    with Sandbox(workers=1) as sandbox:
        stop = threading.Event()
        before = set(descendants())

        def hunt() -> None:
            while not stop.is_set():
                for pid in set(descendants()) - before:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.005)

        hunter = threading.Thread(target=hunt)
        hunter.start()
        report = sandbox.run(Program("import time\ntime.sleep(2)"))
        stop.set()
        hunter.join()
        assert (report.outcome, report.attempts) == ("killed", 2)
        assert "SIGKILL" in report.message
        assert sandbox.run(Program("x = 1")).outcome == "passed"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    existing = set(descendants())
    with Sandbox(workers=2) as sandbox:
        sandbox.run_all(
            [Program("open('x', 'w').write('y')"), Program("while True: pass", limits=Limits(wall_ms=100))] * 3
        )
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list(tmp_path.iterdir()) == []
    assert set(descendants()) <= existing


def test_host_that_is_killed_leaves_no_process_and_no_file(tmp_path: Path):
    code = "import cope, time\ns = cope.sandbox.Sandbox(workers=2)\nprint('ready', flush=True)\ns.run(cope.sandbox.Program('while True: pass'))"
    host = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert host.stdout
    assert host.stdout.readline() == "ready\n"
    host.kill()
    host.wait()
    host.stdout.close()
    mine = str(tmp_path).encode()

    def left() -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mine in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue
        return found

    deadline = time.monotonic() + 30
    while (left() or list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == []
    assert list(tmp_path.iterdir()) == []


def test_programs_of_many_threads_do_not_mix(sandbox: Sandbox):
    wrong: list[object] = []

    def work(number: int) -> None:
        for i in range(20):
            value = number * 1000 + i
            report = sandbox.run(Program(f"ans = {value}\nprint({value})", result_name="ans"))
            if (report.value, report.output) != (str(value), f"{value}\n"):
                wrong.append(report)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_interrupt_kills_the_programs_that_run_and_drops_those_that_wait():
    with Sandbox(workers=1) as sandbox:
        workers = set(descendants())
        children: set[int] = set()

        def interrupt() -> None:
            while not children:  # the program's own process has been forked
                children.update(set(descendants()) - workers)
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        hour = Limits(wall_ms=3_600_000, cpu_ms=3_600_000)
        with pytest.raises(KeyboardInterrupt):
            sandbox.run_all([Program("while True: pass", limits=hour)] * 3)
        thread.join()
        gone(children)
        report = sandbox.run(Program("x = 1"))
        assert (report.outcome, report.attempts) == ("passed", 1)


def test_run_keeps_its_workers_for_the_next_call():
    first = cope.sandbox.run(DOUBLE, ["assert double(2) == 4"])
    workers = set(descendants())
    second = cope.sandbox.run(DOUBLE, ["assert double(2) == 5"], Limits(wall_ms=3_000))
    assert (first.outcome, second.outcome) == ("passed", "failed_assertion")
    assert set(descendants()) <= workers
    assert repr(second).startswith("Report('failed_assertion', first_failed_test=0, exception_type='AssertionError'")


def test_reduced_isolation_runs_programs_too():
    with Sandbox(workers=1, isolation="reduced") as sandbox:
        assert sandbox.run(Program(DOUBLE, ["assert double(2) == 4"])).outcome == "passed"


def memory_kib(pids: set[int]) -> int:
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_ten_thousand_programs_grow_nothing():
    with Sandbox(workers=2) as sandbox:

        def batch(count: int, start: int) -> None:
            programs = [
                Program(f"def f(x):\n    return [x] * {start + i}", [f"assert len(f(1)) == {start + i}"])
                for i in range(count)
            ]
            assert all(report.passed for report in sandbox.run_all(programs))

        def measure() -> tuple[int, int, set[int]]:
            processes = {pid for pid, state in descendants().items() if state != "Z"}
            descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in processes | {os.getpid()})
            return memory_kib(processes), descriptors, processes

        batch(5_000, 0)  # caches of parsed tests are full
        memory, descriptors, processes = measure()
        batch(10_000, 5_000)
        memory_after, descriptors_after, processes_after = measure()
    assert processes_after == processes
    assert descriptors_after == descriptors
    assert memory_after < memory + 8_192


# --- other machines ---------------------------------------------------------------------------------


def interpreters() -> dict[str, str]:
    """The Pythons of this machine by version."""
    found: dict[str, str] = {}
    for path in [*Path("/usr/bin").glob("python3*"), *Path.home().glob(".pyenv/versions/*/bin/python")]:
        told = subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode == 0:
            found.setdefault(told.stdout.strip(), str(path))
    return found


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_another_interpreter_can_be_named(version: str):
    if version not in (found := interpreters()):
        pytest.skip(f"no Python {version} on this machine")
    whose = "import asyncio, datetime, random, sys\nans = '%d.%d' % sys.version_info[:2], datetime.date.today().year"
    asked: dict[str, Program] = {
        "passed": Program(DOUBLE, ["assert double('a') == 'aa'", "assert sorted(double([1])) == [1, 1]"]),
        "failed_assertion": Program(DOUBLE, ["assert double(1) == 3"]),
        "exception": Program("def f():\n    return 1 / 0", ["assert f()"]),
        "syntax_error": Program("x = 1\ndef f(:"),
        "out_of_memory": Program("x = []\nwhile True: x.append(' ' * 10**7)"),
        "timed_out_cpu": Program("while True: pass", limits=Limits(wall_ms=60_000, cpu_ms=100)),
    }
    forbidden = ["import os\nos.fork()", "import socket\nsocket.socket()", "open('/etc/passwd')"]
    with Sandbox(interpreter=found[version], workers=1) as sandbox:
        value = sandbox.run(Program(whose, result_name="ans", frozen_unix_s=1_000_000_000))
        assert value.value == f"('{version}', 2001)", value
        for outcome, program in asked.items():
            assert sandbox.run(program).outcome == outcome
        for source in forbidden:
            assert sandbox.run(Program(source)).outcome == "forbidden"


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7"])
def test_an_interpreter_that_is_too_old_is_named_with_its_version(version: str):
    if version not in (found := interpreters()):
        pytest.skip(f"no Python {version} on this machine")
    with pytest.raises(
        cope.ConfigError, match=f"interpreter: .*programs run in Python 3.8 or later, and this is {version}"
    ):
        Sandbox(interpreter=found[version], workers=1)


IN_A_NAMESPACE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
user, group = os.getuid(), os.getgid()
if libc.unshare(0x00020000 | (0 if user == 0 else 0x10000000)) != 0:  # CLONE_NEWNS, CLONE_NEWUSER
    sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
if user:
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"{user} {user} 1")
    open("/proc/self/gid_map", "w").write(f"{group} {group} 1")
def mount(target, kind, flags, source=b"none"):
    if libc.mount(source, target.encode(), kind, flags, None) != 0:
        sys.exit("mount: " + os.strerror(ctypes.get_errno()))
PRIVATE, READ_ONLY = 0x44000, 0x1
mount("/", None, PRIVATE)
"""


def in_a_namespace(code: str, **environment: str) -> str:
    """What a process says that sees other mounts than this one."""
    ended = subprocess.run(
        [sys.executable, "-c", IN_A_NAMESPACE + code],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    if ended.stderr.startswith(("unshare: ", "mount: ")):
        pytest.skip(f"this machine lets nobody change what a process sees: {ended.stderr.strip()}")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_read_only_temporary_directory_is_named(tmp_path: Path):
    said = in_a_namespace(
        """
target = os.environ["TMPDIR"]
mount(target, b"tmpfs", READ_ONLY)
import cope
try:
    cope.sandbox.run("x = 1")
except cope.ConfigError as error:
    print(error)
""",
        TMPDIR=str(tmp_path),
    )
    assert f"no temporary directory can be made in {tmp_path} (Read-only file system); set TMPDIR" in said


def test_programs_run_without_proc():
    said = in_a_namespace(
        """
mount("/proc", b"tmpfs", READ_ONLY)
assert os.listdir("/proc") == []
import cope
passed = cope.sandbox.run("def f(x):\\n    return x", ["assert f(1) == 1", "assert f(2) == 1"])
spinning = cope.sandbox.run("while True: pass", limits=cope.sandbox.Limits(wall_ms=60_000, cpu_ms=100))
forbidden = cope.sandbox.run("import socket\\nsocket.socket()")
print(passed.outcome, passed.tests_passed, spinning.outcome, forbidden.outcome)
"""
    )
    assert said == "failed_assertion 1 timed_out_cpu forbidden\n"
