// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/otlp_grpc.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "clew/api/otlp/otlp_testing.h"
#include "clew/wire/compression.h"

// gRPC hands a reactor from thread to thread by counts inside the library, where the thread sanitizer does not look.
extern "C" const char* __tsan_default_suppressions() { return "race:InternalBindStream\n"; }

namespace clew::api::otlp {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kTraces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr const char* kLogs = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
constexpr const char* kMetrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

struct Answer {
  grpc::Status status;
  std::string body;
};

class OtlpGrpcTest : public testing::Test {
 protected:
  OtlpGrpcTest() { Start({}); }

  void Start(OtlpGrpcOptions options) {
    auto server = OtlpGrpcServer::Start(std::move(options), sink_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    channel_ = grpc::CreateCustomChannel(server_->address().ToString(), grpc::InsecureChannelCredentials(), arguments);
  }

  Answer Call(const std::string& method, std::string_view body,
              const std::function<void(grpc::ClientContext&)>& prepare = {}) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(30));
    if (prepare) prepare(context);
    const grpc::Slice slice(body.data(), body.size());
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    // All on this thread: gRPC's own threads would look like races to the thread sanitizer.
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    Answer answer;
    call->Finish(&response, &answer.status, this);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok) && ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
    grpc::Slice bytes;
    if (answer.status.ok() && response.DumpToSingleSlice(&bytes).ok()) {
      answer.body.assign(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
    }
    return answer;
  }

  std::shared_ptr<FakeSink> sink_ = std::make_shared<FakeSink>();
  std::unique_ptr<OtlpGrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(OtlpGrpcTest, TakesEverySignal) {
  EXPECT_TRUE(Call(kTraces, TracesProtobuf()).status.ok());
  EXPECT_TRUE(Call(kLogs, LogsProtobuf()).status.ok());
  const Answer metrics = Call(kMetrics, MetricsProtobuf(),
                              [](grpc::ClientContext& context) { context.AddMetadata("x-scope-orgid", "team"); });
  EXPECT_TRUE(metrics.status.ok()) << metrics.status.error_message();
  EXPECT_EQ(metrics.body, "");
  EXPECT_TRUE(Call(kTraces, "").status.ok());
  const auto seen = sink_->seen();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].first_name, "GET /");
  EXPECT_EQ(seen[0].tenant, "anonymous");
  EXPECT_EQ(seen[0].hash, base::HashBytes128(TracesProtobuf()));
  EXPECT_EQ(seen[1].signal, wire::Signal::kLogs);
  EXPECT_EQ(seen[2].signal, wire::Signal::kMetrics);
  EXPECT_EQ(seen[2].tenant, "team");
}

TEST_F(OtlpGrpcTest, PartialSuccess) {
  sink_->AnswerWith(ingest::Outcome{2, "limits"});
  const auto partial = wire::DecodePartialSuccess(wire::Signal::kTraces, Call(kTraces, TracesProtobuf()).body);
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 2U);
  EXPECT_EQ(partial->message, "limits");
}

TEST_F(OtlpGrpcTest, Compression) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    // Long enough for gRPC to pack it.
    std::string body;
    for (int i = 0; i < 50; ++i) body += TracesProtobuf();
    const Answer answer =
        Call(kTraces, body, [&](grpc::ClientContext& context) { context.set_compression_algorithm(algorithm); });
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }
  // What gRPC does not know comes through by its first bytes.
  EXPECT_TRUE(Call(kTraces, *wire::Compress(wire::Compression::kZstd, TracesProtobuf())).status.ok());
  const auto seen = sink_->seen();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].rows, 50U);
  EXPECT_EQ(seen[1].rows, 50U);
  EXPECT_EQ(seen[2].rows, 1U);
}

