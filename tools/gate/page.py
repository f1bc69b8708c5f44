# SPDX-License-Identifier: Apache-2.0
"""The check of the web page: types against the OpenAPI file, lint and format, tests of its logic."""

import json
import subprocess
from pathlib import Path

from gate.tree import Missing, Outcome, Tree

SECONDS = 300
OPENAPI = "clew/api/clew/openapi.yaml"


def _run(tree: Tree, node: Path, tool: str, *words: str) -> subprocess.CompletedProcess:
    command = [str(node), f"node_modules/{tool}", *words]
    return subprocess.run(
        command,
        cwd=tree.root / "ui",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def ui(tree: Tree) -> Outcome:
    """Everything of ui/ that needs no browser. Its walk through the built program is in tests/ui."""
    node = tree.root / "ui" / "node_modules" / ".clew" / "node"
    if not node.exists():
        raise Missing("the packages of the web page are not there: run tools/setup page")
    schema = tree.root / "build" / "ui" / "schema.d.ts"
    schema.parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for tool, *words in (
        ("openapi-typescript/bin/cli.js", str(tree.root / OPENAPI), "-o", str(schema)),
        ("typescript/bin/tsc", "-p", "."),
        ("@biomejs/biome/bin/biome", "check", "--error-on-warnings", "--colors=off", "."),
    ):
        done = _run(tree, node, tool, *words)
        if done.returncode:
            problems.append(f"{tool}:\n{(done.stdout + done.stderr).strip()[-4000:]}")
    done = _run(tree, node, "vitest/vitest.mjs", "run", "--reporter=json")
    try:
        report = json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        return Outcome([*problems, f"vitest made no report:\n{(done.stdout + done.stderr)[-2000:]}"])
    for file in report["testResults"]:
        if file["status"] != "passed" and not file["assertionResults"]:
            problems.append(f"{file['name']}: {file['message'][:1500]}")
        for case in file["assertionResults"]:
            if case["status"] != "passed":
                what = "\n".join(case["failureMessages"])[:1500] or case["status"]
                problems.append(f"{case['fullName']}: {what}")
    return Outcome(problems, "", [], report["numPassedTests"], len(problems))
