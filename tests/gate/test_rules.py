# SPDX-License-Identifier: Apache-2.0
"""Each rule of tools/check is broken once in a scratch copy and must be seen; the untouched copy must pass."""

import pytest

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
FOLDER = "# SPDX-License-Identifier: Apache-2.0\nclew_folder({name}\n  SOURCES x.cc\n  EDGES {edges})\n"


def add_folder(scratch, name: str, edges: str = "", source: str = "") -> None:
    scratch.write(f"clew/{name}/CMakeLists.txt", FOLDER.format(name=name, edges=edges))
    scratch.write(f"clew/{name}/x.cc", SPDX + source)


@pytest.mark.parametrize("name", ["spdx", "layers", "lengths", "paths", "format"])
def test_untouched_copy_passes(scratch, name):
    scratch.clean(name)


def test_missing_licence_line(scratch):
    scratch.write("clew/model/new.h", "#pragma once\n")
    scratch.write("tools/new", "#!/usr/bin/env bash\necho\n")
    (scratch.root / "tools/new").chmod(0o755)
    scratch.caught("spdx", "clew/model/new.h", "tools/new")


def test_undeclared_edge(scratch):
    add_folder(scratch, "privacy", source='#include "clew/model/ids.h"\n')
    scratch.caught("layers", "clew/privacy/x.cc:2: includes clew/model/ids.h", "does not name model in EDGES")


def test_undeclared_edge_of_a_test_only(scratch):
    add_folder(scratch, "privacy")
    scratch.edit("clew/privacy/CMakeLists.txt", "EDGES )", "TESTS privacy_test.cc)")
    scratch.write("clew/privacy/privacy_test.cc", SPDX + '#include "clew/model/ids.h"\n')
    scratch.caught("layers", "does not name model in TEST_EDGES")
    scratch.edit("clew/privacy/CMakeLists.txt", "TESTS", "TEST_EDGES model TESTS")
    scratch.clean("layers")


def test_unused_edge(scratch):
    add_folder(scratch, "privacy", edges="model")
    scratch.caught("layers", "edge to model is declared, but no source or header includes it")


def test_edge_that_only_a_test_uses(scratch):
    add_folder(scratch, "privacy", edges="model TESTS privacy_test.cc")
    scratch.write("clew/privacy/privacy_test.cc", SPDX + '#include "clew/model/ids.h"\n')
    scratch.caught("layers", "TEST_EDGES is its place")


def test_edge_against_the_design(scratch):
    add_folder(scratch, "net", edges="model", source='#include "clew/model/ids.h"\n')
    scratch.caught("layers", "net may not know model")


def test_base_knows_nobody(scratch):
    scratch.edit("clew/base/CMakeLists.txt", "clew_folder(base", "clew_folder(base\n  EDGES model")
    scratch.edit("clew/base/time.cc", SPDX, SPDX + '#include "clew/model/ids.h"\n')
    scratch.caught("layers", "base may not know model")


def test_cycle(scratch):
    add_folder(scratch, "query", edges="store", source='#include "clew/store/x.h"\n')
    add_folder(scratch, "store", edges="query", source='#include "clew/query/x.h"\n')
    scratch.caught("layers", "cycle: ")


def test_file_that_nothing_builds(scratch):
    scratch.write("clew/model/forgotten.cc", SPDX)
    scratch.caught("layers", "does not list forgotten.cc")


def test_code_outside_every_folder(scratch):
    scratch.write("clew/stray/x.cc", SPDX)
    scratch.caught("layers", "clew/stray/x.cc: lies in no folder")


def test_folder_unknown_to_the_design(scratch):
    add_folder(scratch, "misc")
    scratch.caught("layers", "tools/layers.toml has no line for misc")


def test_third_party_header_outside_its_folder(scratch):
    scratch.edit("clew/model/ids.h", "#pragma once\n", "#pragma once\n#include <zstd.h>\n")
    scratch.caught("third-party", "zstd (zstd.h) may be seen only in wire")


def test_test_library_in_a_program(scratch):
    scratch.edit("clew/model/ids.h", "#pragma once\n", "#pragma once\n#include <gtest/gtest.h>\n")
    scratch.caught("third-party", "GoogleTest (gtest/gtest.h) may be seen only in tests")


def test_unknown_library(scratch):
    scratch.edit("clew/model/ids.h", "#pragma once\n", "#pragma once\n#include <uv.h>\n")
    scratch.caught("third-party", "uv.h belongs to no library")


def test_library_that_nobody_uses(scratch):
    text = (scratch.root / "clew/base/hash.cc").read_text() + (scratch.root / "clew/base/hash.h").read_text()
    assert "xxhash.h" in text
    for path in ("clew/base/hash.cc", "clew/base/hash.h"):
        scratch.write(path, (scratch.root / path).read_text().replace("#include <xxhash.h>", ""))
    scratch.caught("third-party", "no file includes xxHash any more")


def test_long_file(scratch):
    scratch.write("clew/model/long.h", SPDX + "#pragma once\n" + "// .\n" * 800)
    scratch.caught("lengths", "clew/model/long.h: 802 lines")
    scratch.edit("tools/long_files.toml", "[files]\n", '[files]\n"clew/model/long.h" = "one table"\n')
    scratch.clean("lengths")


def test_long_file_entry_without_reason_or_need(scratch):
    scratch.edit("tools/long_files.toml", "[files]\n", '[files]\n"clew/model/ids.h" = "was long once"\n')
    scratch.caught("lengths", "clew/model/ids.h is not over 800 lines")


def test_documented_path_that_is_not_there(scratch):
    scratch.write(
        "docs/x.md", "See `clew/base/gone.h`, `clew/base/{time,gone2}.h` and [this](gone3.md). `clew/base/*.h` is.\n"
    )
    scratch.caught("paths", "clew/base/gone.h", "clew/base/gone2.h", "docs/gone3.md")
    scratch.write("docs/x.md", "See `clew/base/time.h`, [this](x.md), `clew/*/*.h` and `bin/clew`.\n")
    scratch.clean("paths")


def test_page_that_no_index_names(scratch):
    scratch.write("docs/guide/README.md", "[One](one.md)\n")
    scratch.write("docs/guide/one.md", "One.\n")
    scratch.clean("paths")
    scratch.write("docs/guide/two.md", "Two.\n")
    scratch.caught("paths", "docs/guide/README.md: does not lead to two.md")


def test_cpp_format(scratch):
    scratch.write("clew/model/new.h", SPDX + "#pragma once\nint  F( int a );\n")
    scratch.caught("format", "clew/model/new.h: not as clang-format-19 -i leaves it")


def test_python_format_and_mistakes(scratch):
    scratch.write("tools/gate/new.py", "# SPDX-License-Identifier: Apache-2.0\nx = { 'a':1 }\n")
    scratch.caught("format", "tools/gate/new.py: not as ruff format leaves it")
    scratch.write("tools/gate/new.py", "# SPDX-License-Identifier: Apache-2.0\nprint(unknown)\n")
    scratch.caught("format", "F821")


def test_shell_syntax(scratch):
    scratch.write("tools/new", "#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\nif true; then\n")
    (scratch.root / "tools/new").chmod(0o755)
    scratch.caught("format", "tools/new")


def test_missing_tool_is_a_failure(scratch):
    (scratch.root / ".venv").unlink()
    status, output, passed, failed = scratch.check("format", PATH="/nowhere")
    assert (status, passed, failed) == (1, 0, 1), output
    assert "is not there: run tools/setup --for test" in output
