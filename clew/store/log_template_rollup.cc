// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_template_rollup.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "clew/base/bytes.h"
#include "clew/model/ids.h"
#include "clew/store/encoder_common.h"
#include "clew/store/rollup_windows.h"

namespace clew::store {
namespace {

using engine::FixedColumn;
using engine::LowCardinalityColumn;
using engine::StringColumn;

constexpr uint64_t kNanosPerMinute = 60 * base::kNanosPerSecond;

}  // namespace

// The rows of one window, as far as they are gathered.
class LogTemplateRollup::Counting {
 public:
  Counting(LogTemplateRollup& rollup, uint32_t window, uint64_t attempt, const engine::QueryOptions& options)
      : rollup_(rollup), window_(window), attempt_(attempt), options_(options) {}

  // Columns: tenant, service_name, severity_number, time, trace_id, line.
  base::Status Add(const engine::Block& block) {
    for (size_t row = 0; row < block.rows; ++row) {
      const std::string_view tenant = block[0].Text(row);
      if (book_ == nullptr || tenant != tenant_) {
        tenant_ = tenant;
        book_ = &rollup_.BookOf(tenant_);
      }
      const std::string_view service = block[1].Text(row);
      const uint64_t time = block[3].At<uint64_t>(row);
      const std::string_view line = block[5].Text(row);
      const Key key{book_, std::string(service), book_->Find(service, line),
                    static_cast<uint32_t>(std::min<uint64_t>(time / kNanosPerMinute, UINT32_MAX)),
                    block[2].At<uint8_t>(row)};
      const auto [found, is_new] = counts_.try_emplace(key);
      Count& count = found->second;
      if (is_new) {
        count.tenant = tenant_;
        count.example = base::ToUtf8(line);
        count.trace_id = block[4].At<model::TraceId>(row);
        count.first_time = time;
      }
      ++count.records;
      count.first_time = std::min(count.first_time, time);
      count.last_time = std::max(count.last_time, time);
    }
    return counts_.size() < rollup_.options_.rows_at_once ? base::Status() : Write();
  }

  // What is gathered goes into the tables.
  base::Status Write() {
    if (counts_.empty()) return {};
    CLEW_RETURN_IF_ERROR(WriteAliases());
    LowCardinalityColumn tenant, service, text;
    FixedColumn<uint32_t> arrived, minute;
    FixedColumn<uint64_t> attempt, id, records, first, last;
    FixedColumn<uint8_t> severity;
    FixedColumn<model::TraceId> trace_id;
    StringColumn example;
    for (const auto& [key, count] : counts_) {
      const auto& [book, service_name, number, at, severity_number] = key;
      const std::string template_text = book->Text(number);
      tenant.Add(count.tenant);
      arrived.Add(window_);
      attempt.Add(attempt_);
      minute.Add(at);
      service.Add(service_name);
      severity.Add(severity_number);
      id.Add(TemplateIdOf(template_text));
      text.Add(template_text);
      records.Add(count.records);
      first.Add(count.first_time);
      last.Add(count.last_time);
      example.Add(count.example);
      trace_id.Add(count.trace_id);
      book->set_kept_id(number, TemplateIdOf(template_text));
    }
    engine::BlockWriter block(counts_.size());
    block.Add("tenant", kWord, tenant);
    block.Add("arrived", "DateTime", arrived);
    block.Add("attempt", "UInt64", attempt);
    block.Add("minute", "UInt32", minute);
    block.Add("service_name", kWord, service);
    block.Add("severity_number", "UInt8", severity);
    block.Add("template_id", "UInt64", id);
    block.Add("template", kWord, text);
    block.Add("records", "UInt64", records);
    block.Add("first_time", "UInt64", first);
    block.Add("last_time", "UInt64", last);
    block.Add("example", "String", example);
    block.Add("example_trace_id", "FixedString(16)", trace_id);
    counts_.clear();
    return rollup_.engine_.Insert("log_template_counts", std::move(block).Finish(), "", options_);
  }

 private:
  // A template of a tenant's, by severity, service and minute.
  using Key = std::tuple<TemplateBook*, std::string, uint32_t, uint32_t, uint8_t>;
  struct Count {
    std::string tenant;
    uint64_t records = 0;
    uint64_t first_time = 0;
    uint64_t last_time = 0;
    std::string example;
    model::TraceId trace_id;
  };

