// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_reader.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <utility>

#include "clew/model/log_labels.h"
#include "clew/store/attribute_filter.h"
#include "clew/store/label_match.h"
#include "clew/store/log_decoder.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

constexpr uint32_t kBatchRecords = 4096;

// One stream that has sent something: its resource.
struct Stream {
  uint64_t resource_id = 0;
  model::Labels labels;
  std::string service;  // column service_name
};

// The streams whose labels match, by their resources: few against records, so they are looked at here.
base::Result<std::vector<Stream>> StreamsOf(const SenderDirectory& resources, std::string_view tenant,
                                            std::span<const model::LabelMatcher> matchers) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<LabelMatch> compiled, LabelMatch::CompileAll(matchers));
  std::vector<Stream> streams;
  for (const auto& [id, record] : resources.All(tenant)) {
    model::BatchBase batch;
    CLEW_ASSIGN_OR_RETURN(const model::Resource resource, ReadResourceRecord(*record, batch));
    batch.resources.push_back(resource);
    model::Labels labels = model::StreamLabels(batch, 0);
    const bool matches = std::ranges::all_of(
        compiled, [&](const LabelMatch& match) { return match.Matches(labels.Get(match.matcher().name)); });
    if (matches) streams.push_back({id, std::move(labels), std::string(ServiceOf(batch, resource))});
  }
  return streams;
}

void AddStreams(const std::vector<Stream>& streams, Conditions& conditions) {
  std::vector<uint64_t> ids;
  std::set<std::string> services;
  for (const Stream& stream : streams) {
    ids.push_back(stream.resource_id);
    services.insert(stream.service);
  }
  // The service says nothing new, but the table is sorted by it.
  const std::vector<std::string> names(services.begin(), services.end());
  conditions.parameters().Texts("services", names);
  conditions.Add("service_name IN {services:Array(String)}");
  conditions.AddIds("resource_id IN {streams:Array(UInt64)}", "streams", ids);
}

std::string LikePattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

base::Status AddLineFilters(std::span<const LineFilter> filters, Conditions& conditions) {
  for (size_t i = 0; i < filters.size(); ++i) {
    const LineFilter& filter = filters[i];
    const std::string name = fmt::format("line{}", i);
    switch (filter.kind) {
      // LIKE rather than position(): the index of tokens answers it.
      case LineFilter::Kind::kContains:
        conditions.AddText(fmt::format("body LIKE {{{}:String}}", name), name, LikePattern(filter.text));
        break;
      case LineFilter::Kind::kNotContains:
        conditions.AddText(fmt::format("body NOT LIKE {{{}:String}}", name), name, LikePattern(filter.text));
        break;
      case LineFilter::Kind::kMatches:
      case LineFilter::Kind::kNotMatches: {
        const RE2 regex(filter.text, RE2::Quiet);
        if (!regex.ok()) {
          return base::InvalidArgument(fmt::format("line filter: bad regular expression: {}", regex.error()));
        }
        // The engine's own default lets `.` take line ends, LogQL's does not.
        const bool negated = filter.kind == LineFilter::Kind::kNotMatches;
        conditions.AddText(fmt::format("{}match(body, {{{}:String}})", negated ? "NOT " : "", name), name,
                           "(?-s)" + filter.text);
        break;
      }
    }
  }
  return {};
}

Question QuestionOf(TimeRange range) {
  Question question;
  question.signal = Signal::kLogs;
  question.range = range;
  return question;
}

// What the write path can tell apart: a plain name of a service.
std::string_view ServiceIn(std::span<const model::LabelMatcher> matchers) {
  const auto found = std::ranges::find_if(matchers, [](const model::LabelMatcher& matcher) {
    return matcher.name == "service_name" && matcher.type == model::MatchType::kEqual;
  });
  return found == matchers.end() ? std::string_view() : std::string_view(found->value);
}

// Has what may match stored, and adds all of the query's conditions; false: no record can match.
base::Result<bool> AddQuery(const LogQuery& query, StoreState& state, const model::RequestContext& context,
                            Conditions& conditions) {
  Question question = QuestionOf(query.range);
  question.trace_ids = query.trace_ids;
  question.service = ServiceIn(query.streams);
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context));
  conditions.AddBucketedRange("time", query.range).AddTraceIds(query.trace_ids);
  if (!query.streams.empty()) {
    CLEW_ASSIGN_OR_RETURN(const std::vector<Stream> streams,
                          StreamsOf(state.resources(), context.tenant.name(), query.streams));
    if (streams.empty()) return false;
    AddStreams(streams, conditions);
  }
  if (query.span_id) conditions.AddText("span_id = {span_id:FixedString(8)}", "span_id", query.span_id->View());
  if (query.min_severity > 0) conditions.AddInt("severity_number >= {severity:UInt8}", "severity", query.min_severity);
  CLEW_RETURN_IF_ERROR(AddLineFilters(query.lines, conditions));
  AddAttributeConditions(query.attributes, state.resources(), conditions);
  return true;
}

}  // namespace

