// SPDX-License-Identifier: Apache-2.0
// Runs the scripts in testdata/, and those in the folder that CLEW_PROMQL_SCRIPTS names (Prometheus' own, say).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "clew/base/file.h"
#include "clew/query/promql/script_testing.h"

namespace clew::query::promql {
namespace {

std::vector<std::string> ScriptsIn(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".test") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> AllScripts() {
  std::vector<std::string> paths = ScriptsIn(CLEW_PROMQL_TESTDATA);
  if (const char* more = std::getenv("CLEW_PROMQL_SCRIPTS"); more != nullptr) {
    for (std::string& path : ScriptsIn(more)) paths.push_back(std::move(path));
  }
  return paths;
}

class Script : public testing::TestWithParam<std::string> {};

TEST_P(Script, GivesWhatItExpects) {
  const auto script = base::ReadFile(GetParam());
  ASSERT_TRUE(script) << script.error().message;
  const ScriptRunner::Report report = ScriptRunner().Run(*script);
  RecordProperty("evaluations", report.evaluations);
  EXPECT_GT(report.evaluations, 0);
  for (const std::string& failure : report.failures) ADD_FAILURE() << GetParam() << " " << failure;
}

INSTANTIATE_TEST_SUITE_P(All, Script, testing::ValuesIn(AllScripts()), [](const auto& param) {
  std::string name = std::filesystem::path(param.param).stem().string() + "_" + std::to_string(param.index);
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace clew::query::promql
