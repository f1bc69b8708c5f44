// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "clew/agent/record/record_test_support.h"

// A service for tests: child processes that write into an arena through the recorder.
namespace clew::agent::drain::testing {

using namespace record::testing;

inline void WriteSpan(uint64_t number, std::string_view name) {
  record::ThreadWriter* writer = record::ThisThread();
  if (writer == nullptr || !writer->HasRoom()) return;
  record::Encoder encoder = writer->Begin();
  record::SpanFixed fixed{};
  fixed.trace_id[15] = 1;
  std::memcpy(fixed.span_id, &number, sizeof number);
  fixed.start = record::MonotonicNanos() - 5'000'000;
  fixed.end = record::MonotonicNanos();
  fixed.flags = record::kFlagSampled;
  fixed.kind = 2;
  encoder.Put(fixed);
  encoder.Scope(record::kScopeFlask);
  encoder.Text(name);
  encoder.Text("ot=th:8");
  encoder.Text("");
  record::AttributeListEncoder attributes(encoder, 128, UINT32_MAX);
  attributes.Text(record::kHttpRequestMethod, "GET");
  attributes.Text(record::kHttpRoute, "/items/<id>");
  attributes.Number(record::kHttpResponseStatusCode, int64_t{200});
  attributes.Text(record::kUrlPath, "/items/1");
  attributes.Text(record::kUrlScheme, "http");
  attributes.Text(record::kServerAddress, "shop.example");
  attributes.Number(record::kServerPort, int64_t{8080});
  attributes.Text(record::kClientAddress, "192.0.2.7");
  attributes.Text(record::kUserAgentOriginal, "test/1.0");
  attributes.Text("app.own", "caf\xc3\xa9");
  attributes.Finish();
  encoder.Put(uint16_t{0});
  encoder.Put(uint16_t{0});
  writer->Commit(record::RecordType::kSpan, encoder, 0);
}

inline void OpenASpan(uint64_t number, std::string_view name) {
  record::ThreadWriter* writer = record::ThisThread();
  if (writer == nullptr) return;
  uint8_t bytes[512];
  record::Encoder encoder(bytes, sizeof bytes);
  uint8_t id[8];
  std::memcpy(id, &number, sizeof id);
  EncodeSpan(encoder, id, name);
  writer->Open(encoder.View());
}

// http.server.request.duration of one route, a counter, an up-down counter and a gauge.
struct Instruments {
  int duration = -1;
  int count = -1;
  int active = -1;
  int gauge = -1;
  std::string attributes;

  Instruments() {
    static constexpr double kBounds[] = {0.005, 0.1, 1};
    record::InstrumentSpec spec;
    spec.kind = record::MetricKind::kHistogram;
    spec.scope = record::kScopeFlask;
    spec.name = "http.server.request.duration";
    spec.unit = "s";
    spec.description = "Duration of HTTP server requests.";
    spec.bounds = kBounds;
    duration = record::RegisterInstrument(spec);
    spec = {};
    spec.is_int = true;
    spec.scope_name = "app";
    spec.name = "orders";
    count = record::RegisterInstrument(spec);
    spec.kind = record::MetricKind::kUpDownCounter;
    spec.name = "active";
    active = record::RegisterInstrument(spec);
    spec.kind = record::MetricKind::kGauge;
    spec.is_int = false;
    spec.name = "temperature";
    gauge = record::RegisterInstrument(spec);
    uint8_t bytes[256];
    record::Encoder encoder(bytes, sizeof bytes);
    record::AttributeListEncoder list(encoder, 8, UINT32_MAX);
    list.Text(record::kHttpRoute, "/items/<id>");
    list.Finish();
    attributes = encoder.View();
  }

  void Count(double seconds, double temperature) const {
    static constexpr uint8_t kTrace[16] = {0xab};
    static constexpr uint8_t kSpan[8] = {0xcd};
    if (const auto* series = record::FindSeries(duration, attributes)) {
      record::Observe(*series, seconds, {kTrace, kSpan});
    }
    if (const auto* series = record::FindSeries(count, attributes)) record::Add(*series, int64_t{1});
    if (const auto* series = record::FindSeries(active, attributes)) record::Add(*series, int64_t{1});
    if (const auto* series = record::FindSeries(gauge, attributes)) record::Set(*series, temperature);
  }
};

// A child that runs `body` and then stays until it is killed. Returns once the body has run.
class Worker {
 public:
  Worker(const record::Arena& arena, const std::function<void()>& body) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = StartChild([&] {
      if (record::AttachDescriptor(arena.fd())) body();
      [[maybe_unused]] const auto written = write(ends[1], "x", 1);
      while (true) pause();
      return 0;
    });
    char token = 0;
    [[maybe_unused]] const auto got = read(ends[0], &token, 1);
    close(ends[0]);
    close(ends[1]);
  }
  ~Worker() { Kill(SIGKILL); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  pid_t pid() const { return pid_; }
  void Kill(int number) {
    if (pid_ <= 0) return;
    kill(pid_, number);
    Wait(pid_);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

inline bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 500; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace clew::agent::drain::testing
