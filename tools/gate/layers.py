# SPDX-License-Identifier: Apache-2.0
"""The walls: which folder includes which, and which third-party header is seen where."""

import os
import re

import tomllib

from gate import folders as declared
from gate.tree import Outcome, Tree

# Headers of the C library and the kernel without a folder of their own; whole folders of theirs follow.
SYSTEM = set(
    """assert.h byteswap.h complex.h ctype.h dirent.h dlfcn.h elf.h endian.h err.h errno.h execinfo.h fcntl.h features.h
    fenv.h float.h fnmatch.h ftw.h getopt.h glob.h grp.h ifaddrs.h inttypes.h iso646.h langinfo.h libgen.h limits.h link.h
    locale.h malloc.h math.h mntent.h netdb.h poll.h pthread.h pty.h pwd.h sched.h semaphore.h setjmp.h signal.h spawn.h
    stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h syscall.h
    syslog.h termios.h threads.h time.h uchar.h ucontext.h unistd.h utime.h wait.h wchar.h wctype.h cxxabi.h immintrin.h
    cpuid.h x86intrin.h arm_neon.h""".split()
)
OURS = ("clew/", "python/native/", "tools/crash/")
SYSTEM_FOLDERS = ("sys/", "linux/", "netinet/", "arpa/", "net/", "asm/", "ext/", "sanitizer/")


def layers(tree: Tree) -> Outcome:
    """Declared edges against #includes against the table of allowed edges; every file listed; no cycle."""
    folders, problems = declared.parse(tree)
    allowed = tomllib.loads(tree.text("tools/layers.toml"))["edges"]
    for folder in folders.values():
        problems += _listed_files(tree, folders, folder)
        problems += _edges(tree, folders, folder)
        problems += _permitted(folder, allowed)
    for path in declared.code(tree):
        if path.startswith("clew/") and declared.owner(folders, path) is None:
            problems.append(f"{path}: lies in no folder with a clew_folder() call")
    problems += _cycles(folders)
    edges = sum(len(f.words("EDGES")) for f in folders.values())
    return Outcome(problems, f"{len(folders)} folders, {edges} edges")


def _listed_files(tree: Tree, folders, folder) -> list[str]:
    problems = []
    here = folder.here
    present = {
        p[len(here) :] for p in declared.code(tree) if p.startswith(here) and declared.owner(folders, p) == folder.path
    }
    listed = [w for k in ("SOURCES", "HEADERS", "TESTS", "BENCHES", "FUZZERS") for w in folder.words(k)]
    for name in listed:
        if "$" not in name and not (tree.root / here / name).is_file():
            problems.append(f"{folder.file}: lists {name}, which is not there")
    for name in sorted(present - set(listed) - folder.sources):
        if not name.endswith(".h") or not (folder.path == declared.NATIVE or folder.only_for_tests(name)):
            problems.append(f"{folder.file}: does not list {name}, so nothing builds it")
    return problems


def _edges(tree: Tree, folders, folder) -> list[str]:
    problems, used, used_by_tests = [], set(), set()
    known, known_to_tests = set(folder.words("EDGES")), set(folder.words("TEST_EDGES"))
    here = folder.here
    for path in declared.code(tree):
        if not path.startswith(here) or declared.owner(folders, path) != folder.path:
            continue
        testing = folder.only_for_tests(path[len(here) :])
        for _, name, line in declared.includes(tree, path):
            if not name.startswith(OURS):
                continue
            target = declared.owner(folders, name)
            if target is None:
                problems.append(f"{path}:{line}: {name} lies in no folder with a clew_folder() call")
                continue
            if target in (folder.path, "base"):
                continue
            (used_by_tests if testing else used).add(target)
            if target not in known and not (testing and target in known_to_tests):
                keyword = "TEST_EDGES" if testing else "EDGES"
                problems.append(
                    f"{path}:{line}: includes {name}, but {folder.file} does not name {target} in {keyword}"
                )
    for edge in sorted(known - used):
        hint = ", only tests do: TEST_EDGES is its place" if edge in used_by_tests else ""
        problems.append(f"{folder.file}: edge to {edge} is declared, but no source or header includes it{hint}")
    for edge in sorted(known_to_tests - used_by_tests):
        problems.append(f"{folder.file}: test edge to {edge} is declared, but no test includes it")
    return problems


