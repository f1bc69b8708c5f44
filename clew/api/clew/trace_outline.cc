// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/trace_outline.h"

#include <algorithm>
#include <tuple>

#include "clew/base/time.h"
#include "clew/model/log_labels.h"

namespace clew::api::clew_api {
namespace {

template <typename Rows, typename Write>
void Column(std::string_view name, const Rows& rows, base::JsonWriter& json, Write write) {
  json.Key(name).BeginArray();
  for (const auto& row : rows) write(row);
  json.EndArray();
}

}  // namespace

uint32_t TraceOutline::Texts::Place(std::string_view text) {
  const auto [place, is_new] = places.try_emplace(std::string(text), static_cast<uint32_t>(all.size()));
  if (is_new) all.emplace_back(text);
  return place->second;
}

void TraceOutline::Add(const model::SpanBatch& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::string_view service = batch.ResourceText(batch.resource[i], "service.name");
    rows_.push_back({batch.start_time[i], batch.duration(i), batch.span_id[i], batch.parent_span_id[i],
                     services_.Place(service.empty() ? model::kUnknownService : service),
                     names_.Place(batch.Text(batch.name[i])), batch.kind[i],
                     batch.status_code[i] == model::StatusCode::kError});
  }
}

size_t TraceOutline::Write(base::JsonWriter& json) {
  std::ranges::sort(rows_, {}, [](const Row& row) { return std::tuple(row.start, row.span_id); });
  const uint64_t start = rows_.empty() ? 0 : rows_.front().start;
  json.Field("start", base::FormatTime(static_cast<base::UnixNanos>(start)));
  Column("services", services_.all, json, [&](const std::string& text) { json.String(text); });
  Column("names", names_.all, json, [&](const std::string& text) { json.String(text); });
  Column("span_id", rows_, json, [&](const Row& row) { json.String(row.span_id.ToHex()); });
  Column("parent_span_id", rows_, json,
         [&](const Row& row) { json.String(row.parent.IsZero() ? std::string() : row.parent.ToHex()); });
  Column("service", rows_, json, [&](const Row& row) { json.Uint(row.service); });
  Column("name", rows_, json, [&](const Row& row) { json.Uint(row.name); });
  Column("kind", rows_, json, [&](const Row& row) { json.Uint(static_cast<uint64_t>(row.kind)); });
  Column("offset_ns", rows_, json, [&](const Row& row) { json.Uint(row.start - start); });
  Column("duration_ns", rows_, json, [&](const Row& row) { json.Int(row.duration); });
  Column("error", rows_, json, [&](const Row& row) { json.Uint(row.failed ? 1 : 0); });
  return rows_.size();
}

}  // namespace clew::api::clew_api
