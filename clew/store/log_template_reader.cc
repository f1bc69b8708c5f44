// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_template_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "clew/base/bytes.h"
#include "clew/store/rollup_windows.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"
#include "clew/store/template_book.h"

namespace clew::store {
namespace {

constexpr int64_t kNanosPerMinute = 60 * base::kNanosPerSecond;
constexpr size_t kMostTemplates = 10'000;
// Of those that are not counted yet.
constexpr uint64_t kMostRecords = 300'000;

// Whole minutes around a range.
TimeRange Minutes(TimeRange range) {
  const auto begin = [](base::UnixNanos time) {
    return std::max<int64_t>(0, time) / kNanosPerMinute * kNanosPerMinute;
  };
  if (range.from != TimeRange().from) range.from = begin(range.from);
  if (range.to != TimeRange().to) range.to = range.to <= 0 ? 0 : begin(range.to - 1) + kNanosPerMinute;
  return range;
}

// Which template has taken the place of which, by service and id.
class Aliases {
 public:
  void Add(std::string_view service, uint64_t id, uint64_t replaced_by, std::string_view text) {
    replaced_[{std::string(service), id}] = {replaced_by, std::string(text)};
  }
  // The text that stands for `id` now.
  std::string TextOf(const std::string& service, uint64_t id, std::string_view text) const {
    std::string now(text);
    // Each is more general than the one before; the bound is against damage.
    for (int hops = 0; hops < 1000; ++hops) {
      const auto found = replaced_.find({service, id});
      if (found == replaced_.end()) break;
      id = found->second.first;
      now = found->second.second;
    }
    return now;
  }

 private:
  std::map<std::pair<std::string, uint64_t>, std::pair<uint64_t, std::string>> replaced_;
};

// Adds up what was counted at different times; a template may become more general meanwhile.
class Sums {
 public:
  explicit Sums(uint32_t step_minutes) : step_(step_minutes * kNanosPerMinute), book_(kMostTemplates) {}

  TemplateBook& book() { return book_; }
  LogTemplate& Of(const std::string& service, uint32_t number) { return templates_[{service, number}]; }
  static void Cover(base::UnixNanos first, base::UnixNanos last, LogTemplate& sum) {
    sum.first_time = sum.records == 0 ? first : std::min(sum.first_time, first);
    sum.last_time = std::max(sum.last_time, last);
  }
  void Count(base::UnixNanos time, uint64_t records, LogTemplate& sum) const {
    sum.records += records;
    sum.steps[time / step_ * step_] += records;
  }
  std::vector<LogTemplate> Take() {
    std::vector<LogTemplate> taken;
    for (auto& [key, sum] : templates_) {
      sum.service = key.first;
      sum.text = book_.Text(key.second);
      sum.id = TemplateIdOf(sum.text);
      taken.push_back(std::move(sum));
    }
    std::ranges::stable_sort(taken, std::greater(), &LogTemplate::records);
    return taken;
  }

 private:
  const int64_t step_;
  TemplateBook book_;
  std::map<std::pair<std::string, uint32_t>, LogTemplate> templates_;
};

base::Result<Aliases> ReadAliases(engine::Engine& engine, const model::RequestContext& context) {
  Conditions conditions(context.tenant);
  Aliases aliases;
  CLEW_RETURN_IF_ERROR(engine.Query(
      fmt::format("SELECT service_name, id, argMax(replaced_by, arrived), argMax(template, arrived) FROM "
                  "log_template_aliases{} GROUP BY service_name, id",
                  conditions.where()),
      conditions.parameters(), OptionsOf(context), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          aliases.Add(block[0].Text(row), block[1].At<uint64_t>(row), block[2].At<uint64_t>(row), block[3].Text(row));
        }
        return {};
      }));
  return aliases;
}