def _permitted(folder, allowed: dict[str, list[str]]) -> list[str]:
    at = folder.path
    while at and at not in allowed:
        at = os.path.dirname(at)
    if not at:
        return [f"{folder.file}: tools/layers.toml has no line for {folder.path}"]
    names = allowed[at]
    problems = []
    for edge in folder.words("EDGES"):
        if "*" not in names and not any(edge == name or edge.startswith(name + "/") for name in names):
            problems.append(
                f"{folder.file}: {folder.path} may not know {edge}: tools/layers.toml allows {', '.join(names)}"
            )
    return problems


def _cycles(folders) -> list[str]:
    """Depth-first search over the declared edges; each cycle found is named once."""
    state: dict[str, int] = {}
    problems = []

    def visit(path: str, trail: list[str]) -> None:
        state[path] = 1
        for edge in folders[path].words("EDGES"):
            if edge not in folders:
                problems.append(f"{folders[path].file}: edge to {edge}, which is no folder")
            elif state.get(edge) == 1:
                problems.append("cycle: " + " -> ".join([*trail[trail.index(edge) :], edge]))
            elif edge not in state:
                visit(edge, [*trail, edge])
        state[path] = 2

    for path in folders:
        if path not in state:
            visit(path, [path])
    return problems


def third_party(tree: Tree) -> Outcome:
    """Every foreign header against the table in third_party/README.md: known, and seen only where the table says."""
    rows, problems = _table(tree)
    folders, _ = declared.parse(tree)
    used = set()
    for path in declared.code(tree):
        where = declared.owner(folders, path) or os.path.dirname(path).removeprefix("clew/")
        folder = folders.get(where)
        testing = path.startswith(("fuzz/", "bench/")) or (
            folder is not None and folder.only_for_tests(path.removeprefix(folder.here))
        )
        for mark, name, line in declared.includes(tree, path):
            if name.startswith(OURS) or _system(name):
                continue
            row = next(
                (r for r in rows if any(name == p or (p.endswith("/") and name.startswith(p)) for p in r[1])), None
            )
            if row is None:
                if mark == '"' and (tree.root / os.path.dirname(path) / name).is_file():
                    continue
                problems.append(f"{path}:{line}: {name} belongs to no library in third_party/README.md")
                continue
            used.add(row[0])
            places = row[2]
            inside = any(where == p or where.startswith(p + "/") for p in places)
            if not ("everywhere" in places or inside or (testing and "tests" in places)):
                problems.append(f"{path}:{line}: {row[0]} ({name}) may be seen only in {', '.join(places)}")
    for name, _, places in rows:
        waiting = not any(p in ("tests", "everywhere") or p in folders or (tree.root / p).is_dir() for p in places)
        if name not in used and not waiting:
            problems.append(f"third_party/README.md: no file includes {name} any more")
    return Outcome(problems, f"{len(rows)} libraries")


def _system(name: str) -> bool:
    return name in SYSTEM or name.startswith(SYSTEM_FOLDERS) or re.fullmatch(r"[a-z0-9_]+", name) is not None


def _table(tree: Tree) -> tuple[list[tuple[str, list[str], list[str]]], list[str]]:
    """Rows (library, header prefixes, folders) of the table whose head starts with 'Library'."""
    rows, inside = [], False
    for line in tree.text("third_party/README.md").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("| Library"):
            inside = True
        elif inside and not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|-") and not line.startswith("| -"):
            if len(cells) < 5:
                return [], [f"third_party/README.md: a row of five cells was expected: {line}"]
            rows.append((cells[0], re.findall(r"`([^`]+)`", cells[2]), [w.strip(" `") for w in cells[3].split(",")]))
    return rows, [] if rows else ["third_party/README.md: no table whose head starts with 'Library'"]
