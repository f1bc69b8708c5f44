// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "clew/wire/otlp.h"
#include "clew/wire/otlp_oracle_test.h"

namespace clew::wire {
namespace {

using std::chrono::milliseconds;

TEST(PartialSuccess, PlainSuccessIsAnEmptyMessage) {
  EXPECT_EQ(EncodePartialSuccess(Signal::kTraces, 0, "", Format::kProtobuf), "");
  EXPECT_EQ(EncodePartialSuccess(Signal::kTraces, 0, "", Format::kJson), "{}");
}

TEST(PartialSuccess, SaysHowManyAndWhy) {
  testdata::Response response;
  ASSERT_TRUE(
      testing::ParseByProtobuf(EncodePartialSuccess(Signal::kLogs, 300, "wrong ids", Format::kProtobuf), response));
  EXPECT_EQ(response.partial_success().rejected(), 300);
  EXPECT_EQ(response.partial_success().error_message(), "wrong ids");
  EXPECT_EQ(EncodePartialSuccess(Signal::kTraces, 3, "why", Format::kJson),
            R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"why"}})");
  EXPECT_EQ(EncodePartialSuccess(Signal::kLogs, 3, "", Format::kJson),
            R"({"partialSuccess":{"rejectedLogRecords":"3"}})");
  EXPECT_EQ(EncodePartialSuccess(Signal::kMetrics, 3, "", Format::kJson),
            R"({"partialSuccess":{"rejectedDataPoints":"3"}})");
  // A warning.
  EXPECT_EQ(EncodePartialSuccess(Signal::kMetrics, 0, "use gzip", Format::kJson),
            R"({"partialSuccess":{"errorMessage":"use gzip"}})");
}

TEST(PartialSuccess, ComesBack) {
  for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    for (const Format format : {Format::kProtobuf, Format::kJson}) {
      const auto success =
          DecodePartialSuccess(signal, EncodePartialSuccess(signal, 1234567, "a \"reason\"", format), format);
      ASSERT_TRUE(success) << success.error().message;
      EXPECT_EQ(success->rejected, 1234567u);
      EXPECT_EQ(success->message, "a \"reason\"");
    }
  }
  EXPECT_EQ(DecodePartialSuccess(Signal::kTraces, "")->rejected, 0u);
  // Counts below zero are nonsense.
  testdata::Response response;
  response.mutable_partial_success()->set_rejected(-5);
  EXPECT_EQ(DecodePartialSuccess(Signal::kTraces, response.SerializeAsString())->rejected, 0u);
  EXPECT_EQ(DecodePartialSuccess(Signal::kTraces, "<html>").error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(DecodePartialSuccess(Signal::kTraces, "<html>", Format::kJson).error().code, base::Code::kInvalidArgument);
}

TEST(Status, IsGoogleRpcStatus) {
  const base::Error error{base::Code::kResourceExhausted, "queue full", milliseconds(1500)};
  testdata::RpcStatus status;
  ASSERT_TRUE(testing::ParseByProtobuf(EncodeStatus(error, Format::kProtobuf), status));
  EXPECT_EQ(status.code(), 8);
  EXPECT_EQ(status.message(), "queue full");
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(status.details(0).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  testdata::RetryInfo info;
  ASSERT_TRUE(testing::ParseByProtobuf(status.details(0).value(), info));
  EXPECT_EQ(info.retry_delay().seconds(), 1);
  EXPECT_EQ(info.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(EncodeStatus(error, Format::kJson),
            R"({"code":8,"message":"queue full","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo",)"
            R"("retryDelay":"1.500s"}]})");
  EXPECT_EQ(EncodeStatus({base::Code::kInvalidArgument, "no", {}}, Format::kJson), R"({"code":3,"message":"no"})");
}

TEST(Status, ComesBack) {
  for (const Format format : {Format::kProtobuf, Format::kJson}) {
    for (const milliseconds retry : {milliseconds(0), milliseconds(1), milliseconds(90'000)}) {
      const auto status = DecodeStatus(EncodeStatus({base::Code::kUnavailable, "later", retry}, format), format);
      ASSERT_TRUE(status) << status.error().message;
      EXPECT_EQ(status->code, base::Code::kUnavailable);
      EXPECT_EQ(status->message, "later");
      EXPECT_EQ(status->retry_after, retry);
    }
  }
}

TEST(Status, PeersMaySendAnything) {
  testdata::RpcStatus status;
  status.set_code(99);
  status.set_message("\xff");
  auto& detail = *status.add_details();
  detail.set_type_url("type.googleapis.com/google.rpc.RetryInfo");
  testdata::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(INT64_MAX);
  info.mutable_retry_delay()->set_nanos(-1);
  detail.set_value(info.SerializeAsString());
  const auto decoded = DecodeStatus(status.SerializeAsString());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->code, base::Code::kUnknown);
  EXPECT_EQ(decoded->message, "\xEF\xBF\xBD");
  EXPECT_EQ(decoded->retry_after, std::chrono::hours(24));
  EXPECT_EQ(DecodeStatus("not a status").error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(DecodeStatus(R"({"code":"x"})", Format::kJson).error().message,
            "the bytes are no Status: code must be a 32-bit integer");
  EXPECT_EQ(DecodeStatus(R"({"code":14,"details":[{"@type":"x","retryDelay":"soon"}]})", Format::kJson)->retry_after,
            milliseconds(0));
}

}  // namespace
}  // namespace clew::wire
