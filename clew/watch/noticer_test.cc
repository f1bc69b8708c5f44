// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/noticer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace clew::watch {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMilli = 1'000'000;
// 2026-11-24T12:00:00Z
constexpr int64_t kNow = 1'795'521'600 * kSecond;

std::vector<store::ServiceStats> Stats(uint64_t count, uint64_t errors, double p95) {
  store::ServiceStats stats;
  stats.service = "cart";
  stats.count = count;
  stats.errors = errors;
  stats.p95 = p95;
  return {stats};
}

TEST(Suspicion, FallsOnErrorsAndSlownessAlone) {
  Suspicion suspicion;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(suspicion.Look(Stats(100, i % 2, 20 + i % 5))) << i;
  EXPECT_FALSE(suspicion.Look(Stats(200, 2, 24)));  // twice the load
  EXPECT_FALSE(suspicion.Look(Stats(3, 1, 24)));    // few calls say little
  EXPECT_TRUE(suspicion.Look(Stats(100, 30, 20)));
  EXPECT_TRUE(suspicion.Look(Stats(100, 0, 60)));
  EXPECT_FALSE(suspicion.Look({}));
}

class NoticerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "clew-noticer-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    Open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open() {
    auto store = store::Store::Open({.data_dir = folder_});
    ASSERT_TRUE(store) << store.error().message;
    store_ = *std::move(store);
  }

  // Four calls a second of a service from `from` to `to` (seconds after kNow), each `own` long.
  void Insert(int64_t from, int64_t to, int64_t own) {
    model::SpanBatch batch;
    batch.resources.push_back({batch.attributes.AddKeyValues({{batch.strings.Intern("service.name"), 0,
                                                               model::Value::String(batch.strings.Intern("cart"))}}),
                               0, 0});
    batch.scopes.push_back({});
    for (int64_t at = from * kSecond; at < to * kSecond; at += kSecond / 4) {
      const size_t row = batch.AddRow();
      const uint64_t number = random_();
      for (size_t i = 0; i < 8; ++i) {
        batch.trace_id[row].bytes[8 + i] = static_cast<uint8_t>(number >> (8 * i));
        batch.span_id[row].bytes[i] = static_cast<uint8_t>(number >> (8 * i));
      }
      batch.name[row] = batch.strings.Intern("GET /cart");
      batch.kind[row] = model::SpanKind::kServer;
      batch.start_time[row] = static_cast<uint64_t>(kNow + at);
      const double wobble = std::lognormal_distribution<double>(0, 0.2)(random_);
      batch.end_time[row] = batch.start_time[row] + static_cast<uint64_t>(static_cast<double>(own) * wobble);
    }
    const store::ArrivedBatch<model::SpanBatch> arrived{model::TenantId(), kNow, &batch};
    store::Cut<model::SpanBatch> cut;
    cut.batches = std::span(&arrived, 1);
    cut.token = "cut-" + std::to_string(++cuts_);
    const base::Status status = store_->Insert(cut);
    ASSERT_TRUE(status) << status.error().message;
  }

  // Looks every 20 s from `from` to `to`; what happened, in words.
  std::string Watch(Noticer& noticer, int64_t from, int64_t to) {
    happened_.clear();
    for (int64_t at = from; at < to; at += 20) noticer.Look(kNow + at * kSecond);
    return happened_;
  }
  OnIncident Note() {
    return [this](Happening happening, const store::Incident& incident, const model::TenantId&) {
      happened_ += std::string(HappeningName(happening)) + ' ' + incident.service + ' ';
    };
  }

  std::string folder_;
  std::unique_ptr<store::Store> store_;
  std::string happened_;
  std::mt19937_64 random_{11};
  int cuts_ = 0;
};

TEST_F(NoticerTest, NoticesAFaultOnceKeepsItAndClosesIt) {
  Insert(0, 300, 20 * kMilli);
  Insert(300, 560, 300 * kMilli);
  Insert(560, 900, 20 * kMilli);
  NoticerOptions options;
  options.window = std::chrono::seconds(300);
  options.again = std::chrono::seconds(40);
  {
    Noticer noticer(*store_, options, Note());
    EXPECT_EQ(Watch(noticer, 120, 300), "");
    EXPECT_EQ(Watch(noticer, 300, 460), "opened cart ");
  }
  // It lasts across a restart, and is not opened again.
  store_.reset();
  Open();
  Noticer noticer(*store_, options, Note());
  EXPECT_EQ(Watch(noticer, 460, 560), "");
  EXPECT_EQ(Watch(noticer, 560, 900), "closed cart ");
  const model::RequestContext context;
  const auto kept = store::IncidentTable(*store_, context).List({kNow, kNow + 2000 * kSecond}, 10);
  ASSERT_TRUE(kept) << kept.error().message;
  ASSERT_EQ(kept->size(), 1u);
  EXPECT_EQ(kept->front().kind, "latency");
  EXPECT_NEAR(static_cast<double>(kept->front().onset - kNow) / kSecond, 300, 15);
  EXPECT_GT(kept->front().closed, kNow + 560 * kSecond);
}

TEST_F(NoticerTest, LooksAgainSoonAfterAFirstFind) {
  // It begins where nothing is usual yet for Suspicion: before the program was started.
  Insert(0, 400, 20 * kMilli);
  Insert(400, 600, 300 * kMilli);
  NoticerOptions options;
  options.window = std::chrono::seconds(500);
  Noticer noticer(*store_, options, Note());
  EXPECT_EQ(Watch(noticer, 500, 600), "opened cart ");
}

TEST_F(NoticerTest, IsSilentWhereNothingIsWrong) {
  Insert(0, 600, 20 * kMilli);
  Noticer noticer(*store_, {}, Note());
  EXPECT_EQ(Watch(noticer, 20, 600), "");
}

TEST_F(NoticerTest, CopesWithAnEmptyStore) {
  Noticer noticer(*store_, {}, Note());
  EXPECT_EQ(Watch(noticer, 0, 100), "");
  noticer.Start();
  noticer.Stop();
}

}  // namespace
}  // namespace clew::watch
