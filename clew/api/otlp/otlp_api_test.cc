// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/otlp_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "clew/api/otlp/otlp_testing.h"
#include "clew/net/http_client.h"
#include "clew/net/http_server.h"
#include "clew/wire/compression.h"

namespace clew::api::otlp {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kProtobuf = "application/x-protobuf";
constexpr const char* kJson = "application/json";

class OtlpApiTest : public testing::Test {
 protected:
  OtlpApiTest() { Start({}); }

  void Start(OtlpOptions options, net::HttpServerOptions server_options = {}) {
    auto router = std::make_shared<net::HttpRouter>();
    const OtlpApi api(sink_, options);
    api.Register(*router);
    api.RegisterAt(*router, "/loki/otlp/v1/logs", OtlpApi::Door::kLogs);
    auto server = net::HttpServer::Start(std::move(server_options), router);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  net::HttpResponse Post(std::string_view path, std::string_view type, std::string_view body,
                         std::vector<std::pair<std::string, std::string>> headers = {}) {
    net::ClientRequest request{.method = "POST",
                               .url = "http://" + server_->address().ToString() + std::string(path),
                               .headers = std::move(headers),
                               .content_type = std::string(type),
                               .body = body};
    auto answer = client_.Send(request, seconds(30));
    if (!answer) {
      ADD_FAILURE() << answer.error().message;
      return {};
    }
    return *std::move(answer);
  }
  net::HttpResponse PostPacked(wire::Compression compression, std::string_view type, std::string_view body) {
    return Post("/v1/traces", type, *wire::Compress(compression, body),
                {{"Content-Encoding", std::string(wire::CompressionName(compression))}});
  }

  std::shared_ptr<FakeSink> sink_ = std::make_shared<FakeSink>();
  std::unique_ptr<net::HttpServer> server_;
  net::HttpClient client_;
};

TEST_F(OtlpApiTest, TakesEverySignalInBothFormats) {
  EXPECT_EQ(Post("/v1/traces", kProtobuf, TracesProtobuf()).status, 200);
  EXPECT_EQ(Post("/v1/logs", kProtobuf, LogsProtobuf()).status, 200);
  EXPECT_EQ(Post("/v1/metrics", kProtobuf, MetricsProtobuf(), {{"X-Scope-OrgID", "team"}}).status, 200);
  EXPECT_EQ(Post("/v1/traces", "application/json; charset=utf-8", kTracesJson).status, 200);
  EXPECT_EQ(Post("/v1/logs", kJson, kLogsJson).status, 200);
  EXPECT_EQ(Post("/v1/metrics", kJson, kMetricsJson).status, 200);
  EXPECT_EQ(Post("/loki/otlp/v1/logs", kJson, kLogsJson).status, 200);
  const auto seen = sink_->seen();
  ASSERT_EQ(seen.size(), 7U);
  EXPECT_EQ(seen[0].signal, wire::Signal::kTraces);
  EXPECT_EQ(seen[0].first_name, "GET /");
  EXPECT_EQ(seen[0].tenant, "anonymous");
  EXPECT_EQ(seen[0].hash, base::HashBytes128(TracesProtobuf()));
  EXPECT_EQ(seen[1].signal, wire::Signal::kLogs);
  EXPECT_EQ(seen[2].first_name, "requests");
  EXPECT_EQ(seen[2].tenant, "team");
  EXPECT_EQ(seen[3].first_name, "GET /");
  EXPECT_EQ(seen[6].signal, wire::Signal::kLogs);
}

TEST_F(OtlpApiTest, AnswersInTheRequestsFormat) {
  const auto protobuf = Post("/v1/traces", kProtobuf, TracesProtobuf());
  EXPECT_EQ(protobuf.content_type, kProtobuf);
  EXPECT_EQ(protobuf.body, "");
  const auto json = Post("/v1/traces", kJson, kTracesJson);
  EXPECT_EQ(json.content_type, kJson);
  EXPECT_EQ(json.body, "{}");
  // An empty request is a good one and reaches nobody.
  EXPECT_EQ(Post("/v1/traces", kProtobuf, "").status, 200);
  EXPECT_EQ(Post("/v1/traces", kJson, "{}").status, 200);
  EXPECT_EQ(sink_->seen().size(), 2U);
}

TEST_F(OtlpApiTest, WhatAllRequestsHoldIsBounded) {
  OtlpOptions options;
  options.memory = std::make_shared<ingest::MemoryBudget>(1u << 20);
  Start(options);
  {
    ingest::MemoryBudget::Lease other(*options.memory);
    ASSERT_TRUE(other.TryAdd(1u << 20));
    for (const auto& answer : {Post("/v1/traces", kProtobuf, TracesProtobuf()),
                               PostPacked(wire::Compression::kGzip, kProtobuf, TracesProtobuf())}) {
      EXPECT_EQ(answer.status, 429);
      EXPECT_EQ(answer.Header("Retry-After"), "1");
    }
  }
  EXPECT_TRUE(sink_->seen().empty());
  EXPECT_EQ(options.memory->refused(), 2u);
  // Alone, one may hold more than there is.
  std::string large = kTracesJson;
  large.insert(large.size() - 1, std::string(1u << 20, ' '));
  EXPECT_EQ(Post("/v1/traces", kJson, large).status, 200);
  // It packs far better than telemetry does.
  EXPECT_EQ(PostPacked(wire::Compression::kGzip, kJson, large).status, 200);
  EXPECT_EQ(PostPacked(wire::Compression::kZstd, kJson, large).status, 200);
  EXPECT_EQ(options.memory->used(), 0u);
  EXPECT_EQ(sink_->seen().size(), 3u);
}

TEST_F(OtlpApiTest, PartialSuccess) {
  auto answer = Post("/v1/traces", kJson, kHalfBadTracesJson);
  EXPECT_EQ(answer.status, 200);
  auto partial = wire::DecodePartialSuccess(wire::Signal::kTraces, answer.body, wire::Format::kJson);
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 1U);
  EXPECT_FALSE(partial->message.empty());
  sink_->AnswerWith(ingest::Outcome{3, "limits"});
  answer = Post("/v1/traces", kProtobuf, TracesProtobuf());
  partial = wire::DecodePartialSuccess(wire::Signal::kTraces, answer.body);
  EXPECT_EQ(partial->rejected, 3U);
  EXPECT_EQ(partial->message, "limits");
  EXPECT_EQ(wire::DecodePartialSuccess(wire::Signal::kTraces, Post("/v1/traces", kJson, kHalfBadTracesJson).body,
                                       wire::Format::kJson)
                ->rejected,
            4U);
}

TEST_F(OtlpApiTest, Compression) {
  for (const auto compression : {wire::Compression::kGzip, wire::Compression::kZstd, wire::Compression::kDeflate}) {
    EXPECT_EQ(PostPacked(compression, kProtobuf, TracesProtobuf()).status, 200);
    EXPECT_EQ(PostPacked(compression, kJson, kTracesJson).status, 200);
  }
  EXPECT_EQ(sink_->seen().size(), 6U);
  const auto broken = Post("/v1/traces", kProtobuf, "no gzip", {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(wire::DecodeStatus(broken.body)->code, base::Code::kInvalidArgument);
  for (const char* unknown : {"br", "gzip, gzip"}) {
    const auto refused = Post("/v1/traces", kProtobuf, TracesProtobuf(), {{"Content-Encoding", unknown}});
    EXPECT_EQ(refused.status, 415) << unknown;
    EXPECT_EQ(refused.Header("Accept-Encoding"), "gzip, zstd, deflate");
    EXPECT_TRUE(wire::DecodeStatus(refused.body));
  }
  EXPECT_EQ(Post("/v1/traces", kProtobuf, TracesProtobuf(), {{"Content-Encoding", "identity"}}).status, 200);
}

TEST_F(OtlpApiTest, TooLarge) {
  // A bomb: 100 KB that would be 100 MB.
  std::string zeros;
  zeros.resize(100'000'000, '\0');
  for (const auto compression : {wire::Compression::kGzip, wire::Compression::kZstd, wire::Compression::kDeflate}) {
    const auto answer = PostPacked(compression, kProtobuf, zeros);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(wire::DecodeStatus(answer.body)->code, base::Code::kResourceExhausted);
  }
  Start({.body_limit_bytes = 1000});
  const std::string body(1001, ' ');
  const auto protobuf = Post("/v1/traces", kProtobuf, body);
  EXPECT_EQ(protobuf.status, 413);
  EXPECT_EQ(protobuf.content_type, kProtobuf);
  EXPECT_EQ(wire::DecodeStatus(protobuf.body)->code, base::Code::kResourceExhausted);
  const auto json = Post("/v1/logs", kJson, body);
  EXPECT_EQ(json.status, 413);
  EXPECT_EQ(json.content_type, kJson);
  EXPECT_EQ(wire::DecodeStatus(json.body, wire::Format::kJson)->code, base::Code::kResourceExhausted);
}

TEST_F(OtlpApiTest, Malformed) {
  const auto protobuf = Post("/v1/traces", kProtobuf, "\x0a\xff garbage");
  EXPECT_EQ(protobuf.status, 400);
  EXPECT_EQ(protobuf.content_type, kProtobuf);
  EXPECT_EQ(wire::DecodeStatus(protobuf.body)->code, base::Code::kInvalidArgument);
  for (const char* body : {"", "{", "[]", R"({"resourceSpans":1})"}) {
    const auto json = Post("/v1/traces", kJson, body);
    EXPECT_EQ(json.status, 400) << body;
    EXPECT_EQ(json.content_type, kJson);
    EXPECT_EQ(wire::DecodeStatus(json.body, wire::Format::kJson)->code, base::Code::kInvalidArgument);
  }
  for (const char* type : {"", "text/plain", "application/grpc", "application/x-www-form-urlencoded"}) {
    const auto answer = Post("/v1/traces", type, TracesProtobuf());
    EXPECT_EQ(answer.status, 415) << type;
    EXPECT_THAT(wire::DecodeStatus(answer.body, wire::Format::kJson)->message, HasSubstr(kProtobuf));
  }
  EXPECT_EQ(Post("/v1/traces", kProtobuf, TracesProtobuf(), {{"X-Scope-OrgID", "a/b"}}).status, 400);
  EXPECT_TRUE(sink_->seen().empty());
}

TEST_F(OtlpApiTest, OtherMethodsAndPaths) {
  const auto get = client_.Send({.url = "http://" + server_->address().ToString() + "/v1/traces"}, seconds(5));
  EXPECT_EQ(get->status, 405);
  EXPECT_EQ(get->Header("Allow"), "POST");
  EXPECT_EQ(wire::DecodeStatus(get->body, wire::Format::kJson)->code, base::Code::kUnimplemented);
  EXPECT_EQ(Post("/v1/profiles", kProtobuf, "").status, 404);
}

TEST_F(OtlpApiTest, Overload) {
  sink_->AnswerWith(base::ResourceExhausted("the queue is full", std::chrono::milliseconds(2500)));
  const auto protobuf = Post("/v1/traces", kProtobuf, TracesProtobuf());
  EXPECT_EQ(protobuf.status, 429);
  EXPECT_EQ(protobuf.Header("Retry-After"), "3");
  EXPECT_EQ(wire::DecodeStatus(protobuf.body)->code, base::Code::kResourceExhausted);
  EXPECT_EQ(wire::DecodeStatus(protobuf.body)->retry_after, std::chrono::milliseconds(2500));
  EXPECT_EQ(wire::DecodeStatus(Post("/v1/logs", kJson, kLogsJson).body, wire::Format::kJson)->message,
            "the queue is full");
  sink_->AnswerWith(base::ResourceExhausted("there is no room on disk to keep data", std::chrono::seconds(5)));
  const auto full = Post("/v1/traces", kProtobuf, TracesProtobuf());
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(full.Header("Retry-After"), "5");
  EXPECT_EQ(wire::DecodeStatus(full.body)->code, base::Code::kResourceExhausted);
  sink_->AnswerWith(base::Unavailable("closing"));
  EXPECT_EQ(Post("/v1/traces", kProtobuf, TracesProtobuf()).status, 503);
  sink_->AnswerWith(base::Internal("broken"));
  EXPECT_EQ(Post("/v1/traces", kProtobuf, TracesProtobuf()).status, 500);
  // Where the server itself has no room, too.
  Start({}, {.body_memory_bytes = 100});
  const auto no_room = Post("/v1/traces", kJson, kTracesJson);
  EXPECT_EQ(no_room.status, 429);
  EXPECT_EQ(no_room.Header("Retry-After"), "1");
  EXPECT_EQ(wire::DecodeStatus(no_room.body, wire::Format::kJson)->code, base::Code::kResourceExhausted);
}

TEST_F(OtlpApiTest, AnswersOnceKeptFromAnotherThread) {
  sink_->Hold();
  std::thread release([&] {
    while (sink_->seen().empty()) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    sink_->Release();
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Post("/v1/traces", kProtobuf, TracesProtobuf()).status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
  release.join();
}

}  // namespace
}  // namespace clew::api::otlp
