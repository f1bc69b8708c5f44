// SPDX-License-Identifier: Apache-2.0
// CPU time of the drainer a span of ten attributes, step by step: out of the ring, into a batch, redacted, encoded.
#include <benchmark/benchmark.h>

#include "clew/agent/drain/arena_drain.h"
#include "clew/agent/drain/drain_test_support.h"
#include "clew/privacy/redactor.h"
#include "clew/wire/compression.h"
#include "clew/wire/otlp.h"

namespace clew::agent::drain {
namespace {

constexpr uint64_t kSpans = 2'000;

enum class UpTo { kBatch, kRedacted, kEncoded, kGzip };

class Batching : public RecordSink {
 public:
  SpanBatcher spans{KeyValuePairs{{"service.name", "shop"}, {"host.name", "h"}}};
  void OnSpan(const RecordSource& source, const record::SpanView& span, int64_t offset) override {
    spans.Add(source, span, offset);
  }
  void OnCutShort(const RecordSource&, const record::SpanView&, int64_t, const CutShort&) override {}
  void OnLog(const RecordSource&, const record::LogView&, int64_t) override {}
  void OnNote(const RecordSource&, const record::NoteView&) override {}
  void OnWorkerNotes(const RecordSource&, uint64_t) override {}
};

// A service process that writes kSpans spans for each byte that it is sent.
class Service {
 public:
  explicit Service(const record::Arena& arena) {
    if (pipe(to_) != 0 || pipe(from_) != 0) return;
    pid_ = testing::StartChild([&] {
      if (!record::AttachDescriptor(arena.fd())) return 1;
      char token = 0;
      while (read(to_[0], &token, 1) == 1) {
        for (uint64_t i = 1; i <= kSpans; ++i) testing::WriteSpan(i, "GET /items/<id>");
        if (write(from_[1], "x", 1) != 1) return 2;
      }
      return 0;
    });
  }
  ~Service() {
    kill(pid_, SIGKILL);
    testing::Wait(pid_);
  }
  void Fill() {
    char token = 0;
    if (write(to_[1], "x", 1) != 1 || read(from_[0], &token, 1) != 1) std::abort();
  }

 private:
  int to_[2];
  int from_[2];
  pid_t pid_ = -1;
};

void BM_Drain(benchmark::State& state, UpTo up_to) {
  record::Shape shape;
  shape.ring_count = 16;
  shape.worker_count = 16;
  const record::Arena arena = record::Arena::Create(shape, {});
  Batching sink;
  ArenaDrain drain(arena, sink);
  const privacy::Redactor redactor{};
  Service service(arena);
  size_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    service.Fill();
    state.ResumeTiming();
    drain.Poll();
    model::SpanBatch batch = sink.spans.Take();
    if (up_to >= UpTo::kRedacted) redactor.Redact(batch);
    std::string body;
    if (up_to >= UpTo::kEncoded) body = wire::EncodeTraces(batch);
    if (up_to >= UpTo::kGzip) body = *wire::Compress(wire::Compression::kGzip, body);
    bytes = body.size();
    benchmark::DoNotOptimize(batch);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kSpans));
  state.counters["cpu_per_span"] = benchmark::Counter(static_cast<double>(state.iterations() * kSpans),
                                                      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_span"] = static_cast<double>(bytes) / static_cast<double>(kSpans);
  if (drain.counters().dropped_records.load() > 0) state.SkipWithError("the ring was full");
}

BENCHMARK_CAPTURE(BM_Drain, batch, UpTo::kBatch);
BENCHMARK_CAPTURE(BM_Drain, redacted, UpTo::kRedacted);
BENCHMARK_CAPTURE(BM_Drain, encoded, UpTo::kEncoded);
BENCHMARK_CAPTURE(BM_Drain, gzip, UpTo::kGzip);

void BM_IdlePoll(benchmark::State& state) {
  const record::Arena arena = record::Arena::Create({}, {});
  Batching sink;
  ArenaDrain drain(arena, sink);
  for (auto _ : state) benchmark::DoNotOptimize(drain.Poll());
}
BENCHMARK(BM_IdlePoll);

}  // namespace
}  // namespace clew::agent::drain
