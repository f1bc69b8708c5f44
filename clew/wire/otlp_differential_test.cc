// SPDX-License-Identifier: Apache-2.0
// Clew's decoders and encoders against protobuf's, over random messages and what is left of them after some damage.
#include <gtest/gtest.h>

#include <memory>

#include "clew/wire/otlp_oracle_test.h"

namespace clew::wire::testing {
namespace {

std::unique_ptr<google::protobuf::Message> RequestOf(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return std::make_unique<testdata::Traces>();
    case Signal::kLogs: return std::make_unique<testdata::Logs>();
    case Signal::kMetrics: return std::make_unique<testdata::Metrics>();
  }
  return nullptr;
}

class Differential : public ::testing::TestWithParam<Signal> {};

TEST_P(Differential, RandomMessagesDecodeAsByProtobuf) {
  std::mt19937 random(7);
  size_t bytes_read = 0;
  for (int i = 0; i < 400; ++i) {
    const auto message = RequestOf(GetParam());
    FillAtRandom(*message, random);
    const std::string bytes = message->SerializeAsString();
    bytes_read += bytes.size();
    ASSERT_EQ(CompareWithProtobuf(GetParam(), bytes), "") << "message " << i;
  }
  EXPECT_GT(bytes_read, 400'000u);
}

// Two messages one after the other are their merger, and so are their submessages.
TEST_P(Differential, MergedMessagesDecodeAsByProtobuf) {
  std::mt19937 random(8);
  for (int i = 0; i < 200; ++i) {
    const auto first = RequestOf(GetParam());
    const auto second = RequestOf(GetParam());
    FillAtRandom(*first, random);
    FillAtRandom(*second, random);
    ASSERT_EQ(CompareWithProtobuf(GetParam(), first->SerializeAsString() + second->SerializeAsString()), "") << i;
  }
}

TEST_P(Differential, DamagedMessagesAreJudgedAsByProtobuf) {
  std::mt19937 random(9);
  for (int i = 0; i < 60; ++i) {
    const auto message = RequestOf(GetParam());
    FillAtRandom(*message, random, 1);
    const std::string bytes = message->SerializeAsString().substr(0, 4000);
    for (int j = 0; j < 60; ++j) ASSERT_EQ(CompareWithProtobuf(GetParam(), Mutate(bytes, random)), "") << i << ' ' << j;
  }
}

INSTANTIATE_TEST_SUITE_P(Signals, Differential, ::testing::Values(Signal::kTraces, Signal::kLogs, Signal::kMetrics),
                         [](const auto& test) {
                           switch (test.param) {
                             case Signal::kTraces: return "Traces";
                             case Signal::kLogs: return "Logs";
                             case Signal::kMetrics: return "Metrics";
                           }
                           return "";
                         });

}  // namespace
}  // namespace clew::wire::testing
