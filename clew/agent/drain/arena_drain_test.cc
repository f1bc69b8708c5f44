// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/arena_drain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "clew/agent/drain/drain_test_support.h"
#include "clew/agent/drain/page.h"
#include "clew/base/time.h"

namespace clew::agent::drain {
namespace {

using ::testing::HasSubstr;
using testing::Instruments;
using testing::OpenASpan;
using testing::SmallArena;
using testing::Worker;
using testing::WriteLog;
using testing::WriteSpan;

// Puts everything into batches.
class Collecting : public RecordSink {
 public:
  SpanBatcher spans{KeyValuePairs{{"service.name", "shop"}}};
  LogBatcher logs{KeyValuePairs{{"service.name", "shop"}}};
  std::vector<std::string> notes;
  uint64_t note_bits = 0;

  void OnSpan(const RecordSource& source, const record::SpanView& span, int64_t offset) override {
    spans.Add(source, span, offset);
  }
  void OnCutShort(const RecordSource& source, const record::SpanView& span, int64_t offset,
                  const CutShort& end) override {
    spans.AddCutShort(source, span, offset, end);
  }
  void OnLog(const RecordSource& source, const record::LogView& log, int64_t offset) override {
    logs.Add(source, log, offset);
  }
  void OnNote(const RecordSource&, const record::NoteView& note) override { notes.emplace_back(note.text); }
  void OnWorkerNotes(const RecordSource&, uint64_t new_bits) override { note_bits |= new_bits; }
};

struct Drained {
  record::Arena arena = SmallArena();
  Collecting sink;
  ArenaDrain drain{arena, sink};

