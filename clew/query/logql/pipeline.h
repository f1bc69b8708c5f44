// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/query/logql/ast.h"

namespace clew::query::logql {

// The stages of one query made ready to run over lines: regular expressions compiled once. Immutable; any thread.
class Pipeline {
 public:
  // INVALID_ARGUMENT where an expression does not compile.
  static base::Result<Pipeline> Compile(const std::vector<Stage>& stages);
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  // Whether a line with these labels (stream labels and structured metadata together) comes through.
  bool Matches(std::string_view line, const model::Labels& labels) const;

 private:
  struct Impl;
  explicit Pipeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clew::query::logql
