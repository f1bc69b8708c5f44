// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/metrics.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <limits>
#include <map>

#include "clew/agent/record/record_test_support.h"

namespace clew::agent::record {
namespace {

using testing::RunChild;
using testing::SmallArena;

constexpr double kBounds[] = {0.1, 1, 10};

int Histogram() {
  return RegisterInstrument({MetricKind::kHistogram, false, kScopeFlask, "", "", "", "http.server.request.duration",
                             "s", "Duration of HTTP server requests.", kBounds});
}
int Counter() {
  return RegisterInstrument({MetricKind::kCounter, true, kScopeLiteral, "shop", "1", "", "orders", "{order}", "", {}});
}

std::string Attributes(std::string_view method) {
  uint8_t buffer[256];
  Encoder encoder(buffer, sizeof buffer);
  AttributeListEncoder attributes(encoder, 10, UINT32_MAX);
  attributes.Text(kHttpRequestMethod, method);
  attributes.Finish();
  return std::string(encoder.View());
}

std::vector<SeriesView> Read(const Arena& arena, uint32_t worker) {
  std::vector<SeriesView> all;
  for (uint32_t i = 0; i < SeriesCount(arena.view(), worker); ++i) {
    const auto series = ReadSeries(arena.view(), worker, i);
    EXPECT_TRUE(series);
    if (series) all.push_back(*series);
  }
  return all;
}

TEST(Metrics, CellsReadBack) {
  const Arena arena = SmallArena();
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    const int histogram = Histogram(), counter = Counter();
    const Series* get = FindSeries(histogram, Attributes("GET"));
    const Series* orders = FindSeries(counter, Attributes("POST"));
    if (get == nullptr || orders == nullptr || FindSeries(histogram, Attributes("GET")) != get) return 2;
    const uint8_t trace_id[16] = {7}, span_id[8] = {8};
    Observe(*get, 0.1, {trace_id, span_id});
    Observe(*get, 0.5, {});
    Observe(*get, std::numeric_limits<double>::infinity(), {});
    Add(*orders, int64_t{2});
    Add(*orders, 3.0);
    return 0;
  });
  ASSERT_EQ(status, 0);
  const auto series = Read(arena, 0);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].definition.name, "http.server.request.duration");
  EXPECT_EQ(series[0].definition.scope.name, "clew.flask");
  EXPECT_EQ(series[0].definition.bound_count, 3u);
  EXPECT_EQ(series[0].buckets[0], 1u);
  EXPECT_EQ(series[0].buckets[1], 1u);
  EXPECT_EQ(series[0].buckets[2], 0u);
  EXPECT_EQ(series[0].buckets[3], 1u);
  ASSERT_EQ(series[0].exemplar_count, 4u);
  const auto exemplar = ReadExemplar(series[0].exemplars[0]);
  ASSERT_TRUE(exemplar);
  EXPECT_EQ(exemplar->value, 0.1);
  EXPECT_EQ(exemplar->trace_id[0], 7);
  EXPECT_EQ(exemplar->span_id[0], 8);
  EXPECT_FALSE(ReadExemplar(series[0].exemplars[1]));
  EXPECT_EQ(series[1].number(), 5.0);
  EXPECT_EQ(series[1].definition.scope.name, "shop");
}

