#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of opentelemetry-python-contrib's instrumentations on top of Clew's tracer provider.

Their source packages come from PyPI into a cache folder. Each is run twice: as it is, on the SDK, and with Clew beneath;
what passes there has to pass here. Ends with a line `N passed, N failed`; exit 1 where one fails on Clew only.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSION = "0.66b1"
PACKAGES = ("wsgi", "flask", "requests", "urllib3", "sqlite3", "dbapi")


def prepare(cache):
    """Virtual environment and unpacked sources, made once for these requirements."""
    python = cache / "venv/bin/python"
    wanted = (HERE / "requirements.txt").read_text()
    stamp = cache / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(cache / "venv", clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        for package in PACKAGES:
            name = "opentelemetry-instrumentation-%s==%s" % (package, VERSION)
            command = [
                python,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--no-build-isolation",
                "--no-binary",
                ":all:",
            ]
            subprocess.run([*command, "-d", cache / "sdist", name], check=True)
        for archive in (cache / "sdist").glob("*.tar.gz"):
            with tarfile.open(archive) as file:
                file.extractall(cache / "src", filter="data")
        stamp.write_text(wanted)
    return python


def run(python, folder, dump=None, build=None):
    """Test name -> outcome."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CLEW_", "PYTHON"))}
    command = [python, "-m", "pytest", "-q", "-rA", "--no-header", "--tb=short", "-p", "no:cacheprovider", "tests"]
    fds = ()
    if dump is not None:
        attach = json.loads(dump.stdout.readline())["attach"]
        fds = (dump.stdout.fileno(), dump.stdin.fileno())
        environment.update(
            CLEW_ATTACH=attach,
            CLEW_COMPAT_DUMP="%d,%d" % fds,
            PYTHONPATH=os.pathsep.join([str(build / "lib/clew/python"), str(HERE)]),
        )
        command += ["-p", "contrib_plugin"]
    result = subprocess.run(
        command, cwd=folder, env=environment, pass_fds=fds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    outcomes = dict(reversed(pair) for pair in re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", result.stdout, re.M))
    return outcomes, result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "clew/compat-contrib"
    parser.add_argument("--cache", type=pathlib.Path, default=default)
    parser.add_argument("--verbose", action="store_true", help="show pytest's output where a test fails on Clew only")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    python = prepare(options.cache.resolve())
    passed = failed = 0
    for package in PACKAGES:
        folder = options.cache / "src" / ("opentelemetry_instrumentation_%s-%s" % (package, VERSION))
        on_sdk, _ = run(python, folder)
        dump = subprocess.Popen(
            [options.build / "clew/agent/record/clew_record_dump"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        try:
            # Unbuffered: after the first line the pipe is the plugin's.
            on_clew, output = run(python, folder, dump, options.build.resolve())
        finally:
            dump.stdin.close()
            dump.wait(10)
        good = [test for test, outcome in on_sdk.items() if outcome == "PASSED"]
        bad = [test for test in good if on_clew.get(test) != "PASSED"]
        passed += len(good) - len(bad)
        failed += len(bad)
        print("%-9s %3d of %3d that pass on the SDK pass on Clew" % (package, len(good) - len(bad), len(good)))
        for test in bad:
            print("  ", test, on_clew.get(test, "did not run"))
        if (bad or not good) and options.verbose:
            print(output)
        failed += not good
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
