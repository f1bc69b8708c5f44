// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/onset.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace clew::rca {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Calls of several operations, each with a few log lines that it may write.
class Line {
 public:
  explicit Line(uint32_t seed) : random_(seed) {
    for (const char* name : {"service", "op0", "op1", "op2", "op3", "usual", "other", "new"}) {
      evidence_.names.emplace_back(name);
    }
  }

  // `per_second` calls from `from` to `to` (seconds); `share(at)` of the calls of op0 show the new line.
  void Add(int64_t from, int64_t to, double per_second, const std::function<double(int64_t)>& share) {
    const auto gap = static_cast<int64_t>(kSecond / per_second);
    for (int64_t at = from * kSecond; at < to * kSecond; at += gap) {
      model::Segment segment;
      segment.service = 1;
      for (size_t i = 0; i < 4; ++i) segment.trace_id.bytes[8 + i] = static_cast<uint8_t>(++traces_ >> (8 * i));
      segment.operation = std::uniform_int_distribution<model::NameId>(2, 5)(random_);
      segment.start = at;
      segment.end = at + 1000;
      segment.events.first = static_cast<uint32_t>(evidence_.events.size());
      AddLog(at + 1, 6);
      if (Chance(0.3)) AddLog(at + 2, 7);
      if (segment.operation == 2 && Chance(share(at / kSecond))) AddLog(at + 3, 8);
      segment.events.count = static_cast<uint32_t>(evidence_.events.size()) - segment.events.first;
      evidence_.segments.push_back(segment);
    }
  }

  // Everything from `from` (seconds) on is the line, what lies before is usual.
  Turn Find(int64_t from, bool end = false) {
    const Constants constants;
    FeatureTable table(evidence_);
    std::vector<Observation> observations;
    std::vector<uint32_t> all;
    for (const model::Segment& segment : evidence_.segments) {
      all.push_back(static_cast<uint32_t>(all.size()));
      observations.push_back(table.Observe(segment, {}));
    }
    const std::vector<TraceTally> tallies = TallyTraces(evidence_, table, all, observations);
    Counts usual;
    for (const TraceTally& tally : tallies) {
      if (tally.start < from * kSecond) usual.Add(tally);
    }
    TurnSearch search(table, usual, constants);
    for (const TraceTally& tally : tallies) {
      if (tally.start >= from * kSecond) search.Add(tally);
    }
    const int64_t last = tallies.empty() ? 0 : tallies.back().start;
    return end ? search.FindEnd(from * kSecond, last, {}) : search.FindBegin(from * kSecond, last);
  }

  // The whole line, of which nothing is known.
  Stretch FindStretch() {
    const Constants constants;
    FeatureTable table(evidence_);
    std::vector<Observation> observations;
    std::vector<uint32_t> all;
    for (const model::Segment& segment : evidence_.segments) {
      all.push_back(static_cast<uint32_t>(all.size()));
      observations.push_back(table.Observe(segment, {}));
    }
    const Counts none;
    TurnSearch search(table, none, constants);
    for (const TraceTally& tally : TallyTraces(evidence_, table, all, observations)) search.Add(tally);
    return search.FindStretch(evidence_.segments.front().start, evidence_.segments.back().start);
  }

 private:
  void AddLog(int64_t time, model::NameId name) {
    evidence_.events.push_back({time, time, -1, name, model::EventKind::kLog, false});
  }
  bool Chance(double share) { return std::bernoulli_distribution(share)(random_); }

  std::mt19937 random_;
  uint32_t traces_ = 0;
  model::Evidence evidence_;
};

TEST(TurnSearch, FindsTheBeginning) {
  Line line(1);
  line.Add(0, 180, 10, [](int64_t at) { return at >= 130 ? 0.5 : 0; });
  const Turn turn = line.Find(60);
  EXPECT_GT(turn.evidence, Constants().onset_evidence);
  EXPECT_NEAR(static_cast<double>(turn.time) / kSecond, 130, 3);
}

TEST(TurnSearch, FindsItWithoutABaseline) {
  Line line(2);
  line.Add(0, 180, 10, [](int64_t at) { return at >= 130 ? 0.5 : 0; });
  const Turn turn = line.Find(0);
  EXPECT_GT(turn.evidence, Constants().onset_evidence);
  EXPECT_NEAR(static_cast<double>(turn.time) / kSecond, 130, 3);
}

TEST(TurnSearch, AMomentDoesNotHideWhatBeganWithIt) {
  Line line(4);
  // Everything fails for two seconds, then a third goes on failing.
  line.Add(0, 180, 10, [](int64_t at) { return at < 120 ? 0.0 : at < 122 ? 1.0 : 0.3; });
  const Stretch stretch = line.FindStretch();
  EXPECT_GT(stretch.begin.evidence, Constants().onset_evidence);
  EXPECT_NEAR(static_cast<double>(stretch.begin.time) / kSecond, 120, 7);
  EXPECT_GT(static_cast<double>(stretch.end) / kSecond, 150);
}

TEST(TurnSearch, FindsTheEnd) {
  Line line(3);
  line.Add(0, 180, 10, [](int64_t at) { return at >= 60 && at < 120 ? 0.5 : 0; });
  const Turn turn = line.Find(60, true);
  EXPECT_GT(turn.evidence, Constants().onset_evidence);
  EXPECT_NEAR(static_cast<double>(turn.time) / kSecond, 120, 3);
}

TEST(TurnSearch, IsSilentWhereNothingBegan) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Line line(seed);
    line.Add(0, 180, 10, [](int64_t) { return 0.1; });
    EXPECT_LT(line.Find(60).evidence, Constants().onset_evidence) << seed;
    EXPECT_LT(line.Find(0).evidence, Constants().onset_evidence) << seed;
  }
}

TEST(TurnSearch, WhatWasThereAllAlongSaysNothingOfWhen) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Line line(seed);
    // The baseline lies before minute one, the line after it: the new line was there from its first moment on.
    line.Add(0, 60, 10, [](int64_t) { return 0.0; });
    line.Add(600, 720, 10, [](int64_t) { return 0.5; });
    EXPECT_LT(line.Find(600).evidence, Constants().onset_evidence) << seed;
  }
}

TEST(TurnSearch, CopesWithNothing) {
  Line line(1);
  EXPECT_EQ(line.Find(0).evidence, 0);
}

}  // namespace
}  // namespace clew::rca