TEST_F(OtlpGrpcTest, TooLarge) {
  std::string zeros;
  zeros.resize(100'000'000, '\0');
  for (const auto compression : {wire::Compression::kGzip, wire::Compression::kZstd, wire::Compression::kDeflate}) {
    const Answer bomb = Call(kTraces, *wire::Compress(compression, zeros));
    EXPECT_EQ(bomb.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    // Nothing that would tell the sender to try again.
    EXPECT_EQ(bomb.status.error_details(), "");
  }
  const Answer large = Call(kTraces, std::string((64u << 20) + 1, '\0'));
  EXPECT_EQ(large.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << large.status.error_message();
  EXPECT_TRUE(sink_->seen().empty());
  EXPECT_TRUE(Call(kTraces, TracesProtobuf()).status.ok());
}

TEST_F(OtlpGrpcTest, Errors) {
  EXPECT_EQ(Call(kTraces, "\x0a\xff garbage").status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const Answer tenant = Call(kTraces, TracesProtobuf(),
                             [](grpc::ClientContext& context) { context.AddMetadata("x-scope-orgid", "a/b"); });
  EXPECT_EQ(tenant.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const Answer twice = Call(kTraces, TracesProtobuf(), [](grpc::ClientContext& context) {
    context.AddMetadata("x-scope-orgid", "a");
    context.AddMetadata("x-scope-orgid", "b");
  });
  EXPECT_EQ(twice.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const Answer unknown = Call("/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", "");
  EXPECT_EQ(unknown.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(unknown.status.error_message(), HasSubstr("TraceService"));
  EXPECT_TRUE(sink_->seen().empty());

  sink_->AnswerWith(base::ResourceExhausted("the queue is full", std::chrono::milliseconds(2500)));
  const Answer overload = Call(kTraces, TracesProtobuf());
  EXPECT_EQ(overload.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(overload.status.error_message(), "the queue is full");
  const auto details = wire::DecodeStatus(overload.status.error_details());
  ASSERT_TRUE(details);
  EXPECT_EQ(details->retry_after, std::chrono::milliseconds(2500));
  sink_->AnswerWith(base::Unavailable("closing"));
  EXPECT_EQ(Call(kTraces, TracesProtobuf()).status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(OtlpGrpcTest, MemoryIsBounded) {
  Start({.memory_bytes = 10'000'000});
  sink_->Hold();
  std::string body;
  for (int i = 0; i < 60'000; ++i) body += TracesProtobuf();
  ASSERT_GT(body.size(), 5'000'000U);
  ASSERT_LT(body.size(), 10'000'000U);
  std::thread first([&] { EXPECT_TRUE(Call(kTraces, body).status.ok()); });
  while (sink_->seen().empty()) std::this_thread::yield();
  const Answer second = Call(kTraces, body);
  EXPECT_EQ(second.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << second.status.error_message();
  EXPECT_GT(wire::DecodeStatus(second.status.error_details())->retry_after.count(), 0);
  sink_->Release();
  first.join();
  EXPECT_TRUE(Call(kTraces, body).status.ok());
}

TEST_F(OtlpGrpcTest, ClientsThatLeave) {
  sink_->Hold();
  const Answer late = Call(kTraces, TracesProtobuf(), [](grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  });
  EXPECT_EQ(late.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  sink_->Release();
  EXPECT_TRUE(Call(kTraces, TracesProtobuf()).status.ok());
}

TEST_F(OtlpGrpcTest, StopsOnceAnswered) {
  sink_->Hold();
  std::thread caller([&] { EXPECT_TRUE(Call(kTraces, TracesProtobuf()).status.ok()); });
  while (sink_->seen().empty()) std::this_thread::yield();
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    sink_->Release();
  });
  server_->Stop(std::chrono::steady_clock::now() + seconds(10));
  caller.join();
  release.join();
  server_->Stop();
}

TEST_F(OtlpGrpcTest, ManyCallsAtOnce) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) good += Call(kTraces, TracesProtobuf()).status.ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 800);
  EXPECT_EQ(sink_->seen().size(), 800U);
}

TEST_F(OtlpGrpcTest, BusyPort) {
  OtlpGrpcOptions options;
  options.listen = server_->address();
  const auto second = OtlpGrpcServer::Start(options, sink_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::kUnavailable);
  EXPECT_THAT(second.error().message, testing::AllOf(HasSubstr(server_->address().ToString()), HasSubstr("--otlp-grpc"),
                                                     HasSubstr("another program")));
}

}  // namespace
}  // namespace clew::api::otlp
