// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <latch>
#include <limits>

#include "clew/base/bytes.h"
#include "clew/base/file.h"
#include "clew/base/hash.h"
#include "clew/base/json_reader.h"
#include "clew/base/json_writer.h"
#include "clew/base/periodic_thread.h"
#include "clew/base/time.h"

namespace clew::base {
namespace {

TEST(Time, ReadsWhatPeopleAndApisWrite) {
  constexpr UnixNanos kNow = 1'764'013'200 * kNanosPerSecond;
  EXPECT_EQ(ParseTime("now", kNow), kNow);
  EXPECT_EQ(ParseTime("-15m", kNow), kNow - 900 * kNanosPerSecond);
  EXPECT_EQ(ParseTime("now-1h30m", kNow), kNow - 5400 * kNanosPerSecond);
  EXPECT_EQ(ParseTime("1764013200", 0), kNow);
  EXPECT_EQ(ParseTime("1764013200.25", 0), kNow + kNanosPerSecond / 4);
  EXPECT_EQ(ParseTime("1764013200000", 0), kNow);
  EXPECT_EQ(ParseTime("1764013200000000000", 0), kNow);
  EXPECT_EQ(ParseTime("2025-11-24T19:40:00Z", 0), kNow);
  EXPECT_EQ(ParseTime("2025-11-24T20:40:00.5+01:00", 0), kNow + kNanosPerSecond / 2);
  for (const char* wrong : {"", "yesterday", "2025-13-01T00:00:00Z", "-15x", "nowhere", "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseTime(wrong, kNow)) << wrong;
  }
}

TEST(Time, FormatsRoundTrip) {
  for (const UnixNanos time : {UnixNanos{0}, UnixNanos{1}, 1'764'013'200'123'456'789, -kNanosPerSecond / 2}) {
    EXPECT_EQ(ParseTime(FormatTime(time), 0), time) << FormatTime(time);
  }
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatDuration(std::chrono::microseconds(20'100)), "20.1 ms");
}

TEST(Time, Durations) {
  EXPECT_EQ(ParseDuration("1h30m")->count(), 5400 * kNanosPerSecond);
  EXPECT_EQ(ParseDuration("250ms")->count(), kNanosPerSecond / 4);
  EXPECT_EQ(ParseDuration("1.5")->count(), 3 * kNanosPerSecond / 2);
  EXPECT_EQ(ParseDuration("30d")->count(), 30 * 86400 * kNanosPerSecond);
  for (const char* wrong : {"", "5x", "m", "-5m", "1e300h"}) EXPECT_FALSE(ParseDuration(wrong)) << wrong;
}

TEST(Bytes, HexAndBase64) {
  uint8_t id[4] = {};
  EXPECT_TRUE(FromHex("00fFa1b2", id));
  EXPECT_EQ(ToHex(id), "00ffa1b2");
  EXPECT_FALSE(FromHex("00ffa1b", id));
  EXPECT_FALSE(FromHex("00ffa1bz", id));
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(FromBase64(ToBase64(text)), text);
  }
  EXPECT_EQ(FromBase64("Zm9vYg"), "foob");
  EXPECT_FALSE(FromBase64("Zm9vY*"));
}

TEST(Bytes, Utf8) {
  EXPECT_TRUE(IsUtf8("grüße 日本 😀"));
  EXPECT_FALSE(IsUtf8("\xC0\x80"));
  EXPECT_FALSE(IsUtf8("\xED\xA0\x80"));
  EXPECT_FALSE(IsUtf8("abcdefgh\xFF"));
  EXPECT_EQ(ToUtf8("a\xFF"
                   "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_TRUE(IsUtf8(ToUtf8("\xF0\x9F\x98 cut \xE6\x97")));
}

TEST(Hash, KnownValues) {
  // RFC 3720 appendix B.4 and the common check value.
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), 0xE3069283U);
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2ULL);
}

TEST(Json, WritesEveryKind) {
  JsonWriter json;
  json.BeginObject().Field("text", "a\"\n\xFF").Field("n", -3).Field("d", 0.1).Field("b", true);
  json.Key("nan").Double(std::nan("")).Key("list").BeginArray().Null().Raw("{\"x\":1}").EndArray().EndObject();
  EXPECT_EQ(json.Take(),
            "{\"text\":\"a\\\"\\n\xEF\xBF\xBD\",\"n\":-3,\"d\":0.1,\"b\":true,\"nan\":\"NaN\","
            "\"list\":[null,{\"x\":1}]}");
}

TEST(Json, ReadsEveryKind) {
  const auto json = ParseJson(R"({"a":[1,-2.5,"x\u00e9",true,null],"n":{"deep":18446744073709551615}})");
  ASSERT_TRUE(json);
  const auto& list = (*json)["a"].AsArray();
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0].AsInt(), 1);
  EXPECT_EQ(list[1].AsDouble(), -2.5);
  EXPECT_EQ(list[2].AsString(), "xé");
  EXPECT_TRUE(list[3].AsBool());
  EXPECT_TRUE(list[4].is_null());
  EXPECT_EQ((*json)["n"]["deep"].AsDouble(), 18446744073709551615.0);
  EXPECT_TRUE((*json)["missing"]["deeper"].is_null());
  for (const std::string& wrong :
       {std::string("{"), std::string(), std::string("[1,]"), std::string("\"\xFF\""), std::string(1000, '[')}) {
    EXPECT_EQ(ParseJson(wrong).error().code, Code::kInvalidArgument) << wrong;
  }
}

TEST(File, ReplacesAtOnce) {
  const std::string path = testing::TempDir() + "/clew_base_file_test";
  ASSERT_TRUE(WriteFileAtomically(path, "one"));
  ASSERT_TRUE(WriteFileAtomically(path, "two"));
  EXPECT_EQ(*ReadFile(path), "two");
  EXPECT_EQ(ReadFile(path, 1).error().code, Code::kOutOfRange);
  EXPECT_EQ(ReadFile(path + ".missing").error().code, Code::kNotFound);
}

TEST(PeriodicThread, WorksAgainAndAgainUntilItIsStopped) {
  std::atomic<int> runs = 0;
  std::latch third(3);
  PeriodicThread thread(std::chrono::milliseconds(1), PeriodicThread::First::kAtOnce, [&] {
    if (++runs <= 3) third.count_down();
  });
  third.wait();
  EXPECT_FALSE(thread.is_stopping());
  thread.Stop();
  const int stopped_at = runs;
  EXPECT_TRUE(thread.is_stopping());
  thread.Stop();
  EXPECT_EQ(runs, stopped_at);
}

TEST(PeriodicThread, WaitsBeforeTheFirstTimeWhereAsked) {
  std::atomic<int> runs = 0;
  {
    const PeriodicThread thread(std::chrono::hours(1), PeriodicThread::First::kAfterInterval, [&] { ++runs; });
  }
  EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace clew::base
