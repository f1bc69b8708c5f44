// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "clew/base/thread_annotations.h"
#include "clew/net/http_server.h"
#include "clew/wire/compression.h"

namespace clew::agent::drain {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers by a script, one attempt after another; the last answer repeats.
class ScriptedSender : public Sender {
 public:
  struct Log {
    base::Mutex mutex;
    std::vector<std::string> bodies;
    std::vector<SteadyClock::time_point> times;
  };
  ScriptedSender(std::vector<Attempt> script, std::shared_ptr<Log> log) : script_(std::move(script)), log_(log) {}

  Attempt Send(std::string_view body, SteadyClock::time_point deadline) override {
    base::MutexLock lock(log_->mutex);
    EXPECT_GT(deadline, SteadyClock::now() - 5ms);
    log_->bodies.emplace_back(body);
    log_->times.push_back(SteadyClock::now());
    const size_t index = std::min(next_++, script_.size() - 1);
    return script_[index];
  }

 private:
  std::vector<Attempt> script_;
  size_t next_ = 0;
  std::shared_ptr<Log> log_;
};

struct Fixture {
  std::shared_ptr<ScriptedSender::Log> log = std::make_shared<ScriptedSender::Log>();
  base::Mutex said_mutex;
  std::vector<std::string> said;

  std::unique_ptr<Exporter> Make(std::vector<Attempt> script, SignalConfig config = {},
                                 Signal signal = Signal::kTraces) {
    config.endpoint = "http://collector/v1/traces";
    return std::make_unique<Exporter>(signal, config, std::make_unique<ScriptedSender>(std::move(script), log),
                                      [this](const std::string& line) {
                                        base::MutexLock lock(said_mutex);
                                        said.push_back(line);
                                      });
  }
  size_t attempts() {
    base::MutexLock lock(log->mutex);
    return log->bodies.size();
  }
};

bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 500; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

Attempt Delivered() { return {true, false, 0ms, {}, 0, {}}; }
Attempt Busy(std::chrono::milliseconds retry_after) { return {false, true, retry_after, "status 503", 0, {}}; }
Attempt Refused() { return {false, false, 0ms, "status 400", 0, {}}; }

TEST(Exporter, DeliversInOrderAndCounts) {
  Fixture fixture;
  auto exporter = fixture.Make({Delivered()});
  for (int i = 0; i < 5; ++i) exporter->Push("batch" + std::to_string(i), 10);
  ASSERT_TRUE(Eventually([&] { return exporter->stats().delivered_batches == 5; }));
  EXPECT_EQ(exporter->stats().delivered_records, 50u);
  EXPECT_EQ(exporter->stats().queued_bytes, 0u);
  base::MutexLock lock(fixture.log->mutex);
  EXPECT_THAT(fixture.log->bodies, ElementsAre("batch0", "batch1", "batch2", "batch3", "batch4"));
}

TEST(Exporter, RetriesTheSameBatchWithGrowingPauses) {
  Fixture fixture;
  auto exporter = fixture.Make({Busy(0ms), Busy(0ms), Delivered()});
  exporter->Push("batch", 1);
  ASSERT_TRUE(Eventually([&] { return exporter->stats().delivered_batches == 1; }));
  base::MutexLock lock(fixture.log->mutex);
  EXPECT_THAT(fixture.log->bodies, ElementsAre("batch", "batch", "batch"));
  const auto first = fixture.log->times[1] - fixture.log->times[0];
  const auto second = fixture.log->times[2] - fixture.log->times[1];
  EXPECT_GT(first, 350ms);
  EXPECT_GT(second, first);
  EXPECT_EQ(exporter->stats().failed_attempts, 2u);
}

TEST(Exporter, WaitsAsLongAsTheReceiverAsks) {
  Fixture fixture;
  auto exporter = fixture.Make({Busy(1'200ms), Delivered()});
  exporter->Push("batch", 1);
  ASSERT_TRUE(Eventually([&] { return exporter->stats().delivered_batches == 1; }));
  base::MutexLock lock(fixture.log->mutex);
  EXPECT_GE(fixture.log->times[1] - fixture.log->times[0], 1'190ms);
}

TEST(Exporter, ABatchHasOneDeadlineAndTheNextOneWaitsAsAsked) {
  Fixture fixture;
  SignalConfig config;
  config.timeout = 300ms;
  auto exporter = fixture.Make({Busy(900ms), Delivered()}, config);
  exporter->Push("late", 3);
  exporter->Push("next", 4);
  ASSERT_TRUE(Eventually([&] { return exporter->stats().delivered_batches == 1; }));
  EXPECT_EQ(exporter->stats().dropped_deadline, 3u);
  base::MutexLock lock(fixture.log->mutex);
  EXPECT_THAT(fixture.log->bodies, ElementsAre("late", "next"));
  EXPECT_GE(fixture.log->times[1] - fixture.log->times[0], 890ms);
}

TEST(Exporter, WhatIsRefusedForGoodIsDroppedAtOnce) {
  Fixture fixture;
  auto exporter = fixture.Make({Refused(), Delivered()});
  exporter->Push("bad", 2);
  exporter->Push("good", 3);
  ASSERT_TRUE(Eventually([&] { return exporter->stats().delivered_batches == 1; }));
  EXPECT_EQ(exporter->stats().dropped_refused, 2u);
  EXPECT_EQ(exporter->stats().delivered_records, 3u);
  EXPECT_EQ(exporter->stats().last_error, "status 400");
  base::MutexLock lock(fixture.said_mutex);
  ASSERT_EQ(fixture.said.size(), 2u);
  EXPECT_THAT(fixture.said[0], HasSubstr("traces do not arrive at http://collector/v1/traces: status 400"));
  EXPECT_THAT(fixture.said[1], HasSubstr("arrive at http://collector/v1/traces again"));
}

TEST(Exporter, QueueIsBounded) {
  Fixture fixture;
  SignalConfig config;
  config.max_queue_bytes = 1'000;
  auto exporter = fixture.Make({Busy(60'000ms)}, config);
  for (int i = 0; i < 10; ++i) exporter->Push(std::string(300, 'x'), 5);
  const ExporterStats stats = exporter->stats();
  EXPECT_LE(stats.queued_bytes, 1'000u);
  EXPECT_GE(stats.dropped_queue_full, 30u);
  // One may have been taken already and be counted among those that wait.
  EXPECT_EQ(stats.queued_records + stats.dropped_queue_full + stats.dropped_deadline, 50u);
}

TEST(Exporter, OfMetricsTheOldestGoes) {
  Fixture fixture;
  SignalConfig config;
  config.max_queue_records = 10;
  auto exporter = fixture.Make({Busy(0ms), Busy(0ms), Busy(0ms), Delivered()}, config, Signal::kMetrics);
  for (int i = 0; i < 8; ++i) {
    exporter->Push("metrics" + std::to_string(i), 5);
    ASSERT_TRUE(Eventually([&] { return fixture.attempts() >= 1; }));
  }
  ASSERT_TRUE(Eventually([&] { return exporter->stats().queued_batches == 0; }));
  base::MutexLock lock(fixture.log->mutex);
  EXPECT_EQ(fixture.log->bodies.back(), "metrics7");
}

TEST(Exporter, PartialSuccessIsCountedAndToldOnce) {
  Fixture fixture;
  auto exporter = fixture.Make({{true, false, 0ms, {}, 2, "too old"}});
  exporter->Push("a", 10);
  exporter->Push("b", 10);
  ASSERT_TRUE(Eventually([&] { return exporter->stats().delivered_batches == 2; }));
  EXPECT_EQ(exporter->stats().rejected, 4u);
  EXPECT_EQ(exporter->stats().delivered_records, 16u);
  base::MutexLock lock(fixture.said_mutex);
  ASSERT_EQ(fixture.said.size(), 1u);
  EXPECT_THAT(fixture.said[0], HasSubstr("rejected 2 traces of a batch: too old"));
}

TEST(Exporter, StopSendsWhatWaitsAndGivesUpOnTheDead) {
  Fixture fixture;
  auto exporter = fixture.Make({Busy(0ms)});
  for (int i = 0; i < 20; ++i) exporter->Push("x", 1);
  ASSERT_TRUE(Eventually([&] { return fixture.attempts() >= 1; }));
  const auto start = SteadyClock::now();
  exporter->BeginStop(start + 1'800ms);
  EXPECT_TRUE(exporter->FinishStop(start + 1'800ms));
  EXPECT_LT(SteadyClock::now() - start, 300ms);
  EXPECT_EQ(exporter->stats().dropped_at_exit, 20u);
  EXPECT_LE(fixture.attempts(), 3u);
}

TEST(Exporter, StopDeliversTheRest) {
  Fixture fixture;
  auto exporter = fixture.Make({Busy(0ms), Delivered()});
  for (int i = 0; i < 20; ++i) exporter->Push("x", 1);
  ASSERT_TRUE(Eventually([&] { return fixture.attempts() >= 1; }));
  const auto start = SteadyClock::now();
  exporter->BeginStop(start + 1'800ms);
  EXPECT_TRUE(exporter->FinishStop(start + 1'800ms));
  EXPECT_EQ(exporter->stats().delivered_records, 20u);
}

// A sender that never returns in time.
class HangingSender : public Sender {
 public:
  Attempt Send(std::string_view, SteadyClock::time_point) override {
    std::this_thread::sleep_for(3s);
    return {};
  }
};

TEST(Exporter, StopDoesNotWaitForAnAttemptThatHangs) {
  auto exporter = std::make_unique<Exporter>(Signal::kLogs, SignalConfig{}, std::make_unique<HangingSender>(),
                                             [](const std::string&) {});
  exporter->Push("x", 1);
  std::this_thread::sleep_for(50ms);
  const auto start = SteadyClock::now();
  exporter->BeginStop(start + 200ms);
  EXPECT_FALSE(exporter->FinishStop(start + 200ms));
  EXPECT_LT(SteadyClock::now() - start, 1s);
  exporter.reset();
  std::this_thread::sleep_for(3s);  // the thread that was left alone, for the leak checker
}

// A receiver over a real socket, answering by status.
class Receiver {
 public:
  explicit Receiver(std::function<net::HttpResponse(const net::HttpRequest&)> answer) {
    auto router = std::make_shared<net::HttpRouter>();
    for (const char* path : {"/v1/traces", "/v1/logs", "/v1/metrics"})
      router->Add("POST", path, net::Synchronous(answer));
    net::HttpServerOptions options;
    options.io_threads = 1;
    server_ = std::move(*net::HttpServer::Start(options, router));
  }
  SignalConfig Config(Protocol protocol = Protocol::kHttpProtobuf) const {
    SignalConfig config;
    config.protocol = protocol;
    config.endpoint = "http://" + server_->address().ToString() + "/v1/traces";
    return config;
  }

 private:
  std::unique_ptr<net::HttpServer> server_;
};

TEST(HttpSender, SendsAsOtlpWantsIt) {
  base::Mutex mutex;
  std::vector<net::HttpRequest> seen;
  Receiver receiver([&](const net::HttpRequest& request) {
    base::MutexLock lock(mutex);
    seen.push_back(request);
    return net::HttpResponse{200, "application/x-protobuf", {}, {}};
  });
  SignalConfig config = receiver.Config();
  config.headers = {{"x-scope-orgid", "team"}};
  config.gzip = true;
  auto sender = MakeSender(Signal::kTraces, config);
  ASSERT_TRUE(sender);
  const Attempt attempt = (*sender)->Send("payload", SteadyClock::now() + 5s);
  EXPECT_TRUE(attempt.delivered) << attempt.error;
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].headers.Get("content-type"), "application/x-protobuf");
  EXPECT_EQ(seen[0].headers.Get("x-scope-orgid"), "team");
  EXPECT_EQ(seen[0].headers.Get("content-encoding"), "gzip");
  EXPECT_EQ(*wire::Decompress(wire::Compression::kGzip, seen[0].body, 100), "payload");
  auto json = MakeSender(Signal::kTraces, receiver.Config(Protocol::kHttpJson));
  EXPECT_TRUE((*json)->Send("{}", SteadyClock::now() + 5s).delivered);
  EXPECT_EQ(seen[1].headers.Get("content-type"), "application/json");
  EXPECT_EQ(seen[1].body, "{}");
}

TEST(HttpSender, UnderstandsAnswers) {
  std::atomic<int> next = 0;
  const std::vector<net::HttpResponse> answers = {
      {429,
       "application/x-protobuf",
       {{"Retry-After", "3"}},
       wire::EncodeStatus({base::Code::kResourceExhausted, "slow down", {}}, wire::Format::kProtobuf)},
      {400,
       "application/json",
       {},
       wire::EncodeStatus({base::Code::kInvalidArgument, "bad batch", {}}, wire::Format::kJson)},
      {500, "text/html", {}, "<html>"},
      {200,
       "application/x-protobuf",
       {},
       wire::EncodePartialSuccess(wire::Signal::kTraces, 7, "too old", wire::Format::kProtobuf)},
      {200, "text/html", {}, "<html>hello</html>"},
      {302, "", {{"Location", "http://elsewhere/"}}, ""},
  };
  Receiver receiver([&](const net::HttpRequest&) { return answers[static_cast<size_t>(next++)]; });
  auto sender = MakeSender(Signal::kTraces, receiver.Config());
  const auto send = [&] { return (*sender)->Send("x", SteadyClock::now() + 5s); };
  Attempt attempt = send();
  EXPECT_TRUE(!attempt.delivered && attempt.retryable);
  EXPECT_EQ(attempt.retry_after, 3s);
  EXPECT_EQ(attempt.error, "status 429 Too Many Requests: slow down");
  attempt = send();
  EXPECT_FALSE(attempt.delivered || attempt.retryable);
  EXPECT_EQ(attempt.error, "status 400 Bad Request: bad batch");
  attempt = send();
  EXPECT_FALSE(attempt.delivered || attempt.retryable);
  attempt = send();
  EXPECT_TRUE(attempt.delivered);
  EXPECT_EQ(attempt.rejected, 7u);
  EXPECT_EQ(attempt.warning, "too old");
  attempt = send();
  EXPECT_TRUE(attempt.delivered);
  EXPECT_THAT(attempt.warning, HasSubstr("no OTLP response"));
  EXPECT_FALSE(send().delivered);
}

TEST(HttpSender, NobodyThereIsRetryable) {
  SignalConfig config;
  config.endpoint = "http://127.0.0.1:1/v1/traces";
  auto sender = MakeSender(Signal::kTraces, config);
  const Attempt attempt = (*sender)->Send("x", SteadyClock::now() + 5s);
  EXPECT_TRUE(!attempt.delivered && attempt.retryable);
  EXPECT_FALSE(attempt.error.empty());
}

TEST(HttpSender, MissingCertificateIsSaidAtOnce) {
  SignalConfig config;
  config.endpoint = "https://127.0.0.1:1/v1/traces";
  config.certificate_file = "/nonexistent/ca.pem";
  const auto sender = MakeSender(Signal::kTraces, config);
  ASSERT_FALSE(sender);
  EXPECT_EQ(sender.error().code, base::Code::kFailedPrecondition);
  EXPECT_THAT(sender.error().message, HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace clew::agent::drain
