// SPDX-License-Identifier: Apache-2.0
#include "clew/store/span_reader.h"

#include <fmt/format.h>

#include "clew/store/span_decoder.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

// A few thousand spans, so that a batch stays small whatever hangs on them.
constexpr uint32_t kBatchSpans = 4096;

Question QuestionOf(TimeRange range, std::string_view service = {}) {
  Question question;
  question.signal = Signal::kSpans;
  question.range = range;
  question.service = service;
  return question;
}

}  // namespace

base::Result<model::SpanBatch> SpanReader::Traces(std::span<const model::TraceId> trace_ids) {
  if (trace_ids.empty()) return model::SpanBatch();
  StoreState& state = store_.state();
  Question question = QuestionOf({});
  question.trace_ids = trace_ids;
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context_));

  Conditions conditions(context_.tenant);
  conditions.AddTraceIds(trace_ids);
  engine::QueryOptions options = OptionsOf(context_);
  model::SpanBatch batch;
  CLEW_RETURN_IF_ERROR(state.engine().Query(
      fmt::format("SELECT {} FROM spans{} ORDER BY start_time, span_id", SpanColumnList(true), conditions.where()),
      conditions.parameters(), options,
      [&](const engine::Block& block) { return DecodeSpans(block, true, state, context_.tenant.name(), batch); }));
  return batch;
}

base::Result<std::vector<std::string>> SpanReader::Services(TimeRange range) {
  StoreState& state = store_.state();
  CLEW_RETURN_IF_ERROR(state.FlushForReading(QuestionOf(range), context_));
  Conditions conditions(context_.tenant);
  conditions.AddBucketedRange("start_time", range);
  std::vector<std::string> services;
  CLEW_RETURN_IF_ERROR(state.engine().Query(
      fmt::format("SELECT DISTINCT service_name FROM spans{} ORDER BY service_name", conditions.where()),
      conditions.parameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) services.emplace_back(block[0].Text(row));
        return {};
      }));
  return services;
}

base::Result<std::vector<Operation>> SpanReader::Operations(std::string_view service, TimeRange range) {
  StoreState& state = store_.state();
  CLEW_RETURN_IF_ERROR(state.FlushForReading(QuestionOf(range, service), context_));
  Conditions conditions(context_.tenant);
  conditions.AddText("service_name = {service:String}", "service", service).AddBucketedRange("start_time", range);
  std::vector<Operation> operations;
  CLEW_RETURN_IF_ERROR(state.engine().Query(
      fmt::format("SELECT DISTINCT name, kind FROM spans{} ORDER BY name, kind", conditions.where()),
      conditions.parameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          operations.push_back(
              {std::string(block[0].Text(row)), static_cast<model::SpanKind>(block[1].At<uint8_t>(row))});
        }
        return {};
      }));
  return operations;
}

base::Status SpanReader::Scan(const SpanFilter& filter, const OnSpans& on_spans) {
  StoreState& state = store_.state();
  Question question = QuestionOf(filter.range, filter.service);
  question.trace_ids = filter.trace_ids;
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context_));

  Conditions conditions(context_.tenant);
  conditions.AddBucketedRange("start_time", filter.range).AddTraceIds(filter.trace_ids);
  if (!filter.service.empty()) conditions.AddText("service_name = {service:String}", "service", filter.service);
  if (!filter.operation.empty()) conditions.AddText("name = {operation:String}", "operation", filter.operation);
  if (filter.errors_only) conditions.Add("status_code = 2");
  std::string sql = fmt::format("SELECT {} FROM spans{}", SpanColumnList(filter.with_attributes), conditions.where());
  if (filter.limit > 0) {
    conditions.parameters().Uint("limit", filter.limit);
    sql += " LIMIT {limit:UInt64}";
  }
  engine::QueryOptions options = OptionsOf(context_);
  options.max_block_rows = kBatchSpans;
  return state.engine().Query(sql, conditions.parameters(), options, [&](const engine::Block& block) -> base::Status {
    model::SpanBatch batch;
    CLEW_RETURN_IF_ERROR(DecodeSpans(block, filter.with_attributes, state, context_.tenant.name(), batch));
    return on_spans(batch);
  });
}

}  // namespace clew::store
