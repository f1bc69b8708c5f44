// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/evidence_reader.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "clew/model/labels.h"
#include "clew/model/series_batch.h"

namespace clew::query::evidence {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// 2026-11-24T12:00:00Z
constexpr int64_t kNow = 1'795'521'600 * kSecond;

class EvidenceReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "clew-evidence-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    auto store = store::Store::Open({.data_dir = folder_});
    ASSERT_TRUE(store) << store.error().message;
    store_ = *std::move(store);
    context_.tenant = *model::TenantId::Parse("anonymous");
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <typename Batch>
  void Insert(const Batch& batch) {
    const store::ArrivedBatch<Batch> arrived{context_.tenant, kNow, &batch};
    store::Cut<Batch> cut;
    cut.batches = std::span(&arrived, 1);
    cut.token = "cut-" + std::to_string(++cuts_);
    const base::Status status = store_->Insert(cut);
    ASSERT_TRUE(status) << status.error().message;
  }

  // One root a second from `from` on, in traces of their own.
  void InsertSpans(int64_t from, int count) {
    model::SpanBatch batch;
    std::vector<model::KeyValue> rows;
    rows.push_back({batch.strings.Intern("service.name"), 0, model::Value::String(batch.strings.Intern("shop"))});
    batch.resources.push_back({batch.attributes.AddKeyValues(rows), 0, 0});
    batch.scopes.push_back({});
    for (int i = 0; i < count; ++i) {
      const size_t row = batch.AddRow();
      ++spans_;
      for (size_t byte = 0; byte < 4; ++byte) {
        batch.trace_id[row].bytes[8 + byte] = static_cast<uint8_t>(spans_ >> (8 * byte));
        batch.span_id[row].bytes[byte] = static_cast<uint8_t>(spans_ >> (8 * byte));
      }
      batch.trace_id[row].bytes[0] = 1;
      batch.span_id[row].bytes[7] = 1;
      batch.name[row] = batch.strings.Intern("GET /");
      batch.kind[row] = model::SpanKind::kServer;
      batch.start_time[row] = static_cast<uint64_t>(from + i * kSecond);
      batch.end_time[row] = batch.start_time[row] + 1000;
    }
    Insert(batch);
  }

  void InsertSeries(const std::vector<std::string>& labels, const std::vector<std::pair<int64_t, double>>& samples) {
    model::SeriesBatch batch;
    std::vector<model::Label> list;
    for (size_t i = 0; i + 1 < labels.size(); i += 2) list.push_back({labels[i], labels[i + 1]});
    const model::Labels sorted(std::move(list));
    model::SeriesRow row;
    row.id = sorted.Id();
    row.labels = {0, static_cast<uint32_t>(sorted.size())};
    for (const model::Label& label : sorted) {
      batch.labels.push_back({batch.strings.Intern(label.name), batch.strings.Intern(label.value)});
    }
    row.family = batch.strings.Intern(sorted.Get(model::kMetricName));
    row.type = model::FamilyType::kGauge;
    batch.series.push_back(row);
    for (const auto& [time, value] : samples) batch.samples.push_back({0, 0, 0, time, value});
    Insert(batch);
  }

  model::Evidence Read(std::vector<store::TimeRange> ranges, const EvidenceOptions& options = {}) {
    auto evidence = ReadEvidence(*store_, context_, std::move(ranges), options);
    EXPECT_TRUE(evidence) << evidence.error().message;
    return evidence ? *std::move(evidence) : model::Evidence();
  }

  std::string folder_;
  std::unique_ptr<store::Store> store_;
  model::RequestContext context_;
  int cuts_ = 0;
  uint32_t spans_ = 0;
};

TEST_F(EvidenceReaderTest, AnEmptyStoreGivesNothing) {
  const model::Evidence evidence = Read({{kNow, kNow + 60 * kSecond}});
  EXPECT_TRUE(evidence.segments.empty());
  EXPECT_TRUE(evidence.utilizations.empty());
  EXPECT_EQ(evidence.sampled, 1);
}

TEST_F(EvidenceReaderTest, ReadsWhatIsAskedForOnce) {
  InsertSpans(kNow, 300);
  EXPECT_EQ(Read({{kNow, kNow + 300 * kSecond}}).segments.size(), 300u);
  // Ranges that overlap, in no order, and one that is empty.
  const std::vector<store::TimeRange> ranges = {{kNow + 200 * kSecond, kNow + 210 * kSecond},
                                                {kNow, kNow + 10 * kSecond},
                                                {kNow + 5 * kSecond, kNow + 20 * kSecond},
                                                {kNow + 100 * kSecond, kNow + 90 * kSecond}};
  EXPECT_EQ(Read(ranges).segments.size(), 30u);
  EXPECT_TRUE(Read({}).segments.empty());
}

TEST_F(EvidenceReaderTest, TakesAShareOfTooManySpans) {
  InsertSpans(kNow, 2000);
  EvidenceOptions options;
  options.max_spans = 500;
  const model::Evidence evidence = Read({{kNow, kNow + 2000 * kSecond}}, options);
  EXPECT_NEAR(evidence.sampled, 0.25, 0.001);
  EXPECT_NEAR(static_cast<double>(evidence.segments.size()), 500, 120);
}

TEST_F(EvidenceReaderTest, KeepsOnlyTracesOfTheServiceAskedFor) {
  InsertSpans(kNow, 10);
  EvidenceOptions options;
  options.service = "shop";
  EXPECT_EQ(Read({{kNow, kNow + 60 * kSecond}}, options).segments.size(), 10u);
  options.service = "elsewhere";
  EXPECT_TRUE(Read({{kNow, kNow + 60 * kSecond}}, options).segments.empty());
}

TEST_F(EvidenceReaderTest, ReadsUtilizationsAndProcessorTime) {
  InsertSpans(kNow, 10);
  InsertSeries({"__name__", "k8s_pod_cpu_limit_utilization_ratio", "job", "ns/shop", "instance", "shop-1"},
               {{kNow - 300 * kSecond, 0.2}, {kNow + kSecond, 0.9}, {kNow + 900 * kSecond, 1.0}});
  InsertSeries({"__name__", "process_cpu_time_seconds_total", "job", "shop", "instance", "shop-1"},
               {{kNow, 1}, {kNow + 10 * kSecond, 3}});
  InsertSeries({"__name__", "process_memory_usage_bytes", "job", "shop"}, {{kNow, 1}});
  const model::Evidence evidence = Read({{kNow, kNow + 60 * kSecond}});
  ASSERT_EQ(evidence.utilizations.size(), 1u);
  EXPECT_EQ(evidence.Name(evidence.utilizations[0].service), "shop");
  EXPECT_EQ(evidence.Name(evidence.utilizations[0].instance), "shop-1");
  // From ten minutes before, and not what came after.
  EXPECT_EQ(evidence.utilizations[0].points.size(), 2u);
  ASSERT_EQ(evidence.processor_seconds.size(), 1u);
  EXPECT_EQ(evidence.processor_seconds[0].points.size(), 2u);
}

}  // namespace
}  // namespace clew::query::evidence
