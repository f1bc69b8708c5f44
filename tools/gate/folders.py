# SPDX-License-Identifier: Apache-2.0
"""What each folder says of itself in its clew_folder() call, and which files it includes."""

import os
import re
from dataclasses import dataclass, field

from gate.tree import CPP, Tree

KEYWORDS = ("SOURCES", "HEADERS", "EDGES", "LIBRARIES", "TESTS", "TEST_LIBRARIES", "TEST_EDGES", "BENCHES", "FUZZERS")
NATIVE = "python/native"
SOURCE = re.compile(r"[\w./-]+\.(?:cc|c|h)\b")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
TEST_HEADER = re.compile(r"(^|_)(test|testing|fuzz|bench)(_|\.)")


@dataclass
class Folder:
    """One clew_folder() call. `path` is relative to clew/ (but for python/native), the lists hold the words as written."""

    path: str
    file: str
    lists: dict[str, list[str]] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)  # every source named anywhere in its CMakeLists.txt

    @property
    def here(self) -> str:
        return self.path + "/" if self.path == NATIVE else f"clew/{self.path}/"

    def words(self, keyword: str) -> list[str]:
        return self.lists.get(keyword, [])

    def only_for_tests(self, name: str) -> bool:
        """Whether a file of this folder is part of its tests, benchmarks or fuzz targets."""
        listed = self.words("TESTS") + self.words("BENCHES") + self.words("FUZZERS")
        return name in listed or bool(TEST_HEADER.search(name))


def parse(tree: Tree) -> tuple[dict[str, Folder], list[str]]:
    """Every declared folder by path, and what is wrong with the declarations themselves."""
    folders, problems = {}, []
    for file in tree.files("CMakeLists.txt"):
        if not file.startswith("clew/"):
            continue
        text = re.sub(r"#.*", "", tree.text(file))
        calls = re.findall(r"\bclew_folder\s*\(([^)]*)\)", text)
        here = os.path.dirname(file)[len("clew/") :]
        if len(calls) != 1:
            problems.append(f"{file}: expected one clew_folder() call, found {len(calls)}")
            continue
        words = calls[0].split()
        folder = Folder(words[0], file, sources=set(SOURCE.findall(text)))
        keyword = None
        for word in words[1:]:
            if word in KEYWORDS:
                keyword = word
                folder.lists.setdefault(word, [])
            elif keyword:
                folder.lists[keyword].append(word)
        if folder.path != here:
            problems.append(f"{file}: the call names {folder.path}, the file lies in {here}")
        folders[folder.path] = folder
    if (tree.root / "python/CMakeLists.txt").is_file():
        folders[NATIVE] = _native(tree, folders)
    return folders, problems


def _native(tree: Tree, folders: dict[str, Folder]) -> Folder:
    """The extension module: built for several interpreters, so not by clew_folder(); its edges are what it links."""
    text = re.sub(r"#.*", "", tree.text("python/CMakeLists.txt"))
    linked = {w for call in re.findall(r"target_link_libraries\s*\(([^)]*)\)", text) for w in call.split()}
    edges = [path for path in folders if "clew_" + path.replace("/", "_") in linked]
    return Folder(NATIVE, "python/CMakeLists.txt", {"EDGES": edges}, set(SOURCE.findall(text)))


def owner(folders: dict[str, Folder], path: str) -> str | None:
    """The folder that a file below clew/ belongs to: the longest declared path above it."""
    if path.startswith(NATIVE + "/"):
        return NATIVE
    at = os.path.dirname(path)[len("clew/") :] if path.startswith("clew/") else ""
    while at:
        if at in folders:
            return at
        at = os.path.dirname(at)
    return None


def includes(tree: Tree, path: str) -> list[tuple[str, str, int]]:
    """Every #include of a file: ('<' or '"', name, line)."""
    text = tree.text(path)
    return [(m.group(1), m.group(2), text.count("\n", 0, m.start()) + 1) for m in INCLUDE.finditer(text)]


def code(tree: Tree) -> list[str]:
    """Every C and C++ file of the repository."""
    return [p for p in tree.files(*CPP)]
