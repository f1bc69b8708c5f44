# SPDX-License-Identifier: Apache-2.0
"""Rules that need no compiler: licence lines, lengths, paths named in documents, the one format."""

import ast
import fnmatch
import os
import re
import subprocess

import tomllib

from gate.tree import CPP, Outcome, Tree

SPDX = "SPDX-License-Identifier: Apache-2.0"
MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 80


def spdx(tree: Tree) -> Outcome:
    """The licence line is the first line, or the second after an interpreter line."""
    files = tree.files(*CPP, ".py", ".cmake", "CMakeLists.txt", ".sh", ".ts", ".tsx") + tree.scripts("sh")
    files = sorted(set(files + tree.scripts("python3") + tree.scripts("bash") + ["Makefile"]))
    problems = []
    for path in files:
        lines = tree.text(path).splitlines()[:2]
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if not lines or SPDX not in lines[0]:
            problems.append(f"{path}: its first line is not '{SPDX}' in a comment")
    return Outcome(problems, f"{len(files)} files")


def lengths(tree: Tree) -> Outcome:
    """No file over 800 lines but those listed with a reason; Python functions over 80 lines are named."""
    listed = tomllib.loads(tree.text("tools/long_files.toml"))["files"]
    problems, remarks, long = [], [], set()
    files = tree.files(*CPP, ".py", ".ts", ".tsx", ".css") + tree.scripts("bash") + tree.scripts("python3")
    for path in sorted(set(files)):
        lines = tree.text(path).count("\n")
        if lines > MAX_FILE_LINES:
            long.add(path)
            if not listed.get(path, "").strip():
                problems.append(
                    f"{path}: {lines} lines, over {MAX_FILE_LINES}: split it, or say in tools/long_files.toml why not"
                )
    problems += [
        f"tools/long_files.toml: {path} is not over {MAX_FILE_LINES} lines" for path in sorted(set(listed) - long)
    ]
    for path in tree.python():
        try:
            nodes = ast.walk(ast.parse(tree.text(path)))
        except SyntaxError as error:
            problems.append(f"{path}:{error.lineno}: {error.msg}")
            continue
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    remarks.append(f"{path}:{node.lineno}: {node.name} has {lines} lines, over {MAX_FUNCTION_LINES}")
    return Outcome(problems, f"{len(files)} files", remarks)


# First words of a path by which a word in back-quotes is taken for a path of this repository.
TOP = ("clew", "python", "ui", "demo", "tests", "bench", "fuzz", "docs", "tools", "cmake", "third_party", ".ci")
GENERATED = ("bin/", "lib/", "build/", ".venv/")


def paths(tree: Tree) -> Outcome:
    """Every link and every back-quoted path in a Markdown file leads to something that is there; indexes are whole."""
    problems, count = [], 0
    for file in tree.files(".md"):
        text = re.sub(r"```.*?```", "", tree.text(file), flags=re.DOTALL)
        named = []
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:|#", target):
                named.append(os.path.normpath(os.path.join(os.path.dirname(file), target.split("#")[0])))
        for quoted in re.findall(r"`([^`\n]+)`", text):
            word = quoted.split()[0] if quoted.split() else ""
            if re.fullmatch(r"[\w.{},*/-]+", word) and "/" in word and word.split("/")[0] in TOP:
                named += _expand(word)
        for path in named:
            count += 1
            if path.startswith(GENERATED):
                continue
            if not _exists(tree, path.rstrip("/")):
                problems.append(f"{file}: names {path}, which is not there")
    for file in tree.files(".md"):
        folder, name = os.path.split(file)
        index = f"{folder}/README.md"
        if folder.startswith("docs/") and name != "README.md" and f"({name})" not in tree.text(index):
            problems.append(f"{index}: does not lead to {name}")
    return Outcome(problems, f"{count} paths in {len(tree.files('.md'))} documents")


def _expand(word: str) -> list[str]:
    """Shell braces: a/{b,c}.h is a/b.h and a/c.h."""
    braces = re.search(r"\{([^{}]*)\}", word)
    if not braces:
        return [word]
    head, tail = word[: braces.start()], word[braces.end() :]
    return [e for part in braces.group(1).split(",") for e in _expand(head + part + tail)]


def _exists(tree: Tree, path: str) -> bool:
    if "*" in path:
        return any(fnmatch.fnmatch(p, path) or fnmatch.fnmatch(os.path.dirname(p), path) for p in tree.paths)
    return (tree.root / path).exists()


def formatting(tree: Tree) -> Outcome:
    """clang-format 19 and ruff would change nothing, and ruff's short list of mistakes is empty."""
    problems = []
    cpp, python = tree.files(*CPP), tree.python()
    clang_format = tree.tool("clang-format-19")
    for start in range(0, len(cpp), 40):
        done = _run(tree, [clang_format, "--dry-run", "--Werror", *cpp[start : start + 40]])
        if done.returncode:
            wrong = sorted(set(re.findall(r"^([^:\s]+):\d+:\d+: error", done.stderr, re.MULTILINE)))
            problems += [f"{path}: not as clang-format-19 -i leaves it" for path in wrong] or [done.stderr[-500:]]
    ruff = tree.tool("ruff")
    done = _run(tree, [ruff, "format", "--no-cache", "--check", "--output-format", "concise", *python])
    if done.returncode:
        wrong = re.findall(r"^([^:]+):\d+:\d+: unformatted", done.stdout, re.MULTILINE)
        problems += [f"{path}: not as ruff format leaves it" for path in wrong] or [(done.stdout + done.stderr)[-500:]]
    done = _run(tree, [ruff, "check", "--no-cache", "--output-format", "concise", *python])
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if re.search(r":\d+:\d+: ", line)]
        problems += lines or [done.stderr[-500:]]
    for script in tree.scripts("bash"):
        done = _run(tree, ["bash", "-n", script])
        problems += [done.stderr.strip()] if done.returncode else []
    return Outcome(problems, f"{len(cpp)} C++ and {len(python)} Python files")


def _run(tree: Tree, command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)
