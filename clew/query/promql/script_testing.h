// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/query/promql/engine.h"
#include "clew/query/promql/series_testing.h"

namespace clew::query::promql {

// Runs scripts in the language of Prometheus' own tests (promql/promqltest): load, clear, eval instant, eval range with
// what to expect. As there, each instant evaluation is also made in the middle of a range, and with an @ modifier on
// every selector at other times.
class ScriptRunner {
 public:
  struct Report {
    int evaluations = 0;
    std::vector<std::string> failures;  // "line 12: …"
  };

  ScriptRunner() { options_.delayed_name_removal = true; }
  Report Run(std::string_view script);
  EngineOptions& options() { return options_; }

 private:
  struct Expected;
  struct Eval;

  void Load(const std::string& head);
  void ReadEval(const std::string& head);
  void ReadExpectation(const std::string& line, Eval& eval, int position);
  void ReadExpectLine(const std::string& line, Eval& eval);
  void Check(const Eval& eval);
  void CheckInstant(const Eval& eval, const std::string& query, int64_t time_ms);
  void CheckMiddleOfRange(const Eval& eval, const std::string& query, int64_t time_ms);
  void CheckWithAt(const Eval& eval);
  void CheckFailure(const Eval& eval, const std::string& message);
  void CheckAnnotations(const Eval& eval, const QueryResult& result);
  void CompareSeries(const Eval& eval, const QueryResult& result, bool as_range);
  void Fail(const Eval& eval, const std::string& message);
  void FailAt(size_t line, const std::string& message);

  EngineOptions options_;
  MemorySource source_;
  std::vector<std::string> lines_;
  size_t at_ = 0;
  Report report_;
};

}  // namespace clew::query::promql
