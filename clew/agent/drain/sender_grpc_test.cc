// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <thread>

#include "clew/agent/drain/sender.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CLEW_GRPC_TSAN
#endif
#endif
#if defined(CLEW_GRPC_TSAN)
// gRPC is not built with the sanitizer: what its own locks order, these say of a reactor.
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
#else
static void __tsan_acquire(void*) {}
static void __tsan_release(void*) {}
#endif

namespace clew::agent::drain {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using SteadyClock = std::chrono::steady_clock;

struct Seen {
  std::string method;
  std::string body;
  std::string tenant;
};
struct Answer {
  grpc::Status status;
  std::string body;
  std::chrono::milliseconds delay{0};
};

// A gRPC server that takes any method with raw bytes.
class Receiver : public grpc::CallbackGenericService {
 public:
  explicit Receiver(Answer answer = {}) : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~Receiver() override { server_->Shutdown(std::chrono::system_clock::now() + 200ms); }

  SignalConfig Config() const {
    SignalConfig config;
    config.protocol = Protocol::kGrpc;
    config.endpoint = "http://127.0.0.1:" + std::to_string(port_);
    return config;
  }
  // For the next calls.
  void SetAnswer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  Seen last() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  class Reactor : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(Receiver& receiver, grpc::GenericCallbackServerContext& context) : receiver_(receiver) {
      seen_.method = context.method();
      const auto tenant = context.client_metadata().find("x-scope-orgid");
      if (tenant != context.client_metadata().end()) seen_.tenant = {tenant->second.data(), tenant->second.size()};
      __tsan_release(this);
      StartRead(&request_);
    }
    void OnReadDone(bool ok) override {
      __tsan_acquire(this);
      if (!ok) return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no message"));
      std::vector<grpc::Slice> slices;
      if (request_.Dump(&slices).ok()) {
        for (const grpc::Slice& slice : slices) {
          seen_.body.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
        }
      }
      const Answer answer = receiver_.AnswerTo(seen_);
      const grpc::Slice slice(answer.body);
      response_ = grpc::ByteBuffer(&slice, 1);
      __tsan_release(this);
      std::this_thread::sleep_for(answer.delay);
      if (!answer.status.ok()) return Finish(answer.status);
      StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override {
      __tsan_acquire(this);
      delete this;
    }

   private:
    Receiver& receiver_;
    Seen seen_;
    grpc::ByteBuffer request_;
    grpc::ByteBuffer response_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Reactor(*this, *context);
  }

  Answer AnswerTo(const Seen& seen) {
    const std::lock_guard lock(mutex_);
    seen_ = seen;
    return answer_;
  }

  std::mutex mutex_;
  Answer answer_;
  Seen seen_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST(GrpcSender, CallsTheExportMethodOfEachSignal) {
  Receiver receiver;
  for (const auto& [signal, method] :
       {std::pair(Signal::kTraces, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        std::pair(Signal::kLogs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
        std::pair(Signal::kMetrics, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")}) {
    SignalConfig config = receiver.Config();
    config.headers = {{"x-scope-orgid", "team"}};
    auto sender = MakeSender(signal, config);
    ASSERT_TRUE(sender) << sender.error().message;
    for (int i = 0; i < 3; ++i) {
      const std::string body(100'000, static_cast<char>('a' + i));
      const Attempt attempt = (*sender)->Send(body, SteadyClock::now() + 5s);
      EXPECT_TRUE(attempt.delivered) << attempt.error;
      EXPECT_EQ(receiver.last().body, body);
    }
    EXPECT_EQ(receiver.last().method, method);
    EXPECT_EQ(receiver.last().tenant, "team");
  }
}

TEST(GrpcSender, CompressesWhereAsked) {
  Receiver receiver;
  SignalConfig config = receiver.Config();
  config.gzip = true;
  auto sender = MakeSender(Signal::kTraces, config);
  EXPECT_TRUE((*sender)->Send(std::string(10'000, 'x'), SteadyClock::now() + 5s).delivered);
  EXPECT_EQ(receiver.last().body, std::string(10'000, 'x'));  // gRPC has unpacked it
}

TEST(GrpcSender, UnderstandsAnswers) {
  Receiver receiver;
  auto sender = MakeSender(Signal::kTraces, receiver.Config());
  const auto send = [&](const Answer& next) {
    receiver.SetAnswer(next);
    return (*sender)->Send("x", SteadyClock::now() + 5s);
  };
  const std::string throttle =
      wire::EncodeStatus({base::Code::kResourceExhausted, "slow down", 1'500ms}, wire::Format::kProtobuf);
  Attempt attempt = send({grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "slow down", throttle), {}, 0ms});
  EXPECT_TRUE(!attempt.delivered && attempt.retryable);
  EXPECT_EQ(attempt.retry_after, 1'500ms);
  attempt = send({grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full"), {}, 0ms});
  EXPECT_FALSE(attempt.delivered || attempt.retryable);
  EXPECT_EQ(attempt.error, "gRPC status 8: full");
  for (auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::ABORTED, grpc::StatusCode::DATA_LOSS,
                    grpc::StatusCode::CANCELLED, grpc::StatusCode::OUT_OF_RANGE}) {
    EXPECT_TRUE(send({grpc::Status(code, ""), {}, 0ms}).retryable);
  }
  for (auto code : {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::UNAUTHENTICATED,
                    grpc::StatusCode::UNIMPLEMENTED, grpc::StatusCode::INTERNAL}) {
    EXPECT_FALSE(send({grpc::Status(code, ""), {}, 0ms}).retryable);
  }
  attempt = send({{}, wire::EncodePartialSuccess(Signal::kTraces, 4, "too old", wire::Format::kProtobuf), 0ms});
  EXPECT_TRUE(attempt.delivered);
  EXPECT_EQ(attempt.rejected, 4u);
  EXPECT_EQ(attempt.warning, "too old");
  attempt = send({{}, "\xff\xff\xff", 0ms});
  EXPECT_TRUE(attempt.delivered);
  EXPECT_THAT(attempt.warning, HasSubstr("no OTLP response"));
}

TEST(GrpcSender, EndsAtTheDeadlineAndWithNobodyThere) {
  Receiver receiver(Answer{{}, {}, 1'000ms});
  auto slow = MakeSender(Signal::kTraces, receiver.Config());
  const auto start = SteadyClock::now();
  Attempt attempt = (*slow)->Send("x", start + 300ms);
  EXPECT_TRUE(!attempt.delivered && attempt.retryable);
  EXPECT_LT(SteadyClock::now() - start, 900ms);

  SignalConfig config;
  config.protocol = Protocol::kGrpc;
  config.endpoint = "http://127.0.0.1:1";
  auto nobody = MakeSender(Signal::kTraces, config);
  const auto second = SteadyClock::now();
  attempt = (*nobody)->Send("x", second + 5s);
  EXPECT_TRUE(!attempt.delivered && attempt.retryable);
  EXPECT_LT(SteadyClock::now() - second, 2s);
}

}  // namespace
}  // namespace clew::agent::drain
