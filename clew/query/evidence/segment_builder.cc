// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/segment_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <string>
#include <utility>

#include "clew/model/log_labels.h"
#include "clew/query/evidence/clock_offset.h"

namespace clew::query::evidence {
namespace {

using model::EventKind;
using model::NameId;
using model::SegmentEvent;

int64_t Signed(uint64_t time) { return static_cast<int64_t>(time); }

// HTTP from 400 on and gRPC other than OK, by the conventions' stable and older names.
std::string StatusOf(const model::SpanBatch& batch, model::Range attributes) {
  for (const std::string_view key : {"http.response.status_code", "http.status_code"}) {
    if (const auto* row = model::FindAttribute(batch.attributes, batch.strings, attributes, key);
        row != nullptr && row->value.kind == model::ValueKind::kInt && row->value.int_value() >= 400) {
      return fmt::format("HTTP {}", row->value.int_value());
    }
  }
  if (const auto* row = model::FindAttribute(batch.attributes, batch.strings, attributes, "rpc.grpc.status_code");
      row != nullptr && row->value.kind == model::ValueKind::kInt && row->value.int_value() != 0) {
    return fmt::format("gRPC {}", row->value.int_value());
  }
  return {};
}

std::string PeerOf(const model::SpanBatch& batch, model::Range attributes) {
  std::string peer(model::FindString(batch.attributes, batch.strings, attributes, "server.address"));
  if (peer.empty()) return peer;
  if (const auto* port = model::FindAttribute(batch.attributes, batch.strings, attributes, "server.port");
      port != nullptr) {
    peer += ':' + model::ValueToText(batch.attributes, batch.strings, port->value);
  }
  return peer;
}

// Total length of intervals, what they share counted once.
int64_t Covered(std::vector<std::pair<int64_t, int64_t>>& intervals) {
  std::ranges::sort(intervals);
  int64_t covered = 0;
  int64_t last = std::numeric_limits<int64_t>::min();
  for (const auto& [start, end] : intervals) {
    const int64_t from = std::max(start, last);
    if (end > from) {
      covered += end - from;
      last = end;
    }
  }
  return covered;
}

}  // namespace

NameId SegmentBuilder::NameOf(std::string_view name) {
  if (name.empty()) return 0;
  const auto [entry, added] = name_ids_.try_emplace(std::string(name), static_cast<NameId>(names_.size()));
  if (added) names_.emplace_back(name);
  return entry->second;
}

std::vector<SegmentBuilder::ResourceNames> SegmentBuilder::NamesOfResources(const model::BatchBase& batch) {
  std::vector<ResourceNames> names;
  for (uint32_t i = 0; i < batch.resources.size(); ++i) {
    const std::string_view service = batch.ResourceText(i, "service.name");
    std::string_view instance;
    for (const std::string_view key : {"k8s.pod.name", "service.instance.id", "host.name"}) {
      instance = batch.ResourceText(i, key);
      if (!instance.empty()) break;
    }
    names.push_back({NameOf(service.empty() ? model::kUnknownService : service), NameOf(instance),
                     NameOf(batch.ResourceText(i, "service.version"))});
  }
  return names;
}

void SegmentBuilder::ReadAttributes(const model::SpanBatch& batch, size_t row, Span& span) {
  const model::Range attributes = batch.attribute_range[row];
  span.status = NameOf(StatusOf(batch, attributes));
  if (!span.is_client) return;
  span.peer = NameOf(PeerOf(batch, attributes));
}

void SegmentBuilder::AddExceptions(const model::SpanBatch& batch, size_t row) {
  const model::Range events = batch.event_range[row];
  for (uint32_t i = 0; i < events.count; ++i) {
    const model::SpanEvent& event = batch.events[events.first + i];
    if (batch.Text(event.name) != "exception") continue;
    const std::string_view type =
        model::FindString(batch.attributes, batch.strings, event.attributes, "exception.type");
    exceptions_.push_back({static_cast<uint32_t>(spans_.size()),
                           {Signed(event.time), Signed(event.time), -1, NameOf(type.empty() ? "exception" : type),
                            EventKind::kException, true}});
  }
}

void SegmentBuilder::AddSpans(const model::SpanBatch& batch) {
  const std::vector<ResourceNames> resources = NamesOfResources(batch);
  for (size_t row = 0; row < batch.size(); ++row) {
    const SpanKey key{batch.trace_id[row], batch.span_id[row]};
    if (!index_.try_emplace(key, static_cast<uint32_t>(spans_.size())).second) continue;  // sent twice
    Span span;
    span.key = key;
    span.parent_id = batch.parent_span_id[row];
    const ResourceNames& resource = resources[batch.resource[row]];
    span.service = resource.service;
    span.instance = resource.instance;
    span.version = resource.version;
    span.name = NameOf(batch.Text(batch.name[row]));
    span.start = Signed(batch.start_time[row]);
    span.end = std::max(span.start, Signed(batch.end_time[row]));
    const model::SpanKind kind = batch.kind[row];
    span.is_entry_kind = kind == model::SpanKind::kServer || kind == model::SpanKind::kConsumer;
    span.is_async = kind == model::SpanKind::kConsumer;
    span.is_client = kind == model::SpanKind::kClient || kind == model::SpanKind::kProducer;
    span.is_error = batch.status_code[row] == model::StatusCode::kError;
    ReadAttributes(batch, row, span);
    AddExceptions(batch, row);
    spans_.push_back(span);
  }
}

void SegmentBuilder::AddLogs(const model::LogBatch& batch) {
  const std::vector<ResourceNames> resources = NamesOfResources(batch);
  for (size_t row = 0; row < batch.size(); ++row) {
    if (batch.trace_id[row].IsZero()) continue;
    const NameId service = resources[batch.resource[row]].service;
    const std::string line = model::LogLine(batch, row);
    const uint32_t template_id = miner_.Add(names_[service], std::string_view(line).substr(0, line.find('\n')));
    const bool is_error = batch.severity_number[row] >= 17;
    logs_.push_back(
        {{batch.trace_id[row], batch.span_id[row]},
         service,
         template_id,
         {Signed(batch.effective_time(row)), Signed(batch.effective_time(row)), -1, 0, EventKind::kLog, is_error}});
  }
}

void SegmentBuilder::LinkParents() {
  for (Span& span : spans_) {
    if (span.parent_id.IsZero()) continue;
    const auto found = index_.find({span.key.trace_id, span.parent_id});
    if (found == index_.end() || &spans_[found->second] == &span) continue;
    span.parent = found->second;
    Span& parent = spans_[found->second];
    parent.has_children = true;
    if (parent.service != span.service || span.is_entry_kind) parent.calls_remote = true;
  }
}

uint32_t SegmentBuilder::FindEntry(uint32_t span) {
  std::vector<uint32_t> path;
  uint32_t at = span;
  while (spans_[at].entry == kNone) {
    Span& current = spans_[at];
    path.push_back(at);
    current.visiting = true;
    if (current.is_entry_kind || current.parent == kNone) break;
    const Span& parent = spans_[current.parent];
    // Spans that are each other's parents: the walk ends where it came round.
    if (parent.service != current.service || parent.visiting) break;
    at = current.parent;
  }
  const uint32_t entry = spans_[at].entry != kNone ? spans_[at].entry : at;
  for (const uint32_t passed : path) {
    spans_[passed].entry = entry;
    spans_[passed].visiting = false;
  }
  return entry;
}

void SegmentBuilder::AlignClocks() {
  // A clock is known by its service and instance.
  using Clock = std::pair<NameId, NameId>;
  const auto clock_of = [](const Span& span) { return Clock(span.service, span.instance); };
  std::map<std::pair<Clock, Clock>, std::vector<CallTimes>> calls;
  std::vector<uint32_t> entries;
  for (uint32_t i = 0; i < spans_.size(); ++i) {
    const Span& span = spans_[i];
    if (FindEntry(i) != i || span.parent == kNone) continue;
    entries.push_back(i);
    const Span& caller = spans_[span.parent];
    if (span.is_async || clock_of(caller) == clock_of(span)) continue;
    calls[{clock_of(caller), clock_of(span)}].push_back({caller.start, caller.end, span.start, span.end});
  }
  std::map<std::pair<Clock, Clock>, int64_t> offsets;
  for (auto& [pair, times] : calls) {
    if (const int64_t offset = ClockOffset(times); offset != 0) offsets[pair] = offset;
  }
  if (offsets.empty()) return;
  // By entry span: how far its clock is ahead of its root's.
  std::unordered_map<uint32_t, int64_t> ahead;
  for (const uint32_t entry : entries) {
    std::vector<uint32_t> path;
    uint32_t at = entry;
    while (spans_[at].parent != kNone && !ahead.contains(at) && !spans_[at].visiting) {
      spans_[at].visiting = true;
      path.push_back(at);
      at = spans_[spans_[at].parent].entry;
    }
    const auto known = ahead.find(at);
    int64_t total = known == ahead.end() ? 0 : known->second;
    for (const uint32_t passed : std::views::reverse(path)) {
      const Span& span = spans_[passed];
      const auto offset = offsets.find({clock_of(spans_[span.parent]), clock_of(span)});
      if (offset != offsets.end()) total += offset->second;
      ahead[passed] = total;
      spans_[passed].visiting = false;
    }
  }
  const auto ahead_of = [&](uint32_t span) {
    const auto found = ahead.find(spans_[span].entry);
    return found == ahead.end() ? 0 : found->second;
  };
  for (uint32_t i = 0; i < spans_.size(); ++i) {
    spans_[i].start -= ahead_of(i);
    spans_[i].end -= ahead_of(i);
  }
  const auto move = [&](uint32_t span, SegmentEvent& event) {
    event.time -= ahead_of(span);
    event.end -= ahead_of(span);
  };
  for (SpanPoint& exception : exceptions_) move(exception.span, exception.event);
  for (LogPoint& log : logs_) {
    if (const auto found = index_.find(log.key); found != index_.end()) move(found->second, log.event);
  }
}

void SegmentBuilder::MakeSegments(model::Evidence& evidence) {
  segment_of_.assign(spans_.size(), kNone);
  std::vector<uint32_t> entries;
  for (uint32_t i = 0; i < spans_.size(); ++i) {
    if (FindEntry(i) == i) entries.push_back(i);
  }
  std::ranges::sort(entries, {}, [this](uint32_t span) { return spans_[span].start; });
  for (const uint32_t i : entries) {
    const Span& span = spans_[i];
    segment_of_[i] = static_cast<uint32_t>(evidence.segments.size());
    model::Segment segment;
    segment.trace_id = span.key.trace_id;
    segment.service = span.service;
    segment.instance = span.instance;
    segment.version = span.version;
    segment.operation = span.name;
    segment.start = span.start;
    segment.end = span.end;
    segment.is_error = span.is_error;
    evidence.segments.push_back(segment);
  }
  events_of_.assign(evidence.segments.size(), {});
}

void SegmentBuilder::MeasureCalls(model::Evidence& evidence) {
  remote_of_.assign(evidence.segments.size(), {});
  std::map<std::pair<NameId, NameId>, uint32_t> peers;
  for (uint32_t i = 0; i < spans_.size(); ++i) {
    if (segment_of_[i] == kNone || spans_[i].parent == kNone) continue;
    const Span& caller = spans_[spans_[i].parent];
    model::Segment& segment = evidence.segments[segment_of_[i]];
    const uint32_t parent = segment_of_[caller.entry];
    if (parent == segment_of_[i]) continue;
    segment.parent = parent;
    segment.caller = caller.service;
    segment.hop = std::max<int64_t>(0, (caller.end - caller.start) - (segment.end - segment.start));
    remote_of_[parent].emplace_back(caller.start, caller.end);
    events_of_[parent].push_back({segment.start, segment.end, segment.end - segment.start,
                                  NameOf(names_[segment.service] + ": " + names_[segment.operation]), EventKind::kCall,
                                  segment.is_error});
    if (caller.peer != 0) ++peers[{caller.peer, segment.service}];
  }
  for (size_t i = 0; i < evidence.segments.size(); ++i) {
    model::Segment& segment = evidence.segments[i];
    segment.own = std::max<int64_t>(0, segment.end - segment.start - Covered(remote_of_[i]));
  }
  for (const auto& [peer, calls] : peers) evidence.peers.push_back({peer.first, peer.second});
}

void SegmentBuilder::AddEvent(uint32_t span, const SegmentEvent& event) {
  events_of_[segment_of_[spans_[span].entry]].push_back(event);
}

int64_t SegmentBuilder::OwnDuration(uint32_t index) const {
  const Span& span = spans_[index];
  // Only of a span with nothing below it can be said that the time went there.
  if (span.has_children) return -1;
  std::vector<std::pair<int64_t, int64_t>> elsewhere;
  for (const auto& [start, end] : remote_of_[segment_of_[span.entry]]) {
    if (start < span.end && end > span.start)
      elsewhere.emplace_back(std::max(start, span.start), std::min(end, span.end));
  }
  return span.end - span.start - Covered(elsewhere);
}

void SegmentBuilder::AddEvents(model::Evidence& evidence) {
  // Which of a service's instances a call goes to is chance: it is named by the service that answers there, if known.
  std::unordered_map<NameId, NameId> answers_at;
  for (const model::Evidence::Peer& peer : evidence.peers) answers_at.emplace(peer.address, peer.service);
  for (uint32_t i = 0; i < spans_.size(); ++i) {
    const Span& span = spans_[i];
    const auto answers = answers_at.find(span.peer);
    const NameId peer = answers == answers_at.end() ? span.peer : answers->second;
    if (span.status != 0) AddEvent(i, {span.end, span.end, -1, span.status, EventKind::kStatus, true});
    if (segment_of_[i] != kNone) continue;  // an entry span is the segment itself
    if (span.is_client && span.is_error && !span.calls_remote && span.peer != 0) {
      AddEvent(i, {span.start, span.end, span.end - span.start, peer, EventKind::kUnanswered, true});
    } else if (span.parent == kNone || spans_[span.parent].name != span.name) {
      // A span inside one of the same name is the same step, seen by two layers of instrumentation.
      const NameId name = peer == 0 ? span.name : NameOf(names_[span.name] + " " + names_[peer]);
      AddEvent(i, {span.start, span.end, OwnDuration(i), name, EventKind::kSpan, span.is_error});
    }
  }
  for (const SpanPoint& exception : exceptions_) AddEvent(exception.span, exception.event);
  for (LogPoint& log : logs_) {
    const auto found = index_.find(log.key);
    if (found == index_.end() || spans_[found->second].service != log.service) continue;
    log.event.name = NameOf(fmt::format("{}\n{}", log.template_id, miner_.Text(log.template_id)));
    AddEvent(found->second, log.event);
  }
  for (size_t i = 0; i < events_of_.size(); ++i) {
    std::ranges::stable_sort(events_of_[i], {}, &SegmentEvent::time);
    evidence.segments[i].events = {static_cast<uint32_t>(evidence.events.size()),
                                   static_cast<uint32_t>(events_of_[i].size())};
    evidence.events.insert(evidence.events.end(), events_of_[i].begin(), events_of_[i].end());
  }
}

model::Evidence SegmentBuilder::Finish() {
  model::Evidence evidence;
  LinkParents();
  AlignClocks();
  MakeSegments(evidence);
  MeasureCalls(evidence);
  AddEvents(evidence);
  // Names of templates carried their number so far, so that two with the same text stay apart.
  for (std::string& name : names_) {
    if (const size_t end = name.find('\n'); end != std::string::npos) name.erase(0, end + 1);
  }
  evidence.names = std::move(names_);
  *this = SegmentBuilder();
  return evidence;
}

}  // namespace clew::query::evidence