TEST(Metrics, FullTableGoesToTheOverflowSeries) {
  const Arena arena = SmallArena();
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    const int histogram = Histogram(), counter = Counter();
    if (FindSeries(counter, Attributes("once")) == nullptr) return 2;
    for (int i = 0; i < 1000; ++i) {
      const Series* series = FindSeries(histogram, Attributes(std::to_string(i)));
      if (series == nullptr) return 3;
      Observe(*series, 1, {});
    }
    // The other instrument's overflow series has kept its room.
    const Series* series = FindSeries(counter, Attributes("another"));
    if (series == nullptr) return 4;
    Add(*series, int64_t{1});
    return 0;
  });
  ASSERT_EQ(status, 0);
  uint64_t observed = 0;
  int overflows = 0;
  for (const SeriesView& series : Read(arena, 0)) {
    AttributeReader attributes(series.definition.attributes);
    AttributeView attribute;
    ASSERT_TRUE(attributes.Next(attribute));
    overflows += attribute.known == kMetricOverflow && attribute.value.bool_value;
    if (series.definition.kind != MetricKind::kHistogram) continue;
    for (uint32_t i = 0; i <= series.definition.bound_count; ++i) observed += series.buckets[i];
  }
  EXPECT_EQ(observed, 1000u);
  EXPECT_EQ(overflows, 2);
  EXPECT_GT(arena.view().worker(0).series_refused.load(), 900u);
  EXPECT_LE(SeriesCount(arena.view(), 0), arena.view().shape().max_series);
}

TEST(Metrics, EachProcessHasItsOwnCells) {
  const Arena arena = SmallArena();
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    SetIdentity(Attributes("identity"));
    const int counter = Counter();
    Add(*FindSeries(counter, Attributes("GET")), int64_t{1});
    const pid_t child = fork();
    if (child == 0) {
      const Series* series = FindSeries(counter, Attributes("GET"));
      Add(*series, int64_t{10});
      raise(SIGKILL);
    }
    if (testing::Wait(child) != -SIGKILL) return 2;
    Add(*FindSeries(counter, Attributes("GET")), int64_t{1});
    return 0;
  });
  ASSERT_EQ(status, 0);
  ASSERT_EQ(Read(arena, 0).size(), 1u);
  ASSERT_EQ(Read(arena, 1).size(), 1u);
  EXPECT_EQ(Read(arena, 0)[0].number(), 2.0);
  EXPECT_EQ(Read(arena, 1)[0].number(), 10.0);
  for (const uint32_t worker : {0u, 1u}) {
    const WorkerSlot& slot = arena.view().worker(worker);
    const auto identity = WorkerBytes(arena.view(), worker, slot.identity_offset.load(), slot.identity_bytes.load());
    ASSERT_TRUE(identity);
    EXPECT_TRUE(DecodeAttributes(*identity));
    EXPECT_GT(slot.claimed_unix_nanos, 0);
  }
  arena.FreeWorker(1);
  EXPECT_EQ(arena.view().worker(1).owner.load(), 0u);
  EXPECT_EQ(SeriesCount(arena.view(), 1), 0u);
}

TEST(Metrics, BrokenDescriptorsAreRefused) {
  const Arena arena = SmallArena();
  ASSERT_EQ(RunChild([&] {
              return AttachDescriptor(arena.fd()) && FindSeries(Histogram(), Attributes("GET")) != nullptr ? 0 : 1;
            }),
            0);
  SeriesDescriptor& descriptor = arena.view().series(0)[0];
  const SeriesDescriptor good = descriptor;
  ASSERT_TRUE(ReadSeries(arena.view(), 0, 0));
  for (const uint32_t bad : {0u, 3u, 65'535u, UINT32_MAX}) {
    descriptor = good;
    descriptor.value_offset = bad;
    EXPECT_FALSE(ReadSeries(arena.view(), 0, 0));
    descriptor = good;
    descriptor.definition_offset = bad;
    EXPECT_FALSE(ReadSeries(arena.view(), 0, 0));
    descriptor = good;
    descriptor.definition_bytes = bad;
    EXPECT_FALSE(ReadSeries(arena.view(), 0, 0));
  }
  descriptor = good;
  descriptor.bucket_count = 100;
  EXPECT_FALSE(ReadSeries(arena.view(), 0, 0));
  descriptor = good;
  descriptor.exemplar_offset = UINT32_MAX - 7;
  ASSERT_TRUE(ReadSeries(arena.view(), 0, 0));
  EXPECT_EQ(ReadSeries(arena.view(), 0, 0)->exemplar_count, 0u);
}

}  // namespace
}  // namespace clew::agent::record
