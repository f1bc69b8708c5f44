// SPDX-License-Identifier: Apache-2.0
#include "clew/store/pending_index.h"

#include <algorithm>
#include <limits>

#include "clew/base/hash.h"
#include "clew/model/resource.h"

namespace clew::store {
namespace {

void SortUnique(std::vector<uint64_t>& hashes) {
  std::ranges::sort(hashes);
  const auto repeated = std::ranges::unique(hashes);
  hashes.erase(repeated.begin(), repeated.end());
}

bool Contains(const std::vector<uint64_t>& sorted, uint64_t hash) { return std::ranges::binary_search(sorted, hash); }

uint64_t LabelHash(std::string_view name, std::string_view value) { return base::Hash64(value, base::Hash64(name)); }

base::UnixNanos Saturated(uint64_t time) {
  return static_cast<base::UnixNanos>(std::min<uint64_t>(time, std::numeric_limits<int64_t>::max()));
}

class TimeSpan {
 public:
  void Add(base::UnixNanos time) {
    min_ = std::min(min_, time);
    max_ = std::max(max_, time);
  }
  void Put(PendingIndex& index) const {
    if (min_ > max_) return;
    index.min_time = min_;
    index.max_time = max_;
  }

 private:
  base::UnixNanos min_ = std::numeric_limits<int64_t>::max();
  base::UnixNanos max_ = std::numeric_limits<int64_t>::min();
};

void AddTraceIds(const std::vector<model::TraceId>& ids, std::vector<uint64_t>& hashes) {
  // Spans of one trace mostly come together.
  model::TraceId last;
  for (const model::TraceId& id : ids) {
    if (id == last) continue;
    last = id;
    hashes.push_back(model::TraceIdHash()(id));
  }
  SortUnique(hashes);
}

void AddServices(const model::BatchBase& batch, std::vector<uint64_t>& hashes) {
  for (const model::Resource& resource : batch.resources) {
    const model::KeyValue* name =
        model::FindAttribute(batch.attributes, batch.strings, resource.attributes, "service.name");
    std::string text;
    if (name != nullptr) text = model::ValueToText(batch.attributes, batch.strings, name->value);
    // A name that is not text may be read either way.
    if (name != nullptr && !text.empty()) hashes.push_back(base::Hash64(text));
    if (text.empty() || name->value.kind != model::ValueKind::kString) {
      hashes.push_back(base::Hash64(model::kUnknownService));
    }
  }
  SortUnique(hashes);
}

// Hashes of the labels of all series; most repeat, so pairs of ids are told apart before their text is hashed.
void AddLabels(const model::SeriesBatch& batch, std::vector<uint64_t>& hashes) {
  size_t slots = 64;
  while (slots < 2 * batch.labels.size()) slots *= 2;
  std::vector<uint64_t> seen(slots, ~uint64_t{0});
  for (const model::LabelPair& label : batch.labels) {
    const uint64_t pair = uint64_t{label.name} << 32 | label.value;
    size_t slot = (pair * 0x9E3779B97F4A7C15ULL >> 20) & (slots - 1);
    while (seen[slot] != pair && seen[slot] != ~uint64_t{0}) slot = (slot + 1) & (slots - 1);
    if (seen[slot] == pair) continue;
    seen[slot] = pair;
    hashes.push_back(LabelHash(batch.Text(label.name), batch.Text(label.value)));
  }
  SortUnique(hashes);
}

}  // namespace

PendingIndex MakePendingIndex(const model::SpanBatch& batch) {
  PendingIndex index;
  TimeSpan times;
  for (size_t i = 0; i < batch.size(); ++i) {
    times.Add(Saturated(batch.start_time[i]));
    times.Add(Saturated(batch.end_time[i]));
  }
  times.Put(index);
  AddTraceIds(batch.trace_id, index.trace_ids);
  AddServices(batch, index.services);
  return index;
}

PendingIndex MakePendingIndex(const model::LogBatch& batch) {
  PendingIndex index;
  TimeSpan times;
  for (size_t i = 0; i < batch.size(); ++i) {
    times.Add(Saturated(batch.effective_time(i)));
    // A record without any time is stored at its arrival, which is not known yet: it may be in any range.
    if (batch.effective_time(i) == 0) times.Add(std::numeric_limits<int64_t>::max());
  }
  times.Put(index);
  AddTraceIds(batch.trace_id, index.trace_ids);
  AddServices(batch, index.services);
  return index;
}

PendingIndex MakePendingIndex(const model::SeriesBatch& batch) {
  PendingIndex index;
  TimeSpan times;
  for (const auto& row : batch.samples) times.Add(row.time);
  for (const auto& row : batch.histograms) times.Add(row.time);
  for (const auto& row : batch.exemplars) times.Add(row.time);
  times.Put(index);
  AddLabels(batch, index.labels);
  return index;
}

PendingQuestion::PendingQuestion(const Question& question)
    : range_(question.range), has_service_(!question.service.empty()), service_(base::Hash64(question.service)) {
  for (const model::TraceId& id : question.trace_ids) trace_ids_.push_back(model::TraceIdHash()(id));
  for (const model::LabelMatcher& matcher : question.matchers) {
    // An empty value asks for series without the label.
    if (matcher.type == model::MatchType::kEqual && !matcher.value.empty()) {
      labels_.push_back(LabelHash(matcher.name, matcher.value));
    }
  }
}

bool PendingQuestion::MayMatch(const PendingIndex& index) const {
  if (index.max_time < index.min_time || index.max_time < range_.from || index.min_time >= range_.to) return false;
  if (has_service_ && !Contains(index.services, service_)) return false;
  const auto contained = [&](uint64_t hash) { return Contains(index.trace_ids, hash); };
  if (!trace_ids_.empty() && std::ranges::none_of(trace_ids_, contained)) return false;
  return std::ranges::all_of(labels_, [&](uint64_t hash) { return Contains(index.labels, hash); });
}

}  // namespace clew::store