// What windows before `up_to` (seconds of arrival) have counted.
base::Status AddCounted(engine::Engine& engine, const model::RequestContext& context, TimeRange range,
                        std::string_view service, uint32_t step_minutes, uint32_t up_to, Sums& sums) {
  CLEW_ASSIGN_OR_RETURN(const Aliases aliases, ReadAliases(engine, context));
  Conditions conditions(context.tenant);
  if (range.from > 0) conditions.AddInt("minute >= {from:UInt32}", "from", range.from / kNanosPerMinute);
  if (range.to != TimeRange().to) conditions.AddInt("minute < {to:UInt32}", "to", range.to / kNanosPerMinute);
  if (!service.empty()) conditions.AddText("service_name = {service:String}", "service", service);
  conditions.AddInt("arrived < toDateTime({up_to:UInt32})", "up_to", up_to).Add(kIsNamedWindow);
  conditions.parameters().Uint("step", step_minutes);
  const std::string sql = fmt::format(
      "SELECT service_name, template_id, any(template), intDiv(minute, {{step:UInt32}}) * {{step:UInt32}} AS at, "
      "max(severity_number), sum(records), min(first_time), max(last_time), argMax(example, last_time), "
      "argMax(example_trace_id, last_time) FROM log_template_counts{} GROUP BY service_name, template_id, at "
      "ORDER BY at DESC",
      conditions.where());
  return engine.Query(sql, conditions.parameters(), OptionsOf(context),
                      [&](const engine::Block& block) -> base::Status {
                        for (size_t row = 0; row < block.rows; ++row) {
                          const std::string of(block[0].Text(row));
                          const std::string text = aliases.TextOf(of, block[1].At<uint64_t>(row), block[2].Text(row));
                          LogTemplate& sum = sums.Of(of, sums.book().Restore(of, text));
                          // The newest come first.
                          if (sum.records == 0) {
                            sum.example = block[8].Text(row);
                            sum.example_trace_id = block[9].At<model::TraceId>(row);
                          }
                          sum.severity_number = std::max(sum.severity_number, block[4].At<uint8_t>(row));
                          Sums::Cover(static_cast<base::UnixNanos>(block[6].At<uint64_t>(row)),
                                      static_cast<base::UnixNanos>(block[7].At<uint64_t>(row)), sum);
                          sums.Count(static_cast<base::UnixNanos>(block[3].At<uint64_t>(row)) * kNanosPerMinute,
                                     block[5].At<uint64_t>(row), sum);
                        }
                        return {};
                      });
}

// What arrived at `up_to` or later; whether that was all.
base::Result<bool> AddFresh(engine::Engine& engine, const model::RequestContext& context, TimeRange range,
                            std::string_view service, uint32_t up_to, Sums& sums) {
  Conditions conditions(context.tenant);
  conditions.AddBucketedRange("time", range);
  if (!service.empty()) conditions.AddText("service_name = {service:String}", "service", service);
  conditions.AddInt("arrived >= toDateTime({up_to:UInt32})", "up_to", up_to);
  const std::string sql =
      fmt::format("SELECT service_name, severity_number, time, trace_id, substring(body, 1, {}) FROM logs{} LIMIT {}",
                  kTemplateLineBytes, conditions.where(), kMostRecords + 1);
  uint64_t records = 0;
  CLEW_RETURN_IF_ERROR(
      engine.Query(sql, conditions.parameters(), OptionsOf(context), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows && ++records <= kMostRecords; ++row) {
          const std::string of(block[0].Text(row));
          const std::string_view line = block[4].Text(row);
          const auto time = static_cast<base::UnixNanos>(block[2].At<uint64_t>(row));
          LogTemplate& sum = sums.Of(of, sums.book().Find(of, line));
          if (time >= sum.last_time) {
            sum.example = base::ToUtf8(line);
            sum.example_trace_id = block[3].At<model::TraceId>(row);
          }
          sum.severity_number = std::max(sum.severity_number, block[1].At<uint8_t>(row));
          Sums::Cover(time, time, sum);
          sums.Count(time, 1, sum);
        }
        return {};
      }));
  return records <= kMostRecords;
}

}  // namespace

base::Result<LogTemplates> LogTemplateReader::Find(TimeRange range, std::string_view service, uint32_t step_minutes) {
  StoreState& state = store_.state();
  LogTemplates found;
  found.range = Minutes(range);
  Question question;
  question.signal = Signal::kLogs;
  question.range = found.range;
  question.service = service;
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context_));
  Sums sums(step_minutes);
  // First: a window that is made meanwhile is counted once.
  const uint32_t up_to = state.rolled_up_to();
  CLEW_RETURN_IF_ERROR(AddCounted(state.engine(), context_, found.range, service, step_minutes, up_to, sums));
  CLEW_ASSIGN_OR_RETURN(found.is_complete, AddFresh(state.engine(), context_, found.range, service, up_to, sums));
  found.templates = sums.Take();
  return found;
}

}  // namespace clew::store
