# SPDX-License-Identifier: Apache-2.0
"""A scratch copy of a small part of the tree, in which a test breaks one rule and runs tools/check over it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Two real folders are enough for every rule, and compile in seconds from the compiler cache.
PART = ["CMakeLists.txt", "CMakePresets.json", ".clang-format", ".clang-tidy", "ruff.toml", "Makefile"]
PART += ["cmake", "tools", "third_party", "fuzz/replay_main.cc", "clew/base", "clew/model"]


class Scratch:
    def __init__(self, root: Path):
        self.root = root

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text, f"{path} does not hold {old!r}"
        self.write(path, text.replace(old, new, 1))

    def check(self, *names: str, **environment: str):
        """Runs the checks and returns (exit status, output, passed, failed)."""
        run = subprocess.run(
            [sys.executable, str(ROOT / "tools/check"), "--root", str(self.root), *names],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "CCACHE_BASEDIR": str(self.root), **environment},
        )
        closing = re.fullmatch(r"(\d+) passed, (\d+) failed", run.stdout.splitlines()[-1] if run.stdout else "")
        assert closing, run.stdout + run.stderr
        return run.returncode, run.stdout, int(closing[1]), int(closing[2])

    def caught(self, name: str, *words: str) -> None:
        """The check fails, and says why in these words."""
        status, output, _, failed = self.check(name)
        assert status == 1 and failed >= 1, output
        for word in words:
            assert word in output, output

    def clean(self, name: str) -> None:
        status, output, passed, failed = self.check(name)
        assert status == 0 and failed == 0 and passed >= 1, output


@pytest.fixture
def scratch(tmp_path):
    for name in PART:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            # The load generator's text names benchmarks, which are not in the copy.
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "otlpload"))
        else:
            shutil.copy2(source, target)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return Scratch(tmp_path)
