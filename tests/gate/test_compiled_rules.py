# SPDX-License-Identifier: Apache-2.0
"""The rules that need a compiler: each broken once in a scratch copy of two folders."""

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def test_build_headers_tidy_and_unit_tests(scratch):
    """One scratch copy for all four, since its build is what costs."""
    status, output, passed, failed = scratch.check("build", "headers", "unit")
    assert status == 0 and failed == 0, output
    assert passed > 10, output  # single tests are counted, not binaries

    good = (scratch.root / "clew/model/tenant.cc").read_text()
    scratch.write("clew/model/tenant.cc", good + "static int unused = 1;\n")
    scratch.caught("build", "defined but not used")
    status, output, _, failed = scratch.check("build", "unit")
    assert status == 1 and failed == 2 and "not run, since the build failed" in output

    # g++ accepts a use after move; clang-tidy must not.
    bad = (
        "#include <string>\n#include <utility>\nnamespace clew::model {\nstd::string Twice(std::string text);\n"
        "std::string Twice(std::string text) {\n  std::string first = std::move(text);\n  return text + first;\n}\n}\n"
    )
    scratch.write("clew/model/tenant.cc", good + bad)
    scratch.caught("tidy", "clew/model/tenant.cc", "bugprone-use-after-move")
    # Only clang knows of guarded members.
    bad = (
        '#include <mutex>\n#include "clew/base/thread_annotations.h"\n'
        'namespace clew::model {\nstruct __attribute__((capability("mutex"))) Lock {};\nstruct Cell { Lock lock; int value '
        "__attribute__((guarded_by(lock))); };\nint Read(Cell& cell);\nint Read(Cell& cell) { return cell.value; }\n}\n"
    )
    scratch.write("clew/model/tenant.cc", good + bad)
    scratch.caught("tidy", "requires holding")
    scratch.write("clew/model/tenant.cc", good)

    header = (scratch.root / "clew/model/tenant.h").read_text()
    scratch.write("clew/model/tenant.h", header + "inline std::deque<int> NotIncluded() { return {}; }\n")
    scratch.caught("headers", "deque")
    scratch.write("clew/model/tenant.h", header)

    test = (scratch.root / "clew/model/model_test.cc").read_text()
    failing = '\nTEST(Broken, Fails) { EXPECT_EQ(1, 2); }\nTEST(Broken, Skips) { GTEST_SKIP() << "no peer"; }\n'
    scratch.write("clew/model/model_test.cc", test + failing)
    status, output, passed, failed = scratch.check("build", "unit")
    assert status == 1 and failed == 2 and passed > 10, output
    assert "Broken.Fails" in output and "Broken.Skips" in output


def test_fuzz_target_without_corpus(scratch):
    scratch.edit("clew/model/CMakeLists.txt", "clew_folder(model", "clew_folder(model\n  FUZZERS gate_fuzz.cc")
    scratch.write(
        "clew/model/gate_fuzz.cc",
        SPDX + '#include <cstddef>\n#include <cstdint>\nextern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t) '
        "{ return 0; }\n",
    )
    status, output, _, failed = scratch.check("build", "unit")
    assert status == 1 and failed == 1 and "clew_fuzz_gate" in output, output


def test_python_tests_that_fail_and_skip(scratch):
    scratch.write(
        "tests/test_x.py",
        "import pytest\n\n\ndef test_good():\n    pass\n\n\ndef test_bad():\n    assert 1 == 2\n\n\n"
        "def test_skipped():\n    pytest.skip('no peer')\n",
    )
    status, output, passed, failed = scratch.check("python")
    assert (status, passed, failed) == (1, 1, 2), output
    assert "test_bad" in output and "test_skipped" in output


def test_no_python_test_at_all(scratch):
    scratch.caught("python", "there is no Python test")
