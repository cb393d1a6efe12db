"""A worker of the sandbox: forks the judge, and goes on as the zygote. Started by sandbox/worker.cpp as

    python -s -S -B main.py CONTROL DIRECTORY

with the host's socket at descriptor CONTROL and the temporary directory of its programs. Runs in any CPython from 3.8 on, whatever the package runs in.
"""

import _socket
import os
import sys

if sys.version_info < (3, 8):  # noqa: UP036 -- any interpreter may be named
    sys.exit("programs run in Python 3.8 or later, and this is %d.%d" % sys.version_info[:2])
control, directory = int(sys.argv[1]), sys.argv[2]
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]


def own(*names):
    """The worker's own modules, which no program finds."""
    sys.path.insert(0, here)
    found = [__import__(name) for name in names]
    del sys.path[0]
    for name in ("child", "judge", "remote", "wire", "zygote"):
        sys.modules.pop(name, None)
    return found


def main():
    child, zygote = own("child", "zygote")
    sys.argv[:] = [""]
    has_landlock = "COPE_LANDLOCK" in os.environ
    os.environ.clear()  # what the interpreter was started with is no program's business
    if has_landlock:
        os.putenv("COPE_READ", "\n".join(readable()))
    os.putenv("COPE_SUPPORT", here)
    os.putenv("COPE_DIRECTORY", directory)
    os.chdir(directory)

    commands, orders = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        orders.close()
        (judge,) = own("judge")
        judge.Judge(control, commands, directory).serve()
        os._exit(0)
    commands.close()
    os.close(control)
    os.dup2(0, 2)  # the host reads it only until the judge is ready
    child.rehearse()
    zygote.serve(orders, directory, child.run)


def readable():
    """Where the standard library lies, and nothing else."""
    found = {os.path.realpath(path) for path in sys.path if path and os.path.exists(path)}
    return sorted(found | {"/usr/share/zoneinfo"})


main()
