"""The judge: holds the tests, has programs run in children, and compares outside of them. Confined itself, for tests are somebody's code too.

A test is executed here. The program's names in it are remote: calling one sends its name and its arguments to the child, which answers with a value or with
an exception. So what a test expects never is where the program is, and what compares are this process's own builtins on plain values.
"""

import array
import json
import os
import re
import select
import signal
import socket
import sys
import time

import wire
from remote import Inside, Names, Remote, as_exception, parsed, trusted_imports, update
from zygote import MODULES

WORD = re.compile(r"\w+")
LOOK_EVERY_MS = 50  # at files and CPU time
READ_BYTES = 1 << 16  # larger buffers are mapped anew each time
MAX_FILES = 256
MAX_FRAME_SLACK = 1 << 16


def imported(source):
    """Modules of the standard library that a program may want to import, and that its zygote must therefore have."""
    if "import" not in source:
        return frozenset()
    return MODULES.intersection(WORD.findall(" ".join(line for line in source.splitlines() if "import" in line)))


class Stop(BaseException):
    """The program is at its end, whatever its tests still wanted."""

    def __init__(self, outcome, message, **more):
        super().__init__(message)
        self.report = {"outcome": outcome, "message": message, **more}


class Run:
    """One program, from its fork to its report."""

    def __init__(self, judge, job):
        self.judge = judge
        self.job = job
        self.pid = 0
        self.started = time.monotonic()
        self.output = []
        self.output_bytes = 0
        self.buffer = bytearray()
        self.remotes = {}
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.reading, writing = os.pipe()
        limits = b"fork %d %d %d %d" % (
            job["memory_bytes"],
            job["cpu_ms"] // 1000 + 2,  # the kernel's limit stands behind ours
            job["file_bytes"],
            -1 if job["frozen"] is None else job["frozen"],
        )
        judge.load(imported(job["before"]) | imported(job["source"]) | imported(job["after"]))
        descriptors = array.array("i", [theirs.fileno(), writing])
        judge.commands.sendmsg([limits], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        theirs.close()
        os.close(writing)
        self.channel.setblocking(False)
        self.poll = select.poll()
        self.poll.register(self.channel, select.POLLIN)
        self.poll.register(self.reading, select.POLLIN)
        self.poll.register(judge.control, 0)

    def close(self):
        self.channel.close()
        os.close(self.reading)

    def start(self):
        job = self.job
        self.started = time.monotonic()
        self.send(wire.encode({name: job[name] for name in ("source", "before", "after", "result")}, None))

    def send(self, data):
        data = memoryview(len(data).to_bytes(4, "little") + data)
        at = 0
        while at < len(data):
            try:
                at += self.channel.send(data[at:])
            except BlockingIOError:
                self.poll.modify(self.channel, select.POLLIN | select.POLLOUT)
                self.wait()
                self.poll.modify(self.channel, select.POLLIN)
            except (BrokenPipeError, ConnectionResetError):
                self.ended()

    def know_pid(self):
        """The zygote's answer to "fork" is read when somebody needs it: the child is at work meanwhile."""
        if not self.pid:
            told = self.judge.commands.recv(64)
            if not told:
                os._exit(1)  # the zygote is gone, and the host will notice
            self.pid = int(told)

    def wall_ms(self):
        return (time.monotonic() - self.started) * 1000

    def cpu_ms(self):
        self.know_pid()
        try:
            return time.clock_gettime((~self.pid << 3) | 2) * 1000
        except OSError:
            return 0

    def wait(self):
        """Until something can be read or written; what the program printed is kept by the way."""
        while True:
            left_ms = self.job["wall_ms"] - self.wall_ms()
            if left_ms <= 0:
                raise Stop("timed_out_wall", "no verdict after %d ms" % self.job["wall_ms"])
            ready = self.poll.poll(min(left_ms + 1, LOOK_EVERY_MS, self.job["cpu_ms"]))
            if not ready:
                self.look()
            found = False
            for fd, _ in ready:
                if fd == self.judge.control_fd:
                    os._exit(1)  # the host is gone
                if fd == self.reading:
                    self.drain()
                else:
                    found = True
            if found:
                return

    def look(self):
        if self.cpu_ms() >= self.job["cpu_ms"]:
            raise Stop("timed_out_cpu", "%d ms of CPU time are spent" % self.job["cpu_ms"])
        size = files = 0
        try:
            for entry in os.scandir(self.judge.directory):
                files += 1
                size += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:  # the program removes files meanwhile
            return
        if size > self.job["file_bytes"] or files > MAX_FILES:
            raise Stop("output_too_large", "%d files of %d bytes in the temporary directory" % (files, size))

    def drain(self):
        part = os.read(self.reading, READ_BYTES)
        if not part:
            self.poll.unregister(self.reading)
            return
        room = self.job["output_bytes"] - self.output_bytes
        self.output.append(part[:room])
        self.output_bytes += len(part)
        if len(part) > room:
            raise Stop("output_too_large", "more than %d bytes were printed" % self.job["output_bytes"])

    def drain_rest(self):
        os.set_blocking(self.reading, False)
        try:
            while self.output_bytes <= self.job["output_bytes"]:
                before = self.output_bytes
                self.drain()
                if self.output_bytes == before:
                    return
        except (BlockingIOError, KeyError):
            return

    def receive(self):
        buffer = self.buffer
        while len(buffer) < 4 or len(buffer) < 4 + int.from_bytes(buffer[:4], "little"):
            if len(buffer) >= 4 and int.from_bytes(buffer[:4], "little") > self.job["output_bytes"] + MAX_FRAME_SLACK:
                raise Stop("output_too_large", "a value of more than %d bytes" % self.job["output_bytes"])
            self.wait()
            try:
                part = self.channel.recv(READ_BYTES)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                part = b""
            if not part:
                self.ended()
            buffer += part
        size = 4 + int.from_bytes(buffer[:4], "little")
        frame = bytes(buffer[4:size])
        del buffer[:size]
        return frame[:1], frame[1:]

    def ended(self):
        """The child is gone, or wants us to think so."""
        raise Stop("ended", "")

    def decoded(self, data):
        try:
            return wire.decode(data, self.remote)
        except (ValueError, MemoryError) as error:
            raise Stop("killed", "it wrote into the channel of its verdict: " + str(error)[:200]) from None

    def remote(self, number, type_name):
        if number not in self.remotes:
            self.remotes[number] = Remote(self, number, type_name)
        return self.remotes[number]

    def reply(self):
        letter, data = self.receive()
        if letter == b"V":
            return self.decoded(data)
        if letter == b"S" or letter == b"P":
            return None
        if letter == b"E":
            described = self.decoded(data)
            if (
                type(described) is tuple
                and len(described) == 5
                and [type(each) for each in described] == [str, list, str, int, int]
            ):
                raise as_exception(described)
        elif letter == b"M":
            raise Stop(
                "out_of_memory", "the limit is %d bytes" % self.job["memory_bytes"], exception_type="MemoryError"
            )
        elif letter == b"F" and data.isdigit() and len(data) < 6:
            raise Stop("forbidden", "", system_call=int(data))
        elif letter == b"X":
            described = self.decoded(data)
            if type(described) is tuple and [type(each) for each in described] == [str, str, int]:
                raise Stop("syntax_error", described[1], exception_type=described[0], line=described[2])
        raise Stop("killed", "it wrote into the channel of its verdict")

    def ask(self, kind, target, args=None, named=(), held=False):
        def keep(value):
            if type(value) is Remote and type(value._target) is int:
                return value._target, value._type_name
            raise wire.NotPlain

        try:
            request = wire.encode((kind, target, args, named, held), keep)
        except wire.NotPlain:
            raise Inside from None
        self.send(request)
        return self.reply()

    def call(self, target, args, named):
        held = self.names.test.holds and any(
            type(value) in (list, dict, set, bytearray) for value in (*args, *named.values())
        )
        result = self.ask("call", target, args, list(named.items()), held)
        if held:
            if type(result) is not tuple or len(result) != 3:
                raise Stop("killed", "it wrote into the channel of its verdict")
            result, args_now, named_now = result
            for old, new in zip((*args, *named.values()), (*args_now, *named_now)):
                update(old, new)
        return result

    def run_test(self, test):
        job, names = self.job, self.names
        names.enter(test)
        try:
            if test.imports:
                names.imports = {**names.imports, **trusted_imports(test.source)}
            exec(test.code, names)
            if job["entry_point"]:
                names["check"](Remote(self, job["entry_point"], "function"))
        except Inside:
            self.inside += 1
            check = ("check", job["entry_point"]) if job["entry_point"] else ("", "")
            self.ask("inside", test.source, *check)

    def failure(self, error):
        """What a test's exception says, as part of a report."""
        described = getattr(error, "described", None)
        if described is None:
            name, message, line, number = type(error).__name__, str(error)[:2000], 0, 0
        else:
            name, message, line, number = described
        if name == "AssertionError":
            return {"outcome": "failed_assertion", "exception_type": name, "message": message, "line": line}
        outcome = "exception"
        if number in (1, 13) and isinstance(error, OSError):  # EPERM, EACCES
            outcome = "forbidden"
        elif name == "MemoryError":
            outcome = "out_of_memory"
        return {"outcome": outcome, "exception_type": name, "message": message, "line": line}

    def report(self, tests):
        job = self.job
        found = {"outcome": "passed", "tests_passed": 0, "first_failed_test": -1}
        self.inside = 0
        self.names = Names(self, {**trusted_imports(job["before"]), **trusted_imports(job["after"])})
        at = -1
        try:
            self.start()
            try:
                self.reply()
                if job["result"]:
                    value = self.ask("result", job["result"])
                    if type(value) is tuple and [type(each) for each in value] == [str, str]:
                        found["value_type"], found["value"] = value
            except Stop:
                raise
            except BaseException as error:
                if not (isinstance(error, SystemExit) and not tests and str(error) in ("", "None", "0")):
                    found.update(self.failure(error))
                    tests = []
            for at, test in enumerate(tests):
                try:
                    self.run_test(test)
                    found["tests_passed"] += 1
                except Stop:
                    raise
                except BaseException as error:
                    if found["first_failed_test"] < 0:
                        found["first_failed_test"] = at
                        found.update(self.failure(error))
        except Stop as stop:
            if found["outcome"] == "passed":
                found.update(stop.report)
                if found["first_failed_test"] < 0:
                    found["first_failed_test"] = at
        found["wall_ms"] = int(self.wall_ms())
        self.finish(found)
        found["tests_inside"] = self.inside
        return found

    def finish(self, found):
        """Ends the child, and reads from how it ended what it could not say itself."""
        self.know_pid()
        commands = self.judge.commands
        commands.send(b"reap ended" if found["outcome"] == "ended" else b"reap")
        told = commands.recv(64).split()
        if len(told) != 3:
            os._exit(1)
        status, cpu_ms, killed = map(int, told)
        self.drain_rest_quietly(found)
        found["cpu_ms"] = cpu_ms
        found["output"] = b"".join(self.output).decode("utf-8", "replace")
        if found["outcome"] != "ended":
            return
        found["outcome"] = "killed"
        if killed:
            found["message"] = "it closed the channel of its verdict"
        elif os.WIFEXITED(status):
            code = os.WEXITSTATUS(status)
            if code == 159:
                found.update(outcome="forbidden", message="a forbidden system call")
            else:
                found["message"] = "it ended itself with exit status %d before its verdict" % code
        else:
            number = os.WTERMSIG(status)
            found["message"] = "killed by signal %s" % signal_name(number)
            if number == signal.SIGSYS:
                found.update(outcome="forbidden", message="a forbidden system call")
            elif number == signal.SIGXCPU or (number == signal.SIGKILL and cpu_ms >= self.job["cpu_ms"]):
                found.update(outcome="timed_out_cpu", message="%d ms of CPU time are spent" % self.job["cpu_ms"])
            elif number == signal.SIGKILL:
                found["lost"] = True

    def drain_rest_quietly(self, found):
        try:
            self.drain_rest()
        except Stop as stop:
            if found["outcome"] == "passed":
                found.update(stop.report)


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


class Judge:
    """Serves the host: a job, a report, and so on."""

    def __init__(self, control, commands, directory):
        self.control = socket.socket(fileno=control)
        self.control_fd = control
        self.commands = socket.socket(fileno=commands.detach())
        self.directory = directory
        self.loaded = set()

    def load(self, modules):
        """Has the zygote import what it has not yet."""
        new = modules - self.loaded
        if new:
            self.loaded |= new
            self.commands.send(b"load " + " ".join(sorted(new)).encode())

    def receive(self, size):
        parts = []
        while size:
            part = self.control.recv(min(size, READ_BYTES))
            if not part:
                os._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def send(self, message):
        data = json.dumps(message).encode()
        self.control.sendall(len(data).to_bytes(4, "little") + data)

    def serve(self):
        """Until the host hangs up."""
        self.send({"confined": os.getsid(0) == os.getpid(), "version": sys.version.split()[0]})
        os.dup2(0, 2)
        while True:
            self.send(self.judged(json.loads(self.receive(int.from_bytes(self.receive(4), "little")))))

    def judged(self, job):
        tests = []
        for number, source in enumerate(job["tests"]):
            try:
                tests.append(parsed(source))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                line = getattr(error, "lineno", None) or 1
                said = getattr(error, "msg", None) or str(error)
                return {"outcome": "invalid_tests", "message": said, "first_failed_test": number, "line": line}
        run = Run(self, job)
        try:
            return run.report(tests)
        finally:
            run.close()
