"""The zygote: a child is forked of it for each program. It sees the judge's commands and nothing of a program; zygote.cpp obeys most of them."""

import gc
import os
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
TO_LOAD, TO_TIDY = 1, 2  # confine.h


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


def _remove_directories(directory):
    import shutil

    for entry in list(os.scandir(directory)):
        shutil.rmtree(entry.path, ignore_errors=True)


def serve(commands, directory, run_child):
    """Until the judge hangs up. Obeys "fork MEMORY_BYTES CPU_S FILE_BYTES FROZEN_UNIX_S" (with two descriptors), "reap", "reap ended" and "load NAMES"."""
    host = os.getppid()
    os.putenv("COPE_ORDERS", str(commands.fileno()))
    _load(())
    while True:
        try:
            found = os.fork()  # and much more: zygote.cpp
        except OSError:
            break
        if found == 0:
            run_child()
        elif found == TO_TIDY:
            _remove_directories(directory)
        elif found == TO_LOAD:
            names = commands.recv(4096).decode("ascii").split()[1:]
            _load(sorted(MODULES.intersection(names)))
    for _ in range(1000):  # a host that lives ends this process now; one that dies leaves it to another parent
        if os.getppid() != host:
            break
        time.sleep(0.01)
    for empty in (directory, os.path.dirname(directory)):
        try:
            os.rmdir(empty)
        except OSError:  # another worker still has its directory there
            break
