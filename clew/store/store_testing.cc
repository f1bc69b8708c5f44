// SPDX-License-Identifier: Apache-2.0
#include "clew/store/store_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>

#include "clew/model/labels.h"
#include "clew/store/attribute_codec.h"

namespace clew::store {

void StoreTest::SetUp() {
  std::string name = std::filesystem::temp_directory_path() / "clew-store-XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  folder_ = name;
  Open();
}

void StoreTest::TearDown() {
  store_.reset();
  std::filesystem::remove_all(folder_);
}

void StoreTest::Open() {
  auto store = Store::Open({.data_dir = folder_});
  ASSERT_TRUE(store) << store.error().message;
  store_ = *std::move(store);
}

model::RequestContext StoreTest::ContextOf(std::string_view tenant) {
  model::RequestContext context;
  context.tenant = *model::TenantId::Parse(tenant);
  return context;
}

model::TraceId TraceIdOf(uint64_t number) {
  model::TraceId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  id.bytes[15] = 0xFE;
  return id;
}

model::SpanId SpanIdOf(uint64_t number) {
  model::SpanId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  return id;
}

uint32_t AddService(model::BatchBase& batch, std::string_view service, std::string_view instance) {
  const model::Range attributes = AttributeList(batch)
                                      .Text("service.name", service)
                                      .Text("service.instance.id", instance)
                                      .Text("host.name", "host-1")
                                      .Finish();
  batch.resources.push_back({attributes, 0, 0});
  batch.scopes.push_back({batch.strings.Intern("scope"), 0, {}, 0, 0});
  return static_cast<uint32_t>(batch.resources.size() - 1);
}

size_t AddSpan(model::SpanBatch& batch, uint32_t service, std::string_view name, uint64_t trace, uint64_t span,
               uint64_t parent, int64_t start) {
  const size_t row = batch.AddRow();
  batch.resource[row] = service;
  batch.scope[row] = service;
  batch.name[row] = batch.strings.Intern(name);
  batch.trace_id[row] = TraceIdOf(trace);
  batch.span_id[row] = SpanIdOf(span);
  batch.parent_span_id[row] = SpanIdOf(parent);
  batch.kind[row] = model::SpanKind::kServer;
  batch.start_time[row] = static_cast<uint64_t>(start);
  batch.end_time[row] = static_cast<uint64_t>(start + kSecond);
  return row;
}

size_t AddLog(model::LogBatch& batch, uint32_t service, std::string_view body, int64_t time) {
  const size_t row = batch.AddRow();
  batch.resource[row] = service;
  batch.scope[row] = service;
  batch.time[row] = static_cast<uint64_t>(time);
  batch.observed_time[row] = static_cast<uint64_t>(time + 5);
  batch.severity_number[row] = 9;
  batch.body[row] = model::Value::String(batch.strings.Add(body));
  return row;
}

model::Range AddRichAttributes(model::BatchBase& batch) {
  using model::Value;
  model::Strings& strings = batch.strings;
  model::Attributes& attributes = batch.attributes;
  const Value text = Value::String(strings.Intern("x"));
  const model::Range inner =
      AttributeList(batch).Add("deep", Value::Double(-0.0)).Add("", Value()).Add("deep", Value::Bool(true)).Finish();
  const model::Range list = attributes.AddValues({Value::Int(INT64_MIN), Value::KeyValueList(inner), text, Value(),
                                                  Value::Bytes(strings.Intern(std::string_view("\0\xFF", 2)))});
  const model::Range empty_list = attributes.AddValues({});
  const model::Range nested = attributes.AddValues({Value::Array(list), Value::Double(0.1)});
  return AttributeList(batch)
      .Text("plain", "text with \t\n'\"\\ and \xE2\x82\xAC")
      .Text("empty", "")
      .Text("twice", "first")
      .Add("twice", Value::Int(2))
      .Add("int", Value::Int(std::numeric_limits<int64_t>::max()))
      .Add("bool", Value::Bool(false))
      .Add("double", Value::Double(1.0 / 3))
      .Add("integral", Value::Double(5))
      .Add("tiny", Value::Double(std::numeric_limits<double>::denorm_min()))
      .Add("inf", Value::Double(-INFINITY))
      .Add("nan", Value::Double(std::numeric_limits<double>::quiet_NaN()))
      .Add("stale", Value::Double(std::bit_cast<double>(model::kStaleNanBits)))
      .Add("bytes", Value::Bytes(strings.Intern(std::string_view("a\0b\xFF", 4))))
      .Add("none", Value())
      .Add("array", Value::Array(nested))
      .Add("empty.array", Value::Array(empty_list))
      .Add("map", Value::KeyValueList(inner))
      .Finish();
}

namespace {

void AddRichSenders(model::BatchBase& batch) {
  const model::Range full = AddRichAttributes(batch);
  const model::Range named = AttributeList(batch).Text("service.name", "rich").Add("n", model::Value::Int(1)).Finish();
  batch.resources = {{named, 7, batch.strings.Intern("https://opentelemetry.io/schemas/1.44.0")},
                     {full, 0, 0},
                     {{}, 0, batch.strings.Intern("only-a-url")}};
  batch.scopes = {{batch.strings.Intern("lib"), batch.strings.Intern("1.2"), AddRichAttributes(batch), 3,
                   batch.strings.Intern("https://scope")},
                  {},
                  {batch.strings.Intern("lib"), 0, {}, 0, 0}};
}

std::string DescribeAttributes(const model::BatchBase& batch, model::Range range) {
  std::string bytes;
  AppendBinaryList(batch.attributes, batch.strings, range, bytes);
  return fmt::format("{}:{}", range.count, base::ToHex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
}

std::string DescribeSenders(const model::BatchBase& batch, uint32_t resource, uint32_t scope) {
  const model::Resource& from = batch.resources[resource];
  const model::Scope& by = batch.scopes[scope];
  return fmt::format("resource {} {} {} scope {} {} {} {} {}", DescribeAttributes(batch, from.attributes),
                     from.dropped_attributes_count, batch.Text(from.schema_url), batch.Text(by.name),
                     batch.Text(by.version), DescribeAttributes(batch, by.attributes), by.dropped_attributes_count,
                     batch.Text(by.schema_url));
}

}  // namespace

model::SpanBatch RichSpans() {
  model::SpanBatch batch;
  AddRichSenders(batch);
  // 0, the first nanosecond, 2100, and what no clock shows.
  const uint64_t times[] = {0, 1, 4'102'444'800'000'000'000, static_cast<uint64_t>(kNow), UINT64_MAX};
  for (uint32_t i = 0; i < 30; ++i) {
    const size_t row = batch.AddRow();
    batch.resource[row] = i % 3;
    batch.scope[row] = i / 3 % 3;
    batch.trace_id[row] = TraceIdOf(1 + i % 2);
    batch.span_id[row] = SpanIdOf(i + 1);
    batch.parent_span_id[row] = SpanIdOf(i / 2);
    batch.trace_state[row] = batch.strings.Intern(i % 4 == 0 ? "ot=th:8;rv:1234567890abcd,k=v" : "");
    batch.flags[row] = i % 2 == 0 ? 0x301 : UINT32_MAX;
    batch.name[row] = batch.strings.Intern(i % 5 == 0 ? "" : "operation\n" + std::to_string(i % 7));
    batch.kind[row] = static_cast<model::SpanKind>(i % 6);
    batch.start_time[row] = times[i % 5];
    // Some end before they start.
    batch.end_time[row] = i % 7 == 0 ? 0 : times[i % 5] + i;
    batch.attribute_range[row] = i % 3 == 0 ? AddRichAttributes(batch) : model::Range{};
    batch.dropped_attributes_count[row] = i;
    batch.dropped_events_count[row] = UINT32_MAX - i;
    batch.dropped_links_count[row] = i * 2;
    batch.status_code[row] = static_cast<model::StatusCode>(i % 3);
    batch.status_message[row] = batch.strings.Intern(i % 3 == 2 ? "broken 'pipe'" : "");
    batch.event_range[row] = {static_cast<uint32_t>(batch.events.size()), i % 4};
    for (uint32_t k = 0; k < i % 4; ++k) {
      batch.events.push_back({times[k], batch.strings.Intern("event" + std::to_string(k)),
                              k == 1 ? AddRichAttributes(batch) : model::Range{}, k});
    }
    batch.link_range[row] = {static_cast<uint32_t>(batch.links.size()), i % 3};
    for (uint32_t k = 0; k < i % 3; ++k) {
      batch.links.push_back({TraceIdOf(100 + k), SpanIdOf(k), batch.strings.Intern(k == 0 ? "" : "a=b"), 0x100 + k,
                             k == 1 ? AddRichAttributes(batch) : model::Range{}, k});
    }
  }
  return batch;
}

model::LogBatch RichLogs() {
  using model::Value;
  model::LogBatch batch;
  AddRichSenders(batch);
  const model::Range list = batch.attributes.AddValues({Value::Int(1), Value::Double(2)});
  const Value bodies[] = {Value::String(batch.strings.Add("a line with 'quotes' and \n a second line")),
                          Value(),
                          Value::Int(-5),
                          Value::Double(std::bit_cast<double>(model::kStaleNanBits)),
                          Value::Bool(true),
                          Value::Bytes(batch.strings.Add(std::string_view("\0\x01", 2))),
                          Value::Array(list),
                          Value::KeyValueList(AddRichAttributes(batch)),
                          Value::String(0)};
  const uint64_t times[] = {0, 1, 4'102'444'800'000'000'000, static_cast<uint64_t>(kNow), UINT64_MAX};
  for (uint32_t i = 0; i < 45; ++i) {
    const size_t row = batch.AddRow();
    batch.resource[row] = i % 3;
    batch.scope[row] = i / 3 % 3;
    batch.time[row] = times[i % 5];
    batch.observed_time[row] = times[(i / 5) % 5];
    batch.severity_number[row] = static_cast<uint8_t>(i);
    batch.severity_text[row] = batch.strings.Intern(i % 2 == 0 ? "WARN" : "");
    batch.body[row] = bodies[i % 9];
    batch.attribute_range[row] = i % 4 == 0 ? AddRichAttributes(batch) : model::Range{};
    batch.dropped_attributes_count[row] = i;
    batch.flags[row] = i % 2 == 0 ? 1 : UINT32_MAX;
    if (i % 2 == 0) batch.trace_id[row] = TraceIdOf(i);
    if (i % 4 == 0) batch.span_id[row] = SpanIdOf(i);
    batch.event_name[row] = batch.strings.Intern(i % 3 == 0 ? "device.app.lifecycle" : "");
  }
  return batch;
}

std::string Describe(const model::SpanBatch& batch, size_t row) {
  std::string text = fmt::format(
      "trace {} span {} parent {} state '{}' flags {} name '{}' kind {} start {} end {} attributes {} dropped {} {} {} "
      "status {} '{}'",
      batch.trace_id[row].ToHex(), batch.span_id[row].ToHex(), batch.parent_span_id[row].ToHex(),
      batch.Text(batch.trace_state[row]), batch.flags[row], batch.Text(batch.name[row]),
      static_cast<int>(batch.kind[row]), batch.start_time[row], batch.end_time[row],
      DescribeAttributes(batch, batch.attribute_range[row]), batch.dropped_attributes_count[row],
      batch.dropped_events_count[row], batch.dropped_links_count[row], static_cast<int>(batch.status_code[row]),
      batch.Text(batch.status_message[row]));
  for (uint32_t i = 0; i < batch.event_range[row].count; ++i) {
    const model::SpanEvent& event = batch.events[batch.event_range[row].first + i];
    text += fmt::format(" event {} '{}' {} {}", event.time, batch.Text(event.name),
                        DescribeAttributes(batch, event.attributes), event.dropped_attributes_count);
  }
  for (uint32_t i = 0; i < batch.link_range[row].count; ++i) {
    const model::SpanLink& link = batch.links[batch.link_range[row].first + i];
    text += fmt::format(" link {} {} '{}' {} {} {}", link.trace_id.ToHex(), link.span_id.ToHex(),
                        batch.Text(link.trace_state), link.flags, DescribeAttributes(batch, link.attributes),
                        link.dropped_attributes_count);
  }
  return text + " " + DescribeSenders(batch, batch.resource[row], batch.scope[row]);
}

std::string Describe(const model::LogBatch& batch, size_t row) {
  std::string body;
  AppendBinaryValue(batch.attributes, batch.strings, batch.body[row], body);
  return fmt::format(
      "time {} observed {} severity {} '{}' body {} attributes {} dropped {} flags {} trace {} span {} event '{}' {}",
      batch.time[row], batch.observed_time[row], batch.severity_number[row], batch.Text(batch.severity_text[row]),
      base::ToHex({reinterpret_cast<const uint8_t*>(body.data()), body.size()}),
      DescribeAttributes(batch, batch.attribute_range[row]), batch.dropped_attributes_count[row], batch.flags[row],
      batch.trace_id[row].ToHex(), batch.span_id[row].ToHex(), batch.Text(batch.event_name[row]),
      DescribeSenders(batch, batch.resource[row], batch.scope[row]));
}

uint32_t AddSeries(model::SeriesBatch& batch, std::vector<std::string> labels) {
  std::vector<model::Label> list;
  for (size_t i = 0; i + 1 < labels.size(); i += 2) list.push_back({labels[i], labels[i + 1]});
  const model::Labels sorted(std::move(list));
  model::SeriesRow row;
  row.id = sorted.Id();
  row.labels = {static_cast<uint32_t>(batch.labels.size()), static_cast<uint32_t>(sorted.size())};
  for (const model::Label& label : sorted) {
    batch.labels.push_back({batch.strings.Intern(label.name), batch.strings.Intern(label.value)});
  }
  row.family = batch.strings.Intern(sorted.Get(model::kMetricName));
  row.type = model::FamilyType::kGauge;
  batch.series.push_back(row);
  return static_cast<uint32_t>(batch.series.size() - 1);
}

void AddSample(model::SeriesBatch& batch, uint32_t series, int64_t time, double value) {
  batch.samples.push_back({series, 0, 0, time, value});
}

}  // namespace clew::store
