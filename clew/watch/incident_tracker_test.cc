// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/incident_tracker.h"

#include <gtest/gtest.h>

namespace clew::watch {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

rca::Diagnosis Quiet() { return {}; }

rca::Diagnosis Broken(std::string service, int64_t onset_seconds, int64_t to_seconds) {
  rca::Diagnosis diagnosis;
  diagnosis.incident = true;
  diagnosis.from = onset_seconds * kSecond;
  diagnosis.to = to_seconds * kSecond;
  diagnosis.causes.emplace_back().service = std::move(service);
  return diagnosis;
}

TEST(IncidentTracker, OpensChangesAndClosesOnce) {
  IncidentTracker tracker;
  EXPECT_EQ(tracker.Look(Quiet(), 1000 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Broken("cart", 1010, 1020), 1020 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Broken("cart", 1012, 1040), 1040 * kSecond), Happening::kOpened);
  ASSERT_TRUE(tracker.open());
  const std::string id = tracker.incident()->id;
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(tracker.Look(Broken("cart", 1012, 1060), 1060 * kSecond), Happening::kUpdated);
  EXPECT_EQ(tracker.Look(Broken("stock", 1012, 1080), 1080 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Broken("stock", 1012, 1100), 1100 * kSecond), Happening::kCauseChanged);
  EXPECT_EQ(tracker.incident()->service, "stock");
  EXPECT_EQ(tracker.incident()->id, id);
  EXPECT_EQ(tracker.Look(Quiet(), 1120 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Quiet(), 1140 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Quiet(), 1160 * kSecond), Happening::kClosed);
  EXPECT_FALSE(tracker.open());
  EXPECT_EQ(tracker.incident()->closed, 1160 * kSecond);
  EXPECT_EQ(tracker.Look(Quiet(), 1180 * kSecond), Happening::kNothing);
}

TEST(IncidentTracker, OneLookOpensNothing) {
  IncidentTracker tracker;
  EXPECT_EQ(tracker.Look(Broken("cart", 1000, 1020), 1020 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Quiet(), 1040 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Broken("cart", 1050, 1060), 1060 * kSecond), Happening::kNothing);
  // The next one speaks of another time.
  EXPECT_EQ(tracker.Look(Broken("cart", 500, 1080), 1080 * kSecond), Happening::kNothing);
  EXPECT_FALSE(tracker.open());
}

TEST(IncidentTracker, WhatIsOverOpensNothing) {
  IncidentTracker tracker;
  EXPECT_EQ(tracker.Look(Broken("cart", 1000, 1060), 1500 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Broken("cart", 1000, 1060), 1520 * kSecond), Happening::kNothing);
}

TEST(IncidentTracker, OneQuietLookClosesNothing) {
  IncidentTracker tracker;
  tracker.Restore({"0123456789abcdef", 1000 * kSecond, 1020 * kSecond, 0, "cart", "latency", "", ""});
  EXPECT_TRUE(tracker.open());
  EXPECT_EQ(tracker.Look(Quiet(), 1040 * kSecond), Happening::kNothing);
  EXPECT_EQ(tracker.Look(Broken("cart", 1000, 1060), 1060 * kSecond), Happening::kUpdated);
  EXPECT_EQ(tracker.Look(Quiet(), 1080 * kSecond), Happening::kNothing);
  EXPECT_TRUE(tracker.open());
}

}  // namespace
}  // namespace clew::watch
