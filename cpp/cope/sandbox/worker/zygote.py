"""The zygote: forks a child for each program, ends it, and tidies up after it. It sees the judge's commands and nothing of a program."""

import _socket
import gc
import os
import signal
import sys
import time

# What a child may want and could not load: once it is confined, no file becomes code. Imported when the first program names it, for every module makes every
# fork dearer. Whatever is not here and is written in Python can be imported by the child itself.
MODULES = frozenset(
    """array asyncio bisect bz2 calendar cmath collections contextlib copy csv dataclasses datetime decimal difflib enum fcntl fractions functools hashlib heapq
    hmac inspect itertools json lzma math mmap numbers operator pickle pprint queue random re resource secrets select shelve shlex signal socket statistics
    string struct tempfile textwrap threading time timeit typing unicodedata uuid xml zipfile zlib zoneinfo""".split()
)
BEHIND = {
    "xml": "xml.etree.ElementTree",
    "asyncio": "_posixsubprocess",
    "datetime": "_strptime",
    "time": "_strptime",
}  # loaded late by these
DESCRIPTOR_BYTES = 4


def _load(names):
    for name in names:
        for each in (name, BEHIND.get(name)):
            try:
                if each:
                    __import__(each)
            except ImportError:  # this interpreter was built without it
                pass
    gc.collect()
    gc.freeze()  # so that a child's collections leave the shared pages alone


def _descriptors(ancillary):
    found = []
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            found += [
                int.from_bytes(data[at : at + DESCRIPTOR_BYTES], sys.byteorder)
                for at in range(0, len(data), DESCRIPTOR_BYTES)
            ]
    return found


def _tidy(directory):
    for entry in list(os.scandir(directory)):
        if entry.is_dir(follow_symlinks=False):  # only a program under reduced isolation can make one
            import shutil

            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


def _reap(pid, grace_ms):
    """(wait status, CPU milliseconds, whether it had to be killed). A child that is about to end has grace_ms for it: its own end says more."""
    found, status, usage = os.wait4(pid, os.WNOHANG)
    while found == 0 and grace_ms > 0:
        time.sleep(0.001)
        grace_ms -= 1
        found, status, usage = os.wait4(pid, os.WNOHANG)
    killed = found == 0
    if killed:
        os.kill(pid, signal.SIGKILL)
        found, status, usage = os.wait4(pid, 0)
    return status, int((usage.ru_utime + usage.ru_stime) * 1000), killed


def serve(commands, directory, run_child):
    """Obeys "fork LIMITS" (with two descriptors) and "reap" or "reap ended", until the judge hangs up."""
    host = os.getppid()
    os.putenv("COPE_ROLE", "candidate")
    loaded = set()
    _load(())
    pid = 0
    while True:
        try:
            message, ancillary, _, _ = commands.recvmsg(4096, _socket.CMSG_SPACE(2 * DESCRIPTOR_BYTES))
        except ConnectionResetError:  # the judge ended with an answer of ours unread
            break
        if not message:
            break
        if message.startswith(b"reap"):
            status, cpu_ms, killed = _reap(pid, 50 if message == b"reap ended" else 0)
            pid = 0
            _tidy(directory)
            commands.send(b"%d %d %d" % (status, cpu_ms, killed))
            continue
        limits, _, names = message[5:].decode("ascii").rpartition(" ")
        new = MODULES.intersection(names.split(",")) - loaded
        if new:
            _load(sorted(new))
            loaded |= new
        os.putenv("COPE_LIMITS", limits)
        channel, output = _descriptors(ancillary)
        pid = os.fork()
        if pid == 0:
            commands.close()
            # The two may lie on each other's place.
            channel = os.dup(channel) if channel < 10 else channel
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.dup2(channel, 3)
            os.closerange(4, 64)
            run_child()
        os.close(channel)
        os.close(output)
        commands.send(b"%d" % pid)
    if pid:
        _reap(pid, 0)
    _tidy(directory)
    for _ in range(1000):  # a host that lives ends this process now; one that dies leaves it to another parent
        if os.getppid() != host:
            break
        time.sleep(0.01)
    for empty in (directory, os.path.dirname(directory)):
        try:
            os.rmdir(empty)
        except OSError:  # another worker still has its directory there
            break
