"""How a test sees a program: its names are remote, and what a call of them answers is a plain value, or a handle of something that stays in the child."""

import ast
import builtins
import functools
import sys

MODULE_NAMES = frozenset(getattr(sys, "stdlib_module_names", ())) or frozenset(sys.builtin_module_names)
BUILTIN_NAMES = frozenset(dir(builtins))
CACHED_TEST_CHARS = 10_000


class Inside(BaseException):
    """A test passes something to the program that is no plain value: it can only run in the child."""


class Test:
    """A parsed test, and how it uses names."""

    def __init__(self, source):
        tree = ast.parse(source, "<test>")
        self.source = source
        self.code = compile(tree, "<test>", "exec", 0, True)
        bound, used, called, bases = set(), set(), set(), set()
        self.holds = False  # it may look at an argument again after the call
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name):
                    called.add(node.func.id)
                inner = [*node.args, *(keyword.value for keyword in node.keywords)]
                functions = {id(n.func) for arg in inner for n in ast.walk(arg) if isinstance(n, ast.Call)}
                self.holds |= any(
                    isinstance(n, ast.Name) and id(n) not in functions for arg in inner for n in ast.walk(arg)
                )
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                bases.add(node.value.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                bound.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
        calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
        based = [n.value for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
        only_called, only_based = {id(n) for n in calls}, {id(n) for n in based}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in only_called | only_based:
                used.add(node.id)
        self.called = called - bound
        self.only_called = self.called - used - bases
        self.modules = (bases - used - called - bound) & MODULE_NAMES
        self.imports = imports_of(tree)


def imports_of(tree):
    """The code of the top level's imports, or None."""
    found = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return compile(ast.Module(found, []), "<imports>", "exec", 0, True) if found else None


_cached_test = functools.lru_cache(maxsize=4096)(Test)


def parsed(source):
    """The test; a long one is not kept."""
    return _cached_test(source) if len(source) <= CACHED_TEST_CHARS else Test(source)


@functools.lru_cache(maxsize=256)
def trusted_imports(setup):
    """What the imports of trusted code bind, by name; those that fail here fail in the child too, and are reported from there."""
    space = {}
    try:
        code = imports_of(ast.parse(setup))
        if code:
            exec(code, space)
    except (SyntaxError, ValueError, ImportError):
        pass
    space.pop("__builtins__", None)
    return space


class Remote:
    """An object of the program that is no plain value. It is equal to itself alone: a program's own __eq__ decides nothing."""

    def __init__(self, run, target, type_name):
        self.__dict__.update(_run=run, _target=target, _type_name=type_name)

    def __call__(self, *args, **named):
        return self._run.call(self._target, args, named)

    def __getattr__(self, name):
        return self._run.ask("attribute", self._target, name)

    def __setattr__(self, name, value):
        self._run.ask("set", self._target, (name, value))

    def __iter__(self):
        return iter(self._run.ask("items", self._target))

    def __getitem__(self, key):
        return self._run.ask("item", self._target, key)

    def __len__(self):
        return self._run.ask("length", self._target)

    def __bool__(self):
        return self._run.ask("true", self._target)

    def __str__(self):
        return self._run.ask("text", self._target)

    def __repr__(self):
        return self._run.ask("representation", self._target)


class Names(dict):
    """The global names of a run's tests; those that nobody has bound yet are looked for in the program."""

    def __init__(self, run, imports):
        super().__init__(__builtins__=builtins, __name__="<test>")
        self.run = run
        self.imports = imports
        self.test = None
        self.shadowed = frozenset()

    def enter(self, test):
        """Helpers (builtins, imports of the set-up) are trusted, unless a test calls nothing else: then the function under test has a helper's name."""
        self.test = test
        own = {name for name in test.called if name not in BUILTIN_NAMES and name not in self.imports}
        self.shadowed = frozenset() if own else test.called

    def __missing__(self, name):
        test = self.test
        if name not in self.shadowed:
            if name in self.imports:
                return self.imports[name]
            if name in BUILTIN_NAMES:
                raise KeyError(name)
            if name in test.only_called:
                self[name] = found = Remote(self.run, name, "function")
                return found
        found = self.run.ask("name", name)
        if found[0] == "absent":
            raise KeyError(name)
        if name in test.modules or (found[0] == "module" and found[1].partition(".")[0] in MODULE_NAMES):
            return __import__(name if name in test.modules else found[1], fromlist=["*"])
        if found[0] == "module":
            raise Inside
        return found[1]


def as_exception(described):
    """An exception of the child as one that this process's tests can catch."""
    name, bases, message, line, number = described
    base = next(
        (
            found
            for found in (getattr(builtins, each, None) for each in bases if type(each) is str)
            if isinstance(found, type) and issubclass(found, BaseException)
        ),
        Exception,
    )
    content = {"__str__": lambda self: message, "described": (name, message, line, number)}
    try:
        made = type(name, (base,), content)
        return made.__new__(made)
    except (TypeError, ValueError):
        made = type("Exception", (Exception,), content)
        return made()


def update(held, now):
    """Gives a test's argument the content that the call left it with."""
    if type(held) is not type(now):
        return
    if type(held) is list:
        for i, (old, new) in enumerate(zip(held, now)):
            if type(old) in (list, dict, set, bytearray) and type(old) is type(new):
                update(old, new)
            else:
                held[i] = new
        held[len(now) :] = now[len(held) :]
    elif type(held) is dict or type(held) is set:
        held.clear()
        held.update(now)
    elif type(held) is bytearray:
        held[:] = now
