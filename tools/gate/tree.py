# SPDX-License-Identifier: Apache-2.0
"""The checkout under examination, and the result of one check over it."""

import os
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

# What set-up and builds leave behind; the same as .gitignore.
GENERATED_TOP = {".git", ".cache", ".venv", "bin", "build", "lib"}
GENERATED_ANYWHERE = {"__pycache__", "node_modules", ".pytest_cache", ".ruff_cache"}

CPP = (".h", ".cc", ".c")


class Missing(Exception):
    """A tool that a check needs is not there. Never a reason to skip the check."""


@dataclass
class Outcome:
    """What a check found. `passed` counts the check itself, or the single tests where it runs tests."""

    problems: list[str] = field(default_factory=list)
    note: str = ""
    remarks: list[str] = field(default_factory=list)  # worth reading, but no failure
    tests_passed: int | None = None
    tests_failed: int = 0

    @property
    def failed(self) -> int:
        return max(self.tests_failed, 1 if self.problems else 0)

    @property
    def passed(self) -> int:
        if self.tests_passed is not None:
            return self.tests_passed
        return 0 if self.problems else 1


class Tree:
    """The files of a checkout without what builds leave in it. `build` is the build folder the compiled checks use."""

    def __init__(self, root: Path, build: Path):
        self.root = root
        self.build = build

    @cached_property
    def paths(self) -> list[str]:
        """Every file, as a sorted path relative to the root."""
        found = []
        for folder, folders, names in os.walk(self.root):
            at_top = Path(folder) == self.root
            folders[:] = [f for f in folders if f not in GENERATED_ANYWHERE and not (at_top and f in GENERATED_TOP)]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return sorted(found)

    def files(self, *suffixes: str) -> list[str]:
        return [p for p in self.paths if p.endswith(suffixes)]

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def scripts(self, interpreter: str) -> list[str]:
        """Executable files without a suffix whose first line names `interpreter`."""
        found = []
        for path in self.paths:
            full = self.root / path
            if "." in os.path.basename(path) or not os.access(full, os.X_OK) or not full.is_file():
                continue
            with full.open("rb") as file:
                first = file.readline()
            if first.startswith(b"#!") and interpreter.encode() in first:
                found.append(path)
        return found

    def python(self) -> list[str]:
        return sorted(self.files(".py") + self.scripts("python3"))

    def tool(self, name: str) -> str:
        """The path of a program: from the project's environment, else from PATH."""
        own = self.root / ".venv" / "bin" / name
        found = str(own) if own.exists() else shutil.which(name)
        if not found:
            raise Missing(f"{name} is not there: run tools/setup --for test")
        return found
