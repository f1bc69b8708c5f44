# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from clew_program import Run  # noqa: E402
from otlp_collector import Collector  # noqa: E402


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def run(tmp_path):
    """Starts a service under `clew run`; whatever is left of it at the end of the test is killed."""
    runs: list[Run] = []

    def start(*options: str, command: list, **more) -> Run:
        folder = tmp_path / f"run{len(runs)}"
        folder.mkdir()
        runs.append(Run(folder, *options, command=command, **more))
        return runs[-1]

    yield start
    for one in runs:
        with one:
            pass