base::Status LogReader::Scan(const LogQuery& query, const OnLogs& on_logs) {
  StoreState& state = store_.state();
  Conditions conditions(context_.tenant);
  CLEW_ASSIGN_OR_RETURN(const bool possible, AddQuery(query, state, context_, conditions));
  if (!possible) return {};

  const std::string_view direction = query.newest_first ? " DESC" : "";
  std::string sql = fmt::format("SELECT {} FROM logs{} ORDER BY intDiv(time, 1000000000){}, time{}", kLogColumnList,
                                conditions.where(), direction, direction);
  if (query.limit > 0) {
    conditions.parameters().Uint("limit", query.limit);
    sql += " LIMIT {limit:UInt64}";
  }
  engine::QueryOptions options = OrderedOptionsOf(context_);
  options.max_block_rows = kBatchRecords;
  return state.engine().Query(sql, conditions.parameters(), options, [&](const engine::Block& block) -> base::Status {
    model::LogBatch batch;
    CLEW_RETURN_IF_ERROR(DecodeLogs(block, state, context_.tenant.name(), batch));
    return on_logs(batch);
  });
}

base::Result<std::vector<LogCount>> LogReader::Count(const LogQuery& query, std::chrono::nanoseconds step) {
  StoreState& state = store_.state();
  Conditions conditions(context_.tenant);
  std::vector<LogCount> counts;
  CLEW_ASSIGN_OR_RETURN(const bool possible, AddQuery(query, state, context_, conditions));
  if (!possible) return counts;
  conditions.parameters().Uint("step", static_cast<uint64_t>(step.count()));
  const std::string sql = fmt::format(
      "SELECT intDiv(time, {{step:UInt64}}) AS at, severity_number, count() FROM logs{} GROUP BY at, severity_number "
      "ORDER BY at, severity_number",
      conditions.where());
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      counts.push_back({static_cast<base::UnixNanos>(block[0].At<uint64_t>(row)) * step.count(),
                        block[1].At<uint8_t>(row), block[2].At<uint64_t>(row)});
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(state.engine().Query(sql, conditions.parameters(), OptionsOf(context_), on_block));
  return counts;
}

base::Result<std::vector<model::Labels>> LogReader::Streams(std::span<const model::LabelMatcher> matchers,
                                                            TimeRange range) {
  StoreState& state = store_.state();
  Question question = QuestionOf(range);
  question.service = ServiceIn(matchers);
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context_));
  CLEW_ASSIGN_OR_RETURN(std::vector<Stream> streams, StreamsOf(state.resources(), context_.tenant.name(), matchers));
  std::set<model::Labels> labels;
  if (streams.empty()) return std::vector<model::Labels>();

  Conditions conditions(context_.tenant);
  conditions.AddBucketedRange("time", range);
  if (!matchers.empty()) AddStreams(streams, conditions);
  std::set<uint64_t> present;
  CLEW_RETURN_IF_ERROR(state.engine().Query(fmt::format("SELECT DISTINCT resource_id FROM logs{}", conditions.where()),
                                            conditions.parameters(), OptionsOf(context_),
                                            [&](const engine::Block& block) -> base::Status {
                                              const auto ids = block[0].Values<uint64_t>();
                                              present.insert(ids.begin(), ids.end());
                                              return {};
                                            }));
  for (Stream& stream : streams) {
    if (present.contains(stream.resource_id)) labels.insert(std::move(stream.labels));
  }
  return std::vector<model::Labels>(labels.begin(), labels.end());
}

base::Result<std::vector<std::string>> LogReader::Labels(TimeRange range) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<model::Labels> streams, Streams({}, range));
  std::set<std::string> names;
  for (const model::Labels& labels : streams) {
    for (const model::Label& label : labels) names.insert(label.name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

base::Result<std::vector<std::string>> LogReader::LabelValues(std::string_view name, TimeRange range) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<model::Labels> streams, Streams({}, range));
  std::set<std::string> values;
  for (const model::Labels& labels : streams) {
    if (const std::string_view value = labels.Get(name); !value.empty()) values.emplace(value);
  }
  return std::vector<std::string>(values.begin(), values.end());
}

}  // namespace clew::store
