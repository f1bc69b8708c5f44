// SPDX-License-Identifier: Apache-2.0
#include "clew/api/loki/log_search.h"

#include <utility>

#include "clew/model/log_labels.h"
#include "clew/query/logql/pipeline.h"
#include "clew/store/log_reader.h"

namespace clew::api::loki {
namespace {

using query::logql::CompareOp;
using query::logql::LabelComparison;
using query::logql::LabelFilter;
using query::logql::LabelFilterPair;
using query::logql::LineFilterOp;

// Conditions that hold for every line that comes through, as the store can check them: what is missing here is checked
// by the pipeline alone.
void PushDown(const LabelFilter& filter, store::LogQuery& query) {
  if (const auto* pair = std::get_if<LabelFilterPair>(&filter.node)) {
    if (pair->is_and) {
      PushDown(*pair->left, query);
      PushDown(*pair->right, query);
    }
    return;
  }
  const auto& comparison = std::get<LabelComparison>(filter.node);
  if (comparison.op != CompareOp::kEqual || comparison.unit != LabelComparison::Unit::kText) return;
  if (comparison.label == "trace_id" && query.trace_ids.empty()) {
    if (const auto id = model::TraceId::FromHex(comparison.text); id) query.trace_ids = {*id};
  } else if (comparison.label == "span_id" && !query.span_id) {
    if (const auto id = model::SpanId::FromHex(comparison.text); id) query.span_id = *id;
  }
}

store::LogQuery StoreQuery(const query::logql::LogQuery& query, const SearchOptions& options) {
  store::LogQuery stored;
  stored.range = options.range;
  stored.newest_first = options.newest_first;
  stored.streams = query.matchers;
  bool exact = true;
  for (const query::logql::Stage& stage : query.pipeline) {
    if (const auto* line = std::get_if<query::logql::LineFilter>(&stage)) {
      if (line->alternatives.size() == 1) {
        stored.lines.push_back(
            {static_cast<store::LineFilter::Kind>(std::to_underlying(line->op)), line->alternatives[0]});
      } else {
        exact = false;
      }
    } else {
      PushDown(std::get<LabelFilter>(stage), stored);
      exact = false;
    }
  }
  // Where the store checks everything, it can stop at the limit by itself.
  stored.limit = exact ? options.limit : 0;
  return stored;
}
static_assert(std::to_underlying(LineFilterOp::kContains) == std::to_underlying(store::LineFilter::Kind::kContains) &&
              std::to_underlying(LineFilterOp::kNotMatches) ==
                  std::to_underlying(store::LineFilter::Kind::kNotMatches));

class Collector {
 public:
  Collector(const query::logql::Pipeline& pipeline, const SearchOptions& options)
      : pipeline_(pipeline), options_(options) {}

  // OUT_OF_RANGE once the limit is reached, which ends the scan.
  base::Status Add(const model::LogBatch& batch) {
    for (size_t row = 0; row < batch.size(); ++row) {
      model::Labels stream = model::StreamLabels(batch, batch.resource[row]);
      model::Labels metadata = model::StructuredMetadata(batch, row);
      std::string line = model::LogLine(batch, row);
      if (!pipeline_.Matches(line, Merge(stream, metadata))) continue;
      if (count_ == options_.limit) return Full();
      if (!options_.categorize_labels) stream = Merge(stream, metadata);
      auto [entry, added] = index_.try_emplace(std::move(stream), streams_.size());
      if (added) streams_.push_back({entry->first, {}});
      streams_[entry->second].entries.push_back(
          {static_cast<int64_t>(batch.effective_time(row)), std::move(line), std::move(metadata)});
      if (++count_ == options_.limit) return Full();
    }
    return {};
  }

  bool full() const { return count_ == options_.limit; }
  std::vector<LogStream> Take() { return std::move(streams_); }

 private:
  static std::unexpected<base::Error> Full() { return base::Fail(base::Code::kOutOfRange, "the limit is reached"); }

  // Stream labels win, as in Loki.
  static model::Labels Merge(const model::Labels& stream, const model::Labels& metadata) {
    std::vector<model::Label> all = metadata.list();
    all.insert(all.end(), stream.begin(), stream.end());
    return model::Labels(std::move(all));
  }

  const query::logql::Pipeline& pipeline_;
  const SearchOptions& options_;
  std::map<model::Labels, size_t> index_;
  std::vector<LogStream> streams_;
  uint32_t count_ = 0;
};

}  // namespace

base::Result<std::vector<LogStream>> SearchLogs(store::Store& store, const model::RequestContext& context,
                                                const query::logql::LogQuery& query, const SearchOptions& options) {
  if (options.limit == 0) return std::vector<LogStream>();
  CLEW_ASSIGN_OR_RETURN(const auto pipeline, query::logql::Pipeline::Compile(query.pipeline));
  Collector collector(pipeline, options);
  store::LogReader reader(store, context);
  const base::Status status =
      reader.Scan(StoreQuery(query, options), [&](const model::LogBatch& batch) { return collector.Add(batch); });
  if (!status && !collector.full()) return std::unexpected(status.error());
  return collector.Take();
}

}  // namespace clew::api::loki
