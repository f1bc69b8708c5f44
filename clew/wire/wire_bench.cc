// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>

#include "clew/wire/compression.h"
#include "clew/wire/otlp.h"
#include "clew/wire/otlp_oracle_test.h"

namespace clew::wire {
namespace {

constexpr uint64_t kSpans = 2650;

// One request as a busy Flask service sends it: spans of ten attributes, of which half are the same in every span.
std::string MakeRequest() {
  std::mt19937_64 random(1);
  const auto id = [&](size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  testdata::Traces request;
  auto& resource_group = *request.add_resource_groups();
  const auto put = [](auto& list, std::string key, std::string text) {
    auto& attribute = *list.Add();
    attribute.set_key(std::move(key));
    attribute.mutable_value()->set_string_value(std::move(text));
  };
  put(*resource_group.mutable_resource()->mutable_attributes(), "service.name", "shop");
  auto& scope_group = *resource_group.add_scope_groups();
  scope_group.mutable_scope()->set_name("clew.flask");
  for (uint64_t i = 0; i < kSpans; ++i) {
    auto& span = *scope_group.add_records();
    span.set_trace_id(id(16));
    span.set_span_id(id(8));
    span.set_parent_span_id(id(8));
    span.set_name("GET /orders/<int:order>");
    span.set_kind(2);
    span.set_start_time_unix_nano(1'790'000'000'000'000'000 + i * 1'000'000);
    span.set_end_time_unix_nano(1'790'000'000'000'400'000 + i * 1'000'000);
    span.set_flags(0x101);
    auto& attributes = *span.mutable_attributes();
    put(attributes, "http.request.method", "GET");
    put(attributes, "http.route", "/orders/<int:order>");
    put(attributes, "url.path", fmt::format("/orders/{}", random() % 100000));
    put(attributes, "url.scheme", "http");
    put(attributes, "server.address", "shop.example.net");
    put(attributes, "client.address", fmt::format("10.0.{}.{}", random() % 4, random() % 256));
    put(attributes, "network.protocol.version", "1.1");
    put(attributes, "user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    for (const auto& [key, number] : {std::pair("http.response.status_code", 200), std::pair("server.port", 8080)}) {
      auto& attribute = *attributes.Add();
      attribute.set_key(key);
      attribute.mutable_value()->set_int_value(number);
    }
  }
  return request.SerializeAsString();
}

const std::string& Request() {
  static const std::string request = MakeRequest();
  return request;
}

void PerSpan(benchmark::State& state) {
  state.counters["per_span"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * double{kSpans},
                         benchmark::Counter::Flags(benchmark::Counter::kIsRate | benchmark::Counter::kInvert));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * Request().size()));
}

void DecodeTraces(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(wire::DecodeTraces(Request()));
  PerSpan(state);
}
BENCHMARK(DecodeTraces);

// The peer: the same request as protobuf objects, which are not columns yet.
void ParseByProtobuf(benchmark::State& state) {
  for (auto _ : state) {
    testdata::Traces request;
    request.ParseFromString(Request());
    benchmark::DoNotOptimize(request);
  }
  PerSpan(state);
}
BENCHMARK(ParseByProtobuf);

void EncodeTraces(benchmark::State& state) {
  const auto decoded = wire::DecodeTraces(Request());
  for (auto _ : state) benchmark::DoNotOptimize(wire::EncodeTraces(decoded->batch));
  PerSpan(state);
}
BENCHMARK(EncodeTraces);

void DecodeTracesJson(benchmark::State& state) {
  const std::string json = EncodeTracesJson(wire::DecodeTraces(Request())->batch);
  for (auto _ : state) benchmark::DoNotOptimize(wire::DecodeTracesJson(json));
  PerSpan(state);
}
BENCHMARK(DecodeTracesJson);

void Unpack(benchmark::State& state, Compression compression) {
  const auto packed = Compress(compression, Request());
  for (auto _ : state) benchmark::DoNotOptimize(Decompress(compression, *packed, size_t{64} << 20));
  PerSpan(state);
}
BENCHMARK_CAPTURE(Unpack, gzip, Compression::kGzip);
BENCHMARK_CAPTURE(Unpack, zstd, Compression::kZstd);

}  // namespace
}  // namespace clew::wire
