# SPDX-License-Identifier: Apache-2.0
import os
import statistics
import subprocess
import sys
import time

from conftest import BUILD, PACKAGE


def extensions():
    return sorted((PACKAGE / "clew").glob("_native.cpython-3*.so"))


def test_extension_needs_libc_alone_and_shows_one_symbol():
    assert extensions()
    for extension in extensions():
        needed = subprocess.run(["ldd", extension], capture_output=True, text=True, check=True).stdout
        names = [os.path.basename(line.split()[0]) for line in needed.splitlines()]
        assert all(n.startswith(("linux-vdso", "libc.so", "ld-linux", "libm.so")) for n in names), needed
        symbols = subprocess.run(
            ["nm", "-D", "--defined-only", extension], capture_output=True, text=True, check=True
        ).stdout
        assert [line.split()[-1] for line in symbols.splitlines()] == ["PyInit__native"]


def test_everything_is_staged_as_it_is_installed():
    assert PACKAGE == BUILD / "lib/clew/python"
    assert (PACKAGE / "sitecustomize.py").exists() and (PACKAGE / "clew/__init__.py").exists()


def test_worker_says_who_it_is(agent):
    agent.run("pass")
    worker, end = agent.ask("workers")
    assert end["attached"] == 1 and worker["notes"] & 8
    assert worker["attributes"]["process.runtime.name"] == "cpython"
    assert worker["attributes"]["process.executable.path"] == sys.executable


def test_nothing_is_imported_that_the_service_does_not_import(agent):
    out, _ = agent.run("import sys; print(sorted(m for m in sys.modules))", "-S")
    bare = set(eval(out))
    out, _ = agent.run("import sys; print(sorted(m for m in sys.modules))")
    assert not {"logging", "threading", "socket", "flask", "sqlite3", "functools", "re"} & (set(eval(out)) - bare)


def test_off(agent):
    code = "import logging, sys; print(logging.Handler.format, 'clew._native' in sys.modules)"
    for environment in ({"CLEW_DISABLED": "1"}, {"CLEW_ATTACH": "abstract=nobody;token=" + "0" * 32}):
        out, err = agent.run(code, **environment)
        assert out.startswith("<function Handler.format") and err == ""
    assert agent.ask("workers") == [{"type": "end", "attached": 0}]


def test_hidden_sitecustomize_runs(agent):
    agent.write("import sys; sys.hidden = __file__; sys.path.append('/added')", "sitecustomize.py")
    out, err = agent.run(
        "import sys, sitecustomize; print(sys.hidden); print('/added' in sys.path); import clew; print(sitecustomize.__file__)"
    )
    assert out.splitlines() == [str(agent.folder / "sitecustomize.py"), "True", str(agent.folder / "sitecustomize.py")]
    assert err == ""


def test_hidden_sitecustomize_that_fails_is_reported_as_ever(agent):
    agent.write("raise RuntimeError('mine')", "sitecustomize.py")
    out, err = agent.run("print('ran')")
    assert out == "ran\n" and "Error in sitecustomize" in err and "mine" in err
    agent.write("import missing_module", "sitecustomize.py")
    out, err = agent.run("print('ran')", check=False)
    bare = subprocess.run([sys.executable, "-c", "print('ran')"], env={"PYTHONPATH": str(agent.folder)},
                          capture_output=True, text=True)  # fmt: skip
    assert out == bare.stdout and err.splitlines()[-1:] == bare.stderr.splitlines()[-1:]


def test_a_broken_hook_leaves_the_library_as_it_is(agent):
    agent.write("class Session: pass", "requests/sessions.py") if (agent.folder / "requests").mkdir() else None
    (agent.folder / "requests/__init__.py").write_text("")
    (agent.folder / "requests/sessions.py").write_text("class Session: pass")
    out, err = agent.run("import requests.sessions; print(requests.sessions.Session.__name__)")
    assert out == "Session\n" and err == ""


def test_loaders_and_specs_are_the_true_ones(agent):
    out, _ = agent.run(
        "import logging, importlib\n"
        "print(type(logging.__loader__).__name__, type(logging.__spec__.loader).__name__)\n"
        "importlib.reload(logging)\n"
        "import logging.handlers, sqlite3\n"
        "print(logging.handlers.__spec__.origin.endswith('handlers.py'))\n"
    )
    assert out.splitlines() == ["SourceFileLoader SourceFileLoader", "True"]


def test_replaced_functions_look_like_the_originals(agent):
    out, _ = agent.run(
        "import inspect, logging, pickle\n"
        "print(inspect.signature(logging.Handler.format), logging.Handler.format.__name__)\n"
        "print(logging.Logger.callHandlers.__qualname__, logging.Handler.format.__doc__ is not None)\n"
        "handler = logging.StreamHandler()\n"
        "print(handler.format.__self__ is handler)\n"
        "class Own(logging.Handler):\n"
        "    def format(self, record): return 'own ' + super().format(record)\n"
        "print(Own().format(logging.makeLogRecord({'msg': 'm'})))\n"
    )
    assert out.splitlines() == ["(self, record) format", "Logger.callHandlers True", "True", "own m"]


def test_import_is_quick(agent):
    """The bound is 60 ms; what is seen is a tenth."""
    with_agent, bare = agent.environment(), agent.environment(CLEW_DISABLED="1")
    bare.pop("PYTHONPATH")
    seconds = {"with": [], "bare": []}
    for _ in range(9):
        for name, environment in (("with", with_agent), ("bare", bare)):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import logging"], env=environment, check=True)
            seconds[name].append(time.perf_counter() - begin)
    assert statistics.median(seconds["with"]) - statistics.median(seconds["bare"]) < 0.060


def test_every_extension_is_imported_by_its_python(agent):
    """By whatever interpreters of these versions are here; the one that runs the tests at least."""
    import glob
    import shutil

    found = 0
    for extension in extensions():
        digits = extension.name.split("cpython-")[1].split("-")[0]
        name = "python%s.%s" % (digits[0], digits[1:])
        candidates = glob.glob(os.path.expanduser("~/.pyenv/versions/%s.%s.*/bin/python3" % (digits[0], digits[1:])))
        python = (candidates or [shutil.which(name)])[0]
        if python is None or "shims" in python:
            continue
        result = subprocess.run(
            [python, "-c", "import logging; from clew import _native; print(_native.is_recording())"],
            env=agent.environment(), capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert result.stdout == "True\n", (python, result.stderr)
        found += 1
    assert found or sys.implementation.cache_tag
