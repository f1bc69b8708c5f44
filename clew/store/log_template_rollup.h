// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "clew/base/result.h"
#include "clew/engine/engine.h"
#include "clew/store/template_book.h"

namespace clew::store {

// Counts the log records of windows by template, service, severity and minute, into table log_template_counts; a part
// of Rollup (rollup.h), whose windows and attempts say which rows count. A template that a line has made more general
// has another text and so another id: table log_template_aliases then says which took the place of which. What is known
// of templates is read back from the tables after a start. One thread at a time.
class LogTemplateRollup {
 public:
  struct Options {
    size_t templates_of_tenant = 2000;
    size_t templates = 50'000;  // of all tenants
    // Rows that are gathered before they are written.
    size_t rows_at_once = 50'000;
  };

  explicit LogTemplateRollup(engine::Engine& engine) : LogTemplateRollup(engine, Options()) {}
  LogTemplateRollup(engine::Engine& engine, Options options) : engine_(engine), options_(options) {}

  // Counts what arrived in the minute from `window` (seconds) on, under `attempt`.
  base::Status MakeWindow(uint32_t window, uint64_t attempt, const engine::QueryOptions& options);

 private:
  class Counting;

  base::Status Load(const engine::QueryOptions& options);
  TemplateBook& BookOf(const std::string& tenant);

  engine::Engine& engine_;
  const Options options_;
  bool is_loaded_ = false;
  std::map<std::string, TemplateBook, std::less<>> books_;  // by tenant
};

}  // namespace clew::store
