"""The zygote: forks a child for each program, ends it, and tidies up after it. It sees the judge's commands and nothing of a program."""

import array
import gc
import os
import shutil
import signal
import socket
import time


def _descriptors(ancillary):
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


def _tidy(directory):
    for entry in list(os.scandir(directory)):
        if entry.is_dir(follow_symlinks=False):  # only a program under reduced isolation can make one
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
    os.putenv("COPE_ROLE", "candidate")
    gc.collect()
    gc.freeze()  # so that a child's collections leave the shared pages alone
    pid = 0
    while True:
        message, ancillary, _, _ = commands.recvmsg(256, socket.CMSG_SPACE(2 * array.array("i").itemsize))
        if not message:
            break
        if message.startswith(b"reap"):
            status, cpu_ms, killed = _reap(pid, 50 if message == b"reap ended" else 0)
            pid = 0
            _tidy(directory)
            commands.send(b"%d %d %d" % (status, cpu_ms, killed))
            continue
        os.putenv("COPE_LIMITS", message[5:].decode("ascii"))
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
