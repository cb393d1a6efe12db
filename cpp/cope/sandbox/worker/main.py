"""A worker of the sandbox: imports what programs use, forks the judge, and goes on as the zygote. Started by sandbox/worker.cpp as

    python -s -S -B main.py CONTROL DIRECTORY

with the host's socket at descriptor CONTROL and the temporary directory of its programs. Runs in any CPython from 3.8 on, whatever the package runs in.
"""

import os
import sys

control, directory = int(sys.argv[1]), sys.argv[2]
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != os.path.dirname(os.path.abspath(__file__))]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import child  # noqa: E402
import judge  # noqa: E402
import zygote  # noqa: E402

del sys.path[0]

# All that a child may want to have and could not load: once it is confined, no file becomes code.
MODULES = """abc array ast base64 bisect bz2 calendar cmath collections.abc contextlib copy csv dataclasses datetime decimal difflib enum fcntl fractions
functools gc hashlib heapq html inspect io itertools json keyword locale lzma math mmap numbers operator os.path pickle pprint queue random
re resource secrets select shlex signal socket statistics string struct sys textwrap threading time timeit traceback types typing
unicodedata uuid warnings weakref xml.etree.ElementTree zlib _strptime _pydecimal encodings.ascii encodings.latin_1 encodings.idna""".split()


def main():
    import socket

    for name in MODULES:
        try:
            __import__(name)
        except ImportError:  # this interpreter was built without it
            pass
    for name in ("child", "judge", "zygote", "wire"):
        sys.modules.pop(name, None)
    sys.argv[:] = [""]
    os.environ.clear()  # what the interpreter was started with is no program's business
    if "COPE_LANDLOCK" in ENVIRONMENT:
        os.putenv("COPE_READ", "\n".join(readable()))
    os.putenv("COPE_DIRECTORY", directory)
    if "COPE_FILTERS" in ENVIRONMENT:
        os.putenv("COPE_FILTERS", ENVIRONMENT["COPE_FILTERS"])
    os.chdir(directory)

    commands, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.putenv("COPE_ROLE", "judge")
    if os.fork() == 0:
        orders.close()
        judge.Judge(socket.socket(fileno=control), commands, directory).serve()
        os._exit(0)
    commands.close()
    os.close(control)
    os.dup2(0, 2)  # the host reads it only until the judge is ready
    zygote.serve(orders, directory, child.run)


def readable():
    """Where the standard library lies, and nothing else."""
    found = {os.path.realpath(path) for path in sys.path if path and os.path.exists(path)}
    return sorted(found | {"/usr/share/zoneinfo"})


ENVIRONMENT = dict(os.environ)
main()
