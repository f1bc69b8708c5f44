// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "clew/model/log_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/store/wal/batch_codec.h"

// Batches for tests of the log and of what stands on it.
namespace clew::store::wal {

// A folder of its own, removed at the end.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "clew-wal-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline model::TraceId TestTraceId(uint64_t number) {
  model::TraceId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  std::memcpy(id.bytes.data() + 8, &number, sizeof number);
  return id;
}

// Spans numbered from `first` on: the number is the span id and both halves of the trace id.
inline std::shared_ptr<const model::SpanBatch> TestSpans(uint64_t first, size_t count,
                                                         std::string_view service = "shop") {
  auto batch = std::make_shared<model::SpanBatch>();
  model::SpanBatch& spans = *batch;
  const auto text = [&](std::string_view value) { return model::Value::String(spans.strings.Intern(value)); };
  spans.resources.push_back(
      {spans.attributes.AddKeyValues({{spans.strings.Intern("service.name"), 0, text(service)}}), 0, 0});
  spans.scopes.emplace_back();
  for (uint64_t number = first; number < first + count; ++number) {
    const size_t row = spans.AddRow();
    spans.trace_id[row] = TestTraceId(number);
    std::memcpy(spans.span_id[row].bytes.data(), &number, sizeof number);
    spans.name[row] = spans.strings.Intern("GET /cart");
    spans.start_time[row] = 1'700'000'000'000'000'000 + number;
    spans.end_time[row] = spans.start_time[row] + 1000;
    spans.attribute_range[row] = spans.attributes.AddKeyValues(
        {{spans.strings.Intern("http.route"), 0, text("/cart")},
         {spans.strings.Intern("number"), 0, model::Value::Int(static_cast<int64_t>(number))}});
  }
  return batch;
}

inline std::shared_ptr<const model::LogBatch> TestLogs(uint64_t first, size_t count,
                                                       std::string_view service = "shop") {
  auto batch = std::make_shared<model::LogBatch>();
  model::LogBatch& logs = *batch;
  const auto text = [&](std::string_view value) { return model::Value::String(logs.strings.Intern(value)); };
  logs.resources.push_back(
      {logs.attributes.AddKeyValues({{logs.strings.Intern("service.name"), 0, text(service)}}), 0, 0});
  logs.scopes.emplace_back();
  for (uint64_t number = first; number < first + count; ++number) {
    const size_t row = logs.AddRow();
    logs.time[row] = 1'700'000'000'000'000'000 + number;
    logs.severity_number[row] = 9;
    logs.body[row] = text(fmt::format("line {}", number));
    logs.trace_id[row] = TestTraceId(number);
  }
  return batch;
}

// `count` samples of one series of `metric`, at the times first, first + 1, … ms.
inline std::shared_ptr<const model::SeriesBatch> TestSeries(uint64_t first, size_t count,
                                                            std::string_view metric = "up") {
  auto batch = std::make_shared<model::SeriesBatch>();
  model::SeriesBatch& series = *batch;
  series.labels = {{series.strings.Intern("__name__"), series.strings.Intern(metric)},
                   {series.strings.Intern("job"), series.strings.Intern("shop")}};
  model::SeriesRow row;
  row.id = base::Hash64(metric);
  row.labels = {0, 2};
  row.family = series.strings.Intern(metric);
  row.type = model::FamilyType::kGauge;
  series.series.push_back(row);
  for (uint64_t number = first; number < first + count; ++number) {
    model::SampleRow sample;
    sample.time = static_cast<int64_t>(1'700'000'000'000'000'000 + number * 1'000'000);
    sample.value = static_cast<double>(number);
    series.samples.push_back(sample);
  }
  return batch;
}

inline std::string Joined(const EncodedPayload& payload) {
  std::string bytes;
  for (const std::string_view piece : payload.pieces) bytes += piece;
  return bytes;
}

}  // namespace clew::store::wal