  // Before the counts that need them: without its alias an earlier id would stand for itself.
  base::Status WriteAliases() {
    LowCardinalityColumn tenant, service, text;
    FixedColumn<uint32_t> arrived;
    FixedColumn<uint64_t> id, replaced_by;
    const TemplateBook* book_before = nullptr;
    uint32_t number_before = 0;
    for (const auto& [key, count] : counts_) {
      const auto& [book, service_name, number, minute, severity] = key;
      if (book == book_before && number == number_before) continue;
      book_before = book;
      number_before = number;
      const uint64_t kept = book->kept_id(number);
      const std::string template_text = book->Text(number);
      if (kept == 0 || kept == TemplateIdOf(template_text)) continue;
      tenant.Add(count.tenant);
      arrived.Add(window_);
      service.Add(service_name);
      id.Add(kept);
      replaced_by.Add(TemplateIdOf(template_text));
      text.Add(template_text);
    }
    if (id.size() == 0) return {};
    engine::BlockWriter block(id.size());
    block.Add("tenant", kWord, tenant);
    block.Add("arrived", "DateTime", arrived);
    block.Add("service_name", kWord, service);
    block.Add("id", "UInt64", id);
    block.Add("replaced_by", "UInt64", replaced_by);
    block.Add("template", kWord, text);
    return rollup_.engine_.Insert("log_template_aliases", std::move(block).Finish(), "", options_);
  }

  LogTemplateRollup& rollup_;
  const uint32_t window_;
  const uint64_t attempt_;
  const engine::QueryOptions& options_;
  std::string tenant_;
  TemplateBook* book_ = nullptr;
  std::map<Key, Count> counts_;
};

TemplateBook& LogTemplateRollup::BookOf(const std::string& tenant) {
  const auto known = books_.find(tenant);
  if (known != books_.end()) return known->second;
  size_t taken = 0;
  for (const auto& [name, book] : books_) taken += book.size();
  const size_t room = options_.templates - std::min(options_.templates, taken);
  return books_.emplace(tenant, TemplateBook(std::min(room, options_.templates_of_tenant))).first->second;
}

base::Status LogTemplateRollup::Load(const engine::QueryOptions& options) {
  books_.clear();
  // Those that are in force: not what a more general one has taken the place of. The newest first, since there may be
  // more than are kept in memory.
  const std::string sql = fmt::format(
      "SELECT tenant, service_name, template FROM ("
      "SELECT tenant, service_name, template_id AS id, template, max(arrived) AS newest FROM log_template_counts "
      "GROUP BY tenant, service_name, id, template UNION ALL "
      "SELECT tenant, service_name, replaced_by AS id, template, max(arrived) AS newest FROM log_template_aliases "
      "GROUP BY tenant, service_name, id, template) "
      "WHERE (tenant, service_name, id) NOT IN (SELECT tenant, service_name, id FROM log_template_aliases) "
      "GROUP BY tenant, service_name, template ORDER BY max(newest) DESC, template LIMIT {}",
      options_.templates);
  return engine_.Query(sql, {}, options, [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      TemplateBook& book = BookOf(std::string(block[0].Text(row)));
      const std::string_view text = block[2].Text(row);
      book.set_kept_id(book.Restore(block[1].Text(row), text), TemplateIdOf(text));
    }
    return {};
  });
}

base::Status LogTemplateRollup::MakeWindow(uint32_t window, uint64_t attempt, const engine::QueryOptions& options) {
  if (!is_loaded_) {
    CLEW_RETURN_IF_ERROR(Load(options));
    is_loaded_ = true;
  }
  Counting counting(*this, window, attempt, options);
  // Of a failure it is not known what was written: what is kept is read again.
  is_loaded_ = false;
  CLEW_RETURN_IF_ERROR(engine_.Query(
      fmt::format("SELECT tenant, service_name, severity_number, time, trace_id, substring(body, 1, {}) FROM logs "
                  "WHERE arrived >= toDateTime({}) AND arrived < toDateTime({})",
                  kTemplateLineBytes, window, window + kWindowSeconds),
      {}, options, [&](const engine::Block& block) { return counting.Add(block); }));
  CLEW_RETURN_IF_ERROR(counting.Write());
  is_loaded_ = true;
  return {};
}

}  // namespace clew::store