  model::MetricBatch Collect() { return drain.Collect({{"service.name", "shop"}}, base::Clock::System().Now()); }
};

const model::KeyValue* Attribute(const model::SpanBatch& batch, size_t row, std::string_view key) {
  return model::FindAttribute(batch.attributes, batch.strings, batch.attribute_range[row], key);
}

double Number(const model::MetricBatch& batch, std::string_view name) {
  double sum = 0;
  for (const model::NumberPoint& point : batch.numbers) {
    if (batch.Text(batch.metrics[point.metric].name) == name) sum += point.value.AsDouble();
  }
  return sum;
}

size_t Points(const model::MetricBatch& batch, std::string_view name) {
  return static_cast<size_t>(std::ranges::count_if(batch.numbers, [&](const model::NumberPoint& point) {
    return batch.Text(batch.metrics[point.metric].name) == name;
  }));
}

const model::HistogramPoint* Histogram(const model::MetricBatch& batch) {
  return batch.histograms.size() == 1 ? &batch.histograms[0] : nullptr;
}

TEST(ArenaDrain, RecordsBecomeConsistentBatches) {
  Drained it;
  ASSERT_TRUE(it.arena);
  const int64_t before = base::Clock::System().Now();
  Worker worker(it.arena, [] {
    uint8_t bytes[128];
    record::Encoder encoder(bytes, sizeof bytes);
    record::AttributeListEncoder identity(encoder, 8, UINT32_MAX);
    identity.Text(record::kProcessRuntimeName, "cpython");
    identity.Finish();
    record::SetIdentity(encoder.View());
    record::ThisWorker();
    record::AddNotes(record::kNoteHooksRan);
    record::WriteNote(record::NoteKind::kInfo, "hello");
    for (uint64_t i = 1; i <= 10; ++i) WriteSpan(i, "GET /items/<id>");
    for (uint64_t i = 0; i < 5; ++i) WriteLog(static_cast<uint64_t>(record::MonotonicNanos()), "line \xff");
  });
  it.drain.Poll();
  const model::SpanBatch spans = it.sink.spans.Take();
  ASSERT_TRUE(spans.IsConsistent());
  ASSERT_EQ(spans.size(), 10u);
  EXPECT_EQ(spans.resources.size(), 1u);
  EXPECT_EQ(spans.scopes.size(), 1u);
  EXPECT_EQ(spans.Text(spans.scopes[0].name), "clew.flask");
  EXPECT_EQ(spans.Text(spans.name[9]), "GET /items/<id>");
  EXPECT_EQ(spans.Text(spans.trace_state[0]), "ot=th:8");
  EXPECT_EQ(spans.kind[0], model::SpanKind::kServer);
  EXPECT_EQ(Attribute(spans, 3, "http.response.status_code")->value.int_value(), 200);
  EXPECT_EQ(spans.ResourceText(0, "service.name"), "shop");
  EXPECT_EQ(spans.ResourceText(0, "process.runtime.name"), "cpython");
  const auto* pid = model::FindAttribute(spans.attributes, spans.strings, spans.resources[0].attributes, "process.pid");
  ASSERT_NE(pid, nullptr);
  EXPECT_EQ(pid->value.int_value(), worker.pid());
  EXPECT_GT(static_cast<int64_t>(spans.start_time[0]), before - base::kNanosPerSecond);
  EXPECT_LT(static_cast<int64_t>(spans.end_time[9]), base::Clock::System().Now() + base::kNanosPerSecond);
  EXPECT_GE(spans.duration(0), 5'000'000);

  const model::LogBatch logs = it.sink.logs.Take();
  ASSERT_TRUE(logs.IsConsistent());
  ASSERT_EQ(logs.size(), 5u);
  EXPECT_EQ(logs.Text(logs.body[0].string_id()), "line \xEF\xBF\xBD");
  EXPECT_GT(static_cast<int64_t>(logs.observed_time[0]), before - base::kNanosPerSecond);
  EXPECT_THAT(it.sink.notes, ::testing::ElementsAre("hello"));
  EXPECT_EQ(it.sink.note_bits, record::kNoteHooksRan);
  EXPECT_EQ(it.drain.counters().broken_records.load(), 0u);
}

TEST(ArenaDrain, RowsOfOneProcessStandSideBySide) {
  Drained it;
  const auto body = [] {
    for (uint64_t i = 1; i <= 3; ++i) WriteSpan(i, "x");
  };
  Worker first(it.arena, body);
  it.drain.Poll();
  Worker second(it.arena, body);
  it.drain.Poll();
  first.Kill(SIGKILL);
  it.drain.Poll();
  Worker third(it.arena, [] { WriteSpan(9, "x"); });
  it.drain.Poll();
  second.Kill(SIGKILL);
  it.drain.Poll();
  const model::SpanBatch spans = it.sink.spans.Take();
  ASSERT_TRUE(spans.IsConsistent());
  EXPECT_EQ(spans.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(spans.resource));
  EXPECT_EQ(spans.span_id[0].bytes[0], 1);
  EXPECT_EQ(spans.span_id[2].bytes[0], 3);
}

TEST(ArenaDrain, AKilledProcessLosesNothingAndItsOpenSpanIsCutShort) {
  Drained it;
  Worker worker(it.arena, [] {
    for (uint64_t i = 1; i <= 100; ++i) WriteSpan(i, "done");
    OpenASpan(1000, "running");
    // Finished, but killed before its slot was cleared.
    OpenASpan(100, "done");
  });
  it.drain.Poll();
  EXPECT_EQ(it.drain.counters().living.load(), 1u);
  worker.Kill(SIGKILL);
  it.drain.Poll();
  const model::SpanBatch spans = it.sink.spans.Take();
  ASSERT_TRUE(spans.IsConsistent());
  ASSERT_EQ(spans.size(), 101u);
  EXPECT_EQ(spans.Text(spans.name[100]), "running");
  EXPECT_EQ(spans.status_code[100], model::StatusCode::kError);
  EXPECT_TRUE(Attribute(spans, 100, "clew.span.cut_short")->value.bool_value());
  EXPECT_THAT(std::string(spans.Text(spans.status_message[100])), HasSubstr("the process ended"));
  EXPECT_GE(spans.end_time[100], spans.start_time[100]);
  EXPECT_EQ(it.drain.counters().cut_short_spans.load(), 1u);
  EXPECT_EQ(it.drain.counters().living.load(), 0u);
  EXPECT_EQ(it.drain.counters().ended.load(), 1u);
  for (uint32_t i = 0; i < it.arena.view().shape().ring_count; ++i) {
    EXPECT_EQ(it.arena.view().ring(i).owner.load(), 0u);
  }
  for (uint32_t i = 0; i < it.arena.view().shape().worker_count; ++i) {
    EXPECT_EQ(it.arena.view().worker(i).owner.load(), 0u);
  }
}

TEST(ArenaDrain, AProcessThatIsGoneBeforeTheFirstLookIsReadToo) {
  Drained it;
  const Instruments instruments;
  testing::RunChild([&] {
    if (!record::AttachDescriptor(it.arena.fd())) return 1;
    for (uint64_t i = 1; i <= 7; ++i) WriteSpan(i, "early");
    instruments.Count(0.05, 1);
    return 0;
  });
  it.drain.Poll();
  it.drain.Poll();
  EXPECT_EQ(it.sink.spans.size(), 7u);
  EXPECT_EQ(it.drain.counters().rings.load(), 0u);
  EXPECT_EQ(Number(it.Collect(), "orders"), 1);
}

TEST(ArenaDrain, KillAfterKillLosesNoRecordAndNoCount) {
  Drained it;
  const Instruments instruments;
  uint64_t expected = 0;
  double total = 0;
  for (int round = 0; round < 60; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = testing::StartChild([&] {
      if (!record::AttachDescriptor(it.arena.fd())) return 1;
      // The pipe is told after each span and count, so what it tells of is committed.
      for (uint64_t i = 1;; ++i) {
        WriteSpan(i, "flat out");
        instruments.Count(0.05, 1);
        if (write(ends[1], "x", 1) != 1) return 2;
      }
    });
    close(ends[1]);
    char token[512];
    uint64_t told = 0;
    while (told < 20) {
      const ssize_t got = read(ends[0], token, sizeof token);
      if (got > 0) told += static_cast<uint64_t>(got);
      it.drain.Poll();
      const double now = Number(it.Collect(), "orders");
      EXPECT_GE(now, total);
      total = now;
    }
    kill(child, SIGKILL);
    testing::Wait(child);
    ssize_t got = 0;
    while ((got = read(ends[0], token, sizeof token)) > 0) told += static_cast<uint64_t>(got);
    close(ends[0]);
    it.drain.Poll();
    expected += told;
    const double now = Number(it.Collect(), "orders");
    EXPECT_GE(now, total);
    EXPECT_GE(now, static_cast<double>(expected));
    // At most one uncounted span a kill.
    EXPECT_LE(now, static_cast<double>(expected + static_cast<uint64_t>(round) + 1));
    total = now;
  }
  const auto& counters = it.drain.counters();
  EXPECT_GE(counters.spans.load() + counters.dropped_records.load(), expected);
  EXPECT_LE(counters.spans.load() + counters.dropped_records.load(), expected + 60);
  EXPECT_EQ(counters.broken_records.load() + counters.lost_records.load(), 0u);
  EXPECT_EQ(counters.ended.load(), 60u);
}

TEST(ArenaDrain, CountersOfTheDeadStayGaugesGoWithThem) {
  Drained it;
  const Instruments instruments;
  auto body = [&] {
    instruments.Count(0.05, 20.5);
    instruments.Count(0.5, 21.5);
  };
  Worker first(it.arena, body);
  Worker second(it.arena, body);
  it.drain.Poll();
  model::MetricBatch batch = it.Collect();
  ASSERT_TRUE(batch.IsConsistent());
  EXPECT_EQ(Number(batch, "orders"), 4);
  EXPECT_EQ(Points(batch, "orders"), 1u);
  EXPECT_EQ(Number(batch, "active"), 4);
  EXPECT_EQ(Points(batch, "active"), 1u);
  EXPECT_EQ(Points(batch, "temperature"), 2u);
  EXPECT_EQ(Points(batch, "process.memory.usage"), 2u);
  EXPECT_EQ(Points(batch, "process.thread.count"), 2u);
  EXPECT_EQ(Points(batch, "process.cpu.time"), 4u);
  ASSERT_NE(Histogram(batch), nullptr);
  EXPECT_EQ(Histogram(batch)->count, 4u);
  EXPECT_DOUBLE_EQ(Histogram(batch)->sum, 1.1);
  EXPECT_EQ(Histogram(batch)->exemplars.count, 2u);
  const double cpu = Number(batch, "process.cpu.time");

  first.Kill(SIGKILL);
  it.drain.Poll();
  batch = it.Collect();
  EXPECT_EQ(Number(batch, "orders"), 4);
  EXPECT_EQ(Number(batch, "active"), 2);
  EXPECT_EQ(Points(batch, "temperature"), 1u);
  EXPECT_EQ(Points(batch, "process.memory.usage"), 1u);
  EXPECT_EQ(Histogram(batch)->count, 4u);
  EXPECT_GE(Number(batch, "process.cpu.time"), cpu);

  // A successor takes the free number, and the sums go on.
  Worker third(it.arena, body);
  it.drain.Poll();
  batch = it.Collect();
  EXPECT_EQ(Number(batch, "orders"), 6);
  EXPECT_EQ(Points(batch, "process.cpu.time"), 4u);
  EXPECT_EQ(it.drain.Processes().size(), 2u);
}

TEST(CellTable, LabelSetsWithoutEndBecomeOneSeries) {
  const record::Arena arena = SmallArena();
  const auto worker = std::make_unique<Worker>(arena, [] {
    record::InstrumentSpec spec;
    spec.is_int = true;
    spec.name = "orders";
    const int orders = record::RegisterInstrument(spec);
    for (int64_t i = 0; i < 10; ++i) {
      uint8_t bytes[128];
      record::Encoder encoder(bytes, sizeof bytes);
      record::AttributeListEncoder list(encoder, 8, UINT32_MAX);
      list.Number("customer", i);
      list.Finish();
      if (const auto* series = record::FindSeries(orders, encoder.View())) record::Add(*series, int64_t{1});
    }
  });
  CellTable cells(arena.view(), 1, 4);
  cells.AddProcess(7);
  for (uint32_t slot = 0; slot < 64; ++slot) {
    if (arena.view().worker(slot).owner.load() != 0) cells.AddWorker(slot, 7);
  }
  const model::MetricBatch batch = cells.Collect({}, 2);
  EXPECT_EQ(Points(batch, "orders"), 5u);
  EXPECT_EQ(Number(batch, "orders"), 10);
  size_t overflows = 0;
  for (const model::NumberPoint& point : batch.numbers) {
    const auto* row = model::FindAttribute(batch.attributes, batch.strings, point.attributes, "otel.metric.overflow");
    if (row == nullptr) continue;
    ++overflows;
    EXPECT_EQ(point.value.int_value(), 6);
  }
  EXPECT_EQ(overflows, 1u);
}

TEST(Page, LeavesOutWhatWouldSpoilIt) {
  const record::Arena arena = SmallArena();
  const Worker worker(arena, [] {
    const auto add = [](const char* name, const char* description, record::MetricKind kind, const char* key) {
      record::InstrumentSpec spec;
      spec.kind = kind;
      spec.is_int = true;
      spec.name = name;
      spec.description = description;
      const int instrument = record::RegisterInstrument(spec);
      uint8_t bytes[128];
      record::Encoder encoder(bytes, sizeof bytes);
      record::AttributeListEncoder list(encoder, 8, UINT32_MAX);
      list.Text(key, "own");
      list.Finish();
      if (const auto* series = record::FindSeries(instrument, encoder.View())) record::Add(*series, int64_t{1});
    };
    add("jobs", "one text", record::MetricKind::kUpDownCounter, "a");
    add("jobs", "another text", record::MetricKind::kUpDownCounter, "a");
    add("jobs", "a histogram's name", record::MetricKind::kHistogram, "a");
    add("heat", "", record::MetricKind::kGauge, "worker");
  });
  Collecting sink;
  ArenaDrain drain(arena, sink);
  drain.Poll();
  const auto families = PageFamilies(drain.Collect({}, 2), {});
  const std::string text = wire::WritePrometheusText(families, wire::TextFormat::kPrometheus);
  EXPECT_THAT(text, HasSubstr("\njobs{a=\"own\"} 1\n"));
  EXPECT_EQ(text.find("\njobs{"), text.rfind("\njobs{"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("jobs_bucket")));
  EXPECT_THAT(text, HasSubstr("heat{clew_worker=\"0\",worker=\"own\"} 1\n"));
}

TEST(Page, ShowsNamesScopesAndResource) {
  Drained it;
  const Instruments instruments;
  Worker worker(it.arena, [&] {
    instruments.Count(0.05, 20.5);
    instruments.Count(3, 20.5);
  });
  it.drain.Poll();
  const KeyValuePairs resource = {{"service.name", "shop"}, {"host.name", "h"}};
  const auto families = PageFamilies(it.Collect(), resource);
  const std::string text = wire::WritePrometheusText(families, wire::TextFormat::kPrometheus);
  EXPECT_THAT(text, HasSubstr("target_info{host_name=\"h\",service_name=\"shop\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE http_server_request_duration_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("http_server_request_duration_seconds_bucket{http_route=\"/items/<id>\","));
  EXPECT_THAT(text, HasSubstr("le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("otel_scope_name=\"clew.flask\""));
  EXPECT_THAT(text, HasSubstr("# TYPE orders_total counter\n"));
  EXPECT_THAT(text, HasSubstr("orders_total{http_route=\"/items/<id>\",otel_scope_name=\"app\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("temperature{http_route=\"/items/<id>\",worker=\"0\",otel_scope_name=\"app\"} 20.5\n"));
  EXPECT_THAT(text, HasSubstr("process_cpu_time_seconds_total{cpu_mode=\"user\",worker=\"0\","));
  EXPECT_THAT(text, HasSubstr("process_memory_usage_bytes{worker=\"0\","));
  EXPECT_THAT(text, HasSubstr("process_thread_count{worker=\"0\","));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("trace_id")));
  const std::string open = wire::WritePrometheusText(families, wire::TextFormat::kOpenMetrics);
  EXPECT_THAT(open, HasSubstr("# TYPE orders counter\n"));
  EXPECT_THAT(open, HasSubstr("# {trace_id=\"ab000000000000000000000000000000\",span_id=\"cd00000000000000\"} 0.05"));
  EXPECT_TRUE(open.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace clew::agent::drain
