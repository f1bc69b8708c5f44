# SPDX-License-Identifier: Apache-2.0
"""The check `ui`: types, lint and tests of the web page, each broken once."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = "clew/api/clew/openapi.yaml"
WRONG = """// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { paths } from '#schema';

export type Gone = paths['/api/clew/gone'];
console.log('left behind');
test('one that fails', () => expect(1).toBe(2));
"""


@pytest.fixture
def page(scratch):
    """The scratch copy with ui/, its packages linked."""
    shutil.copytree(ROOT / "ui", scratch.root / "ui", ignore=shutil.ignore_patterns("node_modules"))
    scratch.write(OPENAPI, (ROOT / OPENAPI).read_text())
    return scratch


def test_missing_packages_fail(page):
    page.caught("ui", "tools/setup page")


def test_types_lint_and_tests_fail(page):
    (page.root / "ui/node_modules").symlink_to(ROOT / "ui/node_modules")
    page.write("ui/src/logic/wrong.test.ts", WRONG)
    page.caught("ui", "/api/clew/gone", "noConsole", "one that fails", "3 failed")
