# SPDX-License-Identifier: Apache-2.0
"""Checks that need the build folder: warnings as errors, headers alone, clang-tidy, unit tests, Python tests."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gate import folders as declared
from gate.tree import Outcome, Tree

# For what tools/check runs beside the tests: it takes the time that they leave.
GIVING_WAY = ["nice", "-n", "19"]
PROGRESS_SECONDS = 30.0
TEST_SECONDS = 30 * 60


def environment(tree: Tree) -> dict[str, str]:
    """The environment of every command: checkouts share compiled objects, the project's own tools come first."""
    own = str(tree.root / ".venv" / "bin")
    return {
        **os.environ,
        "CCACHE_BASEDIR": os.environ.get("CCACHE_BASEDIR", str(tree.root)),
        "CCACHE_NOHASHDIR": "1",
        "PATH": own + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def jobs() -> int:
    """How many compilers run at a time: the largest files take 1.5 GB each."""
    asked = os.environ.get("CLEW_JOBS")
    if asked:
        return int(asked)
    available = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable"))
    return max(1, min(os.cpu_count() or 1, available // 1_500_000))


def follow(tree: Tree, name: str, command: list[str], seconds: float = TEST_SECONDS, **more: str) -> tuple[int, str]:
    """Runs a command into a log file, prints its latest line now and then; returns status and output."""
    log = tree.build / "check" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = said = time.monotonic()
    with log.open("w+") as out:
        child = subprocess.Popen(
            command,
            cwd=tree.root,
            env={**environment(tree), **more},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        while True:
            try:
                status = child.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                now = time.monotonic()
                if now - started > seconds:
                    child.kill()
                    status = child.wait()
                    out.write(f"\nended after {seconds:.0f} s without a result\n")
                    break
                if now - said > PROGRESS_SECONDS:
                    said = now
                    lines = log.read_text(errors="replace").splitlines()
                    print(f"           {name}: {lines[-1][:100] if lines else 'running'}", flush=True)
    return status, log.read_text(errors="replace")


def _configured(tree: Tree) -> list[str]:
    """Configures the build folder when that has not happened; returns problems."""
    cache = tree.build / "CMakeCache.txt"
    if cache.is_file() and f"CMAKE_HOME_DIRECTORY:INTERNAL={tree.root}\n" not in cache.read_text():
        cache.unlink()
    status, output = follow(tree, "configure", [tree.tool("cmake"), "--preset", "release", "-B", str(tree.build)])
    return [] if status == 0 else [f"cmake could not configure:\n{_tail(output, 30)}"]


def _tail(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])


def _ninja(tree: Tree, name: str, *targets: str, before: list[str] | None = None) -> list[str]:
    command = [*(before or []), tree.tool("cmake"), "--build", str(tree.build), "-j", str(jobs()), "--target", *targets]
    status, output = follow(tree, name, command, seconds=60 * 60)
    if status == 0:
        return []
    start = output.find("FAILED:")
    return ["\n".join(output[max(start, 0) :].splitlines()[:60])]


def build(tree: Tree) -> Outcome:
    """Everything compiles with warnings as errors, and installs into the checkout as `make build` leaves it."""
    problems = _configured(tree) or _ninja(tree, "build", "all")
    if not problems:
        install = [tree.tool("cmake"), "--install", str(tree.build), "--prefix", str(tree.root)]
        status, output = follow(tree, "install", install)
        if status:
            problems.append(f"cmake --install did not work:\n{_tail(output, 10)}")
        elif (tree.root / "clew/cli/CMakeLists.txt").exists() and not (tree.root / "bin/clew").exists():
            problems.append("cmake --install left no bin/clew")
    return Outcome(problems)


def headers(tree: Tree) -> Outcome:
    """Every header compiles alone."""
    return Outcome(_configured(tree) or _ninja(tree, "headers", "all_verify_interface_header_sets", before=GIVING_WAY))


def tidy(tree: Tree) -> Outcome:
    """clang-tidy-19 with the short list in .clang-tidy, and clang's own warnings with -Wthread-safety.

    A file is examined again only when it, a header of ours below it, its command or the list has changed."""
    problems = _configured(tree)
    if problems:
        return Outcome(problems)
    program = tree.tool("clang-tidy-19")
    done = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clew" / "tidy"
    done.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    seed = version + tree.text(".clang-tidy")
    units = _units(tree)
    sums: dict[str, str] = {}

    def examine(unit) -> tuple[str, list[str]] | None:
        path = os.path.relpath(unit["file"], tree.root)
        key = done / _key(tree, path, seed + _flags(tree, unit), sums)
        if key.exists():
            return None
        command = [*GIVING_WAY, program, "-p", str(tree.build), "--quiet", "--extra-arg=-Wthread-safety"]
        # The compiler of the build is g++: what only clang calls deprecated or does not know is not the point here.
        quiet = ("unknown-warning-option", "unused-command-line-argument", "deprecated-declarations")
        command += [f"--extra-arg=-Wno-{name}" for name in quiet] + [unit["file"]]
        run = subprocess.run(command, cwd=tree.root, env=environment(tree), capture_output=True, text=True, check=False)
        output = run.stdout.replace(str(tree.root) + os.sep, "")
        if run.returncode == 0 and not re.search(r"warning: ", output):
            key.touch()
        return path, [output] if run.returncode or "warning: " in output else []

    found, remarks, examined = [], set(), 0
    with ThreadPoolExecutor(jobs()) as pool:
        for result in pool.map(examine, units):
            if result is None:
                continue
            examined += 1
            for output in result[1]:
                errors = [line for line in output.splitlines() if ": error: " in line]
                remarks |= {line for line in output.splitlines() if ": warning: " in line}
                found += errors
    return Outcome(sorted(set(found)), f"{examined} of {len(units)} files changed", sorted(remarks))


def _units(tree: Tree) -> list[dict]:
    """One compile command for each source that ends up in a program. Tests are left out for the time they would take;
    the extension module is compiled once for each interpreter and examined for one."""
    units = {}
    for unit in json.loads((tree.build / "compile_commands.json").read_text()):
        path = Path(unit["file"])
        if path.is_relative_to(tree.root) and not path.is_relative_to(tree.build):
            if not re.search(r"(_test|_bench|_fuzz)\.cc$|(^|/)test_\w+\.cc$", unit["file"]):
                units.setdefault(unit["file"], unit)
    return list(units.values())


def _flags(tree: Tree, unit) -> str:
    """The compile command without what differs from one checkout or build folder to the next."""
    return unit["command"].replace(str(tree.build), "").replace(str(tree.root), "")


def _key(tree: Tree, path: str, seed: str, sums: dict[str, str]) -> str:
    """A hash over a source file and every header of ours that it reaches."""
    todo, seen = [path], set()
    total = hashlib.sha256(seed.encode())
    while todo:
        at = todo.pop()
        if at in seen or not (tree.root / at).is_file():
            continue
        seen.add(at)
        todo += [name for _, name, _ in declared.includes(tree, at) if name.startswith(("clew/", "python/"))]
        todo += [os.path.join(os.path.dirname(at), n) for mark, n, _ in declared.includes(tree, at) if mark == '"']
    for at in sorted(seen):
        if at not in sums:
            sums[at] = hashlib.sha256((tree.root / at).read_bytes()).hexdigest()
        total.update(f"{at} {sums[at]}\n".encode())
    return total.hexdigest()


def unit_tests(tree: Tree) -> Outcome:
    """Every unit test, and every fuzz target over its corpus. A skipped test counts as failed: its peer or tool is missing."""
    reports = tree.build / "check" / "gtest"
    reports.mkdir(parents=True, exist_ok=True)
    for old in reports.glob("*.json"):
        old.unlink()
    junit = tree.build / "check" / "ctest.xml"
    junit.unlink(missing_ok=True)
    command = [tree.tool("ctest"), "--test-dir", str(tree.build), "--output-on-failure", "-j", str(jobs())]
    command += ["--no-tests=error", "--output-junit", str(junit)]
    _, output = follow(tree, "ctest", command, GTEST_OUTPUT=f"json:{reports}/")
    if not junit.exists():
        return Outcome([f"ctest made no report:\n{_tail(output, 20)}"])
    passed = failed = 0
    problems = []
    for case in xml.parse(junit).getroot().iter("testcase"):
        name = case.get("name", "")
        bad = case.get("status") != "run"
        report = reports / f"{name}.json"
        ok, wrong = (_gtest(report, problems, name) if report.exists() else (0, 0)) if not _crashed(case) else (0, 0)
        if ok + wrong == 0 and not bad:
            ok = 1
        if bad and wrong == 0:
            wrong = 1
            body = case.findtext("system-out") or ""
            problems.append(f"{name} failed:\n{_tail(body, 25)}")
        passed, failed = passed + ok, failed + wrong
    return Outcome(problems, "", [], passed, failed)


def _crashed(case) -> bool:
    """A test binary that died may have left the report of an earlier part behind; only its death counts."""
    failure = case.find("failure")
    return failure is not None and "Failed" not in (failure.get("message") or "Failed")


def _gtest(report: Path, problems: list[str], name: str) -> tuple[int, int]:
    ok = wrong = 0
    for suite in json.loads(report.read_text()).get("testsuites", []):
        for test in suite.get("testsuite", []):
            if test.get("result") == "COMPLETED" and not test.get("failures"):
                ok += 1
                continue
            if test.get("status") == "NOTRUN" and test.get("result") == "SUPPRESSED":
                continue
            wrong += 1
            what = "\n".join(f["failure"] for f in test.get("failures", [])) or "skipped"
            problems.append(f"{name}: {test['classname']}.{test['name']}: {what[:1500]}")
    return ok, wrong


def python_tests(tree: Tree) -> Outcome:
    """pytest over tests/ and python/tests/. A skipped test counts as failed: its peer or tool is missing."""
    python = tree.root / ".venv" / "bin" / "python"
    program = str(python) if python.exists() else sys.executable
    places = [p for p in ("python/tests", "tests") if any(q.startswith(p + "/") for q in tree.files(".py"))]
    if not places:
        return Outcome(["there is no Python test"])
    junit = tree.build / "check" / "pytest.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    command = [program, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", str(junit), *places]
    status, output = follow(tree, "pytest", command)
    if not junit.exists():
        return Outcome([f"pytest made no report ({shlex.join(command)}):\n{_tail(output, 20)}"])
    passed = failed = 0
    problems = []
    for case in xml.parse(junit).getroot().iter("testcase"):
        bad = next((case.find(k) for k in ("failure", "error", "skipped") if case.find(k) is not None), None)
        if bad is None or bad.get("type") == "pytest.xfail":
            passed += 1
            continue
        failed += 1
        where = f"{case.get('classname')}.{case.get('name')}"
        problems.append(f"{where}: {bad.tag}: {(bad.get('message') or '')[:600]}\n{_tail(bad.text or '', 15)}")
    if status and not failed:
        failed = 1
        problems.append(f"pytest ended with {status}:\n{_tail(output, 20)}")
    return Outcome(problems, "", [], passed, failed)
