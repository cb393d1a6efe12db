"""Programs that mean harm. None escapes, none passes, none disturbs the next program; nothing is left behind.

Every attack is a program that would pass its test if it had its way. The outcome is stated for each; where it depends on the kernel's order of events, the
outcomes that are right.
"""
# ruff: noqa: E501 -- a program is one string

import os
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from cope.sandbox import Limits, Program, Sandbox

MIB = 1 << 20
HONEST = Program("def f(x):\n    return x + 1", ["assert f(1) == 2", "assert f(-1) == 0"])
TEST = "assert f(20) == 4181"


class Attack(NamedTuple):
    name: str
    source: str
    outcome: str  # or several, divided by |
    limits: Limits = Limits(wall_ms=2_000, cpu_ms=2_000)
    tests: tuple[str, ...] = (TEST,)
    said: str = ""  # in the message


SHORT = Limits(wall_ms=400, cpu_ms=5_000)
LONG = Limits(wall_ms=30_000, cpu_ms=20_000)  # for what must come to its end, however busy the machine is

ATTACKS = [
    # --- what it may use ---
    Attack("fork_bomb", "import os\nwhile True:\n    os.fork()", "forbidden", said="clone"),
    Attack("fork_once", "import os\nif os.fork() == 0:\n    os._exit(0)", "forbidden", said="clone"),
    Attack("vfork_by_subprocess", "import subprocess\nsubprocess.run(['true'])", "forbidden|exception"),
    Attack(
        "process_pool", "import multiprocessing\nmultiprocessing.Process(target=print).start()", "forbidden|exception"
    ),
    Attack("memory_bomb", "x = []\nwhile True:\n    x.append(bytearray(10_000_000))", "out_of_memory", LONG),
    Attack("memory_bomb_in_a_call", "def f(x):\n    return [0] * 10**12", "out_of_memory", LONG),
    Attack(
        "memory_bomb_caught",
        "x = []\ntry:\n    while True: x.append(' ' * 10**7)\nexcept MemoryError:\n    x.clear()",
        "exception",
        LONG,
    ),
    Attack("memory_by_large_integer", "x = 1 << (1 << 40)", "out_of_memory|exception"),
    Attack(
        "one_large_file", "with open('x', 'wb') as file:\n    while True: file.write(bytes(65536))", "exception", LONG
    ),
    Attack(
        "many_files",
        "import itertools\nfor i in itertools.count():\n    with open(str(i), 'wb') as file: file.write(bytes(100_000))",
        "output_too_large",
        LONG,
    ),
    Attack(
        "many_empty_files",
        "import itertools\nfor i in itertools.count():\n    open(str(i), 'w').close()",
        "output_too_large",
        LONG,
    ),
    Attack("deep_directories", "import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')", "forbidden"),
    Attack("endless_output", "while True:\n    print('x' * 1000)", "output_too_large", LONG),
    Attack(
        "endless_error_output", "import sys\nwhile True:\n    sys.stderr.write('x' * 1000)", "output_too_large", LONG
    ),
    Attack("endless_raw_output", "import os\nwhile True:\n    os.write(1, b'x' * 1000)", "output_too_large", LONG),
    Attack("endless_loop", "while True: pass", "timed_out_wall", SHORT),
    Attack("endless_loop_in_a_call", "def f(x):\n    while True: pass", "timed_out_wall", SHORT),
    Attack("cpu_time", "while True: pass", "timed_out_cpu", Limits(wall_ms=20_000, cpu_ms=300)),
    Attack("sleep", "import time\ntime.sleep(1000)", "timed_out_wall", SHORT),
    Attack("slow_regular_expression", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "timed_out_wall", SHORT),
    Attack(
        "swallowed_exceptions",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timed_out_wall",
        SHORT,
    ),
    Attack(
        "blocked_signals",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
        "timed_out_wall",
        SHORT,
    ),
    Attack(
        "ignored_signals",
        "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass",
        "timed_out_wall",
        SHORT,
    ),
    Attack("thread", "import threading\nthreading.Thread(target=print).start()", "forbidden"),
    Attack("thread_bomb", "import _thread\nwhile True:\n    _thread.start_new_thread(print, ())", "forbidden"),
    Attack("deep_recursion", "def f(x):\n    return f(x)", "exception"),
    Attack(
        "deep_recursion_without_limit",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(x):\n    return f(x)",
        "killed|out_of_memory|exception",
        Limits(wall_ms=30_000, memory_bytes=128 * MIB),
    ),
    Attack(
        "deep_recursion_in_c",
        "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)",
        "killed|exception|out_of_memory",
        LONG,
    ),
    Attack("descriptors", "files = [open('x', 'w') for _ in range(10_000)]", "exception|forbidden"),
    Attack("pipes", "import os\npipes = [os.pipe() for _ in range(10_000)]", "exception"),
    # --- what it may see ---
    Attack("etc_passwd", "open('/etc/passwd').read()", "forbidden"),
    Attack("etc_shadow_by_descriptor", "import os\nos.open('/etc/shadow', os.O_RDONLY)", "forbidden"),
    Attack("listing_the_root", "import os\nos.listdir('/')", "forbidden"),
    Attack("listing_the_home", "import os\nos.listdir(os.path.expanduser('~'))", "forbidden|exception"),
    Attack("proc_of_itself", "open('/proc/self/maps').read()", "forbidden"),
    Attack("proc_environ_of_the_parent", "import os\nopen(f'/proc/{os.getppid()}/environ').read()", "forbidden"),
    Attack("proc_memory", "open('/proc/self/mem', 'r+b')", "forbidden"),
    Attack("listing_processes", "import os\nos.listdir('/proc')", "forbidden"),
    Attack("parent_directory", "import os\nos.listdir('..')", "forbidden"),
    Attack("dev_mem", "open('/dev/mem', 'rb')", "forbidden|exception"),
    Attack("dev_shm", "open('/dev/shm/x', 'w')", "forbidden|exception"),
    # --- what it may change ---
    Attack("writing_outside", "open('/tmp/cope-escaped', 'w').write('x')", "forbidden"),
    Attack("writing_above", "open('../escaped', 'w').write('x')", "forbidden"),
    Attack("writing_the_library", "import os\nopen(os.__file__, 'a').write('x')", "forbidden"),
    Attack("symlink_to_passwd", "import os\nos.symlink('/etc/passwd', 'p')\nopen('p').read()", "forbidden"),
    Attack("hard_link", "import os\nos.link(os.__file__, 'p')", "forbidden|exception"),
    Attack(
        "rename_over_the_library",
        "import os\nopen('x', 'w').close()\nos.rename('x', os.__file__)",
        "forbidden|exception",
    ),
    Attack("removing_outside", "import os\nos.unlink(os.__file__)", "forbidden"),
    Attack("chmod", "import os\nos.chmod('/etc', 0o777)", "forbidden"),
    Attack("chown", "import os\nos.chown('/etc', 1, 1)", "forbidden"),
    Attack("truncate", "import os\nos.truncate(os.__file__, 0)", "forbidden"),
    Attack("changed_times", "import os\nos.utime(os.__file__, (0, 0))", "forbidden"),
    Attack("extended_attributes", "import os\nos.setxattr(os.__file__, 'user.x', b'')", "forbidden", said="setxattr"),
    Attack("fifo", "import os\nos.mkfifo('x')", "forbidden"),
    Attack("chroot", "import os\nos.chroot('.')", "forbidden", said="chroot"),
    Attack("rlimits", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "forbidden|exception"),
    Attack("clock", "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)", "forbidden", said="clock_settime"),
    Attack("priority", "import os\nos.nice(-20)", "forbidden|exception"),
    Attack("scheduler", "import os\nos.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", "forbidden"),
    Attack("another_user", "import os\nos.setuid(1)", "forbidden", said="setuid"),
    Attack("session", "import os\nos.setsid()", "forbidden", said="setsid"),
    Attack("host_name", "import socket\nsocket.sethostname('x')", "forbidden", said="sethostname"),
    # --- other processes ---
    Attack("kill_all", "import os\nos.kill(-1, 9)", "forbidden", said="kill"),
    Attack("kill_the_zygote", "import os\nos.kill(os.getppid(), 9)", "forbidden", said="kill"),
    Attack("kill_the_group", "import os\nos.killpg(0, 9)", "forbidden", said="kill"),
    Attack("signal_by_descriptor", "import os\nos.pidfd_open(os.getppid())", "forbidden", said="pidfd_open"),
    Attack("signal_itself", "import signal\nsignal.raise_signal(9)", "forbidden", said="kill"),
    Attack(
        "signal_by_file_owner",
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())",
        "forbidden",
        said="fcntl",
    ),
    Attack(
        "double_fork_daemon",
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: pass",
        "forbidden",
    ),
    Attack("exec", "import os\nos.execv('/bin/sh', ['sh'])", "forbidden", said="execve"),
    Attack("exec_itself", "import os, sys\nos.execv(sys.executable, [sys.executable])", "forbidden"),
    Attack("shell", "import os\nos.system('true')", "forbidden|exception"),
    Attack("spawn", "import os\nos.posix_spawn('/bin/true', ['true'], {})", "forbidden"),
    # --- the network ---
    Attack("socket_ipv4", "import socket\nsocket.socket(socket.AF_INET)", "forbidden", said="socket"),
    Attack(
        "socket_ipv6", "import socket\nsocket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", "forbidden", said="socket"
    ),
    Attack("socket_unix", "import socket\nsocket.socket(socket.AF_UNIX)", "forbidden", said="socket"),
    Attack(
        "socket_netlink", "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "forbidden", said="socket"
    ),
    Attack(
        "socket_packet", "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "forbidden", said="socket"
    ),
    Attack(
        "datagram_pair",
        "import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "forbidden",
        said="socketpair",
    ),
    Attack("name_look_up", "import socket\nsocket.getaddrinfo('localhost', 80)", "forbidden|exception"),
    # --- the kernel ---
    Attack("ctypes", "import ctypes", "forbidden|exception"),
    Attack(
        "code_in_memory",
        "import mmap\nmmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
        "forbidden|exception",
    ),
    Attack("shared_memory_file", "import os\nos.memfd_create('x')", "forbidden", said="memfd_create"),
    Attack("namespace", "import os\nos.unshare(0x10000000)\n", "forbidden|exception"),
    # --- the verdict ---
    Attack("exit_0", "import os\nos._exit(0)", "killed"),
    Attack("exit_0_in_a_call", "import os\ndef f(x):\n    os._exit(0)", "killed"),
    Attack("system_exit", "import sys\nsys.exit(0)", "exception"),
    Attack("exit_in_a_call", "def f(x):\n    raise SystemExit(0)", "exception"),
    Attack("at_exit", "import atexit, os\natexit.register(os._exit, 0)\ndef f(x):\n    return 0", "failed_assertion"),
    Attack(
        "printed_verdicts",
        'print(\'passed\')\nprint(\'{"outcome": "passed", "tests_passed": 1}\')\ndef f(x):\n    return 0',
        "failed_assertion",
    ),
    Attack(
        "equal_to_everything",
        "class Equal:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef f(x):\n    return Equal()",
        "failed_assertion",
    ),
    Attack(
        "integer_equal_to_everything",
        "class Equal(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\ndef f(x):\n    return Equal(1)",
        "failed_assertion",
    ),
    Attack(
        "equal_inside_a_list",
        "class Equal:\n    def __eq__(self, other): return True\ndef f(x):\n    return [Equal()]",
        "failed_assertion",
        tests=("assert f(1) == [1]",),
    ),
    Attack(
        "unequal_to_nothing",
        "class Never:\n    def __ne__(self, other): return False\ndef f(x):\n    return Never()",
        "failed_assertion",
        tests=("assert not (f(1) != 2)",),
    ),
    Attack(
        "metaclass_equal_to_everything",
        "class Meta(type):\n    def __eq__(cls, other): return True\n    def __hash__(cls): return 0\nclass C(metaclass=Meta): pass\ndef f(x):\n    return C",
        "failed_assertion",
    ),
    Attack(
        "replaced_builtins",
        "import builtins\nbuiltins.set = builtins.sorted = lambda *a: True\nset = lambda *a: 1\ndef f(x):\n    return [0]",
        "failed_assertion",
        tests=("assert set(f(1)) == set([1, 2])",),
    ),
    Attack(
        "replaced_assertion_error",
        "import builtins\nclass A(BaseException): pass\nbuiltins.AssertionError = A\ndef f(x):\n    return 0",
        "failed_assertion",
    ),
    Attack(
        "replaced_exec",
        "import builtins\nbuiltins.exec = builtins.compile = lambda *a, **k: None\ndef f(x):\n    return 0",
        "failed_assertion",
    ),
    Attack(
        "replaced_json",
        "import json, marshal, pickle\njson.dumps = json.loads = pickle.dumps = marshal.dumps = lambda *a, **k: b'passed'\ndef f(x):\n    return 0",
        "failed_assertion",
    ),
    Attack(
        "replaced_os_write",
        "import os\nos.write = lambda fd, data: len(data)\ndef f(x):\n    return 0",
        "failed_assertion",
    ),
    Attack("closed_descriptors", "import os\nos.closerange(0, 100)\ndef f(x):\n    return 4181", "killed"),
    Attack(
        "forged_frames",
        "import os\nfor _ in range(100):\n    os.write(3, b'\\x01\\0\\0\\0S' + b'\\x01\\0\\0\\0P')\ndef f(x):\n    return 0",
        "killed|exception|failed_assertion",
    ),
    Attack("rubbish_in_the_channel", "import os\nos.write(3, b'\\xff' * 1000)", "killed|output_too_large"),
    Attack(
        "forged_value_of_every_type",
        "import os\nos.write(3, b'\\x01\\0\\0\\0S')\nwhile True:\n    os.write(3, b'\\x06\\0\\0\\0Vl999;')",
        "killed",
    ),
    Attack(
        "traced",
        "import sys\nsys.settrace(lambda frame, event, arg: frame.f_locals.clear() or None)\ndef f(x):\n    return 0",
        "failed_assertion|exception|killed",
    ),
    Attack(
        "tests_by_collector",
        "import gc\nfound = [o for o in gc.get_objects() + list(gc.get_referrers(int)) if isinstance(o, (str, dict, list)) and '4181' in repr(o)[:10**5]]\ndef f(x):\n    return 4181 if found else 0",
        "failed_assertion",
    ),
    Attack(
        "tests_by_frames",
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:\n            if '41' + '81' in repr(value): return 4181\n        frame = frame.f_back\n    return 0",
        "failed_assertion",
    ),
    Attack(
        "patched_runner",
        "import sys\ndef f(x):\n    frame = sys._getframe(1)\n    while frame:\n        frame.f_globals['_encode'] = lambda *a: b'T'\n        frame = frame.f_back\n    return 0",
        "failed_assertion",
    ),
    Attack("value_without_end", "def f(x):\n    x = []\n    x.append(x)\n    return x", "failed_assertion"),
    Attack(
        "value_that_explodes",
        "def f(x):\n    x = [0]\n    for _ in range(60): x = [x, x]\n    return x",
        "output_too_large|timed_out_wall|out_of_memory|killed",
    ),
    Attack("large_value", "def f(x):\n    return 'x' * 10**7", "output_too_large", LONG),
    Attack(
        "representation_that_hangs",
        "class R:\n    def __repr__(self):\n        while True: pass\ndef f(x):\n    return R()",
        "failed_assertion",
        tests=("assert f(1) == 2",),
    ),
    Attack(
        "exception_that_lies",
        "class E(Exception):\n    def __str__(self): raise E\ndef f(x):\n    raise E",
        "exception",
    ),
    Attack(
        "exception_named_passed",
        "def f(x):\n    raise type('passed', (AssertionError,), {})",
        "exception|failed_assertion",
    ),
    Attack(
        "signal_handler",
        "import os, signal\ndef late(*_):\n    os._exit(0)\nsignal.signal(signal.SIGALRM, late)\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\ndef f(x):\n    while True: pass",
        "killed",
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_attack_fails_and_leaves_nothing(attack: Attack, sandbox: Sandbox):
    report = sandbox.run(Program(attack.source, attack.tests, limits=attack.limits))
    assert report.outcome in attack.outcome.split("|"), report
    assert attack.said in report.message
    assert report.tests_passed == 0
    assert not os.path.exists("/tmp/cope-escaped")
    after = sandbox.run_all([HONEST] * 2)  # on both workers, the attacked one among them
    assert [(each.outcome, each.tests_passed, each.attempts) for each in after] == [("passed", 2, 1)] * 2


def test_there_are_at_least_sixty_attacks_with_names_of_their_own():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60


# What a program does to its process must not be there for the next one, on the same worker.
POISONS = {
    "builtins": (
        "import builtins\nbuiltins.len = lambda x: 42\nbuiltins.sneaked = 1",
        "assert f() == 3",
        "def f():\n    return len([1, 2, 3])",
    ),
    "modules": (
        "import math, sys\nmath.sqrt = lambda x: 42\nsys.modules['random'] = None",
        "assert f() == 3.0",
        "import math, random\ndef f():\n    return math.sqrt(9)",
    ),
    "files": ("open('left', 'w').write('x')", "assert f() == []", "import os\ndef f():\n    return os.listdir('.')"),
    "directory": ("import os\nos.chdir('/')", "assert f() == []", "import os\ndef f():\n    return os.listdir('.')"),
    "environment": (
        "import os\nos.environ['LEFT'] = '1'",
        "assert f() is None",
        "import os\ndef f():\n    return os.environ.get('LEFT')",
    ),
    "path": (
        "import sys\nsys.path.insert(0, '/left')",
        "assert f()",
        "import sys\ndef f():\n    return '/left' not in sys.path",
    ),
    "recursion": (
        "import sys\nsys.setrecursionlimit(10**6)",
        "assert f() == 1000",
        "import sys\ndef f():\n    return sys.getrecursionlimit()",
    ),
    "mask": (
        "import os\nos.umask(0)",
        "assert f() == 0",
        "import os\ndef f():\n    open('x', 'w').close()\n    return os.stat('x').st_mode & 2",
    ),
}


@pytest.mark.parametrize("name", POISONS)
def test_poison_does_not_reach_the_next_program(name: str):
    poison, test, victim = POISONS[name]
    with Sandbox(workers=1) as sandbox:
        before = sandbox.run(Program(poison))
        assert before.outcome == "passed", before
        after = sandbox.run(Program(victim, [test]))
        assert after.outcome == "passed", after


def test_environment_and_keys_are_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-4711")
    source = textwrap.dedent("""
        import os, gc
        def f():
            return "4711" in repr(dict(os.environ)) or any("sk-secret" in o for o in gc.get_objects() if isinstance(o, str)) or dict(os.environ)
    """)
    with Sandbox(workers=1) as sandbox:
        assert sandbox.run(Program(source, ["assert f() == {}"])).outcome == "passed"


def test_descriptors_of_the_host_are_not_inherited(tmp_path: Path):
    secret = os.open(tmp_path / "secret", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(secret, True)
    source = "import os\ndef f():\n    found = []\n    for fd in range(1000):\n        try: os.fstat(fd)\n        except OSError: continue\n        found.append(fd)\n    return found"
    try:
        with Sandbox(workers=1) as sandbox:
            assert sandbox.run(Program(source, ["assert f() == [0, 1, 2, 3]"])).outcome == "passed"
    finally:
        os.close(secret)


def test_other_programs_of_the_same_sandbox_are_out_of_reach():
    spy = "import os\ndef f():\n    seen = []\n    for pid in range(os.getppid(), os.getppid() + 50):\n        try: seen.append(os.readlink(f'/proc/{pid}/cwd'))\n        except OSError: pass\n    return [s for s in seen if 'cope-sandbox' in s and not s == os.getcwd()]"
    sleeper = "import time\ntime.sleep(0.3)"
    with Sandbox(workers=2) as sandbox:
        reports = sandbox.run_all([Program(sleeper), Program(spy, ["assert f() == []"])])
    assert [report.outcome for report in reports] == ["passed", "passed"]
