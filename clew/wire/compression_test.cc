// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/compression.h"

#include <gtest/gtest.h>

#include <random>

namespace clew::wire {
namespace {

constexpr size_t kLimit = size_t{1} << 20;
constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kZstd, Compression::kDeflate};
constexpr Compression kPacked[] = {Compression::kGzip, Compression::kZstd, Compression::kDeflate};

std::string Text(size_t size) {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < size) text += random() % 3 == 0 ? "service.name" : std::to_string(random());
  text.resize(size);
  return text;
}

TEST(Compression, WhatIsPackedComesBack) {
  for (const Compression compression : kAll) {
    for (const size_t size : {0, 1, 100, 100'000, 1 << 20}) {
      const std::string text = Text(size);
      const auto packed = Compress(compression, text);
      ASSERT_TRUE(packed);
      const auto unpacked = Decompress(compression, *packed, kLimit);
      ASSERT_TRUE(unpacked) << CompressionName(compression) << size << unpacked.error().message;
      EXPECT_EQ(*unpacked, text);
    }
  }
}

TEST(Compression, TheLimitIsExact) {
  for (const Compression compression : kAll) {
    const std::string text = Text(5000);
    const auto packed = Compress(compression, text);
    EXPECT_TRUE(Decompress(compression, *packed, 5000));
    const auto over = Decompress(compression, *packed, 4999);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, base::Code::kOutOfRange);
    EXPECT_EQ(over.error().message, "the body is over 4999 bytes when decompressed");
    EXPECT_EQ(Decompress(compression, *packed, 0).error().code, base::Code::kOutOfRange);
  }
}

TEST(Compression, ABombIsStoppedAtTheLimit) {
  const std::string zeros(size_t{200} << 20, '\0');
  for (const Compression compression : kPacked) {
    const auto bomb = Compress(compression, zeros);
    ASSERT_TRUE(bomb);
    EXPECT_LT(bomb->size(), 300'000u);
    EXPECT_EQ(Decompress(compression, *bomb, kLimit).error().code, base::Code::kOutOfRange);
  }
}

TEST(Compression, BrokenAndCutOffBodiesAreRefused) {
  const std::string text = Text(3000);
  for (const Compression compression : kPacked) {
    const auto packed = Compress(compression, text);
    for (const size_t size : {size_t{0}, size_t{1}, size_t{5}, packed->size() / 2, packed->size() - 1}) {
      const auto cut = Decompress(compression, std::string_view(*packed).substr(0, size), kLimit);
      ASSERT_FALSE(cut) << CompressionName(compression) << ' ' << size;
      EXPECT_EQ(cut.error().code, base::Code::kInvalidArgument);
    }
    EXPECT_EQ(Decompress(compression, *packed + "rubbish", kLimit).error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(Decompress(compression, "\xff\xff\xff\xff rubbish", kLimit).error().code, base::Code::kInvalidArgument);
  }
}

TEST(Compression, MembersFollowEachOther) {
  const auto first = Compress(Compression::kGzip, "one ");
  const auto second = Compress(Compression::kGzip, "two");
  EXPECT_EQ(*Decompress(Compression::kGzip, *first + *second, kLimit), "one two");
  EXPECT_EQ(Decompress(Compression::kGzip, *first + *second, 6).error().code, base::Code::kOutOfRange);
  const auto frame = Compress(Compression::kZstd, "one ");
  const auto next = Compress(Compression::kZstd, "two");
  EXPECT_EQ(*Decompress(Compression::kZstd, *frame + *next, kLimit), "one two");
  EXPECT_EQ(Decompress(Compression::kZstd, *frame + *next, 6).error().code, base::Code::kOutOfRange);
}

TEST(Compression, DeflateMayLackItsWrapper) {
  const std::string text = Text(3000);
  const auto zlib = Compress(Compression::kDeflate, text);
  // RFC 1950: two bytes before, four behind.
  const std::string_view raw = std::string_view(*zlib).substr(2, zlib->size() - 6);
  const auto unpacked = Decompress(Compression::kDeflate, raw, kLimit);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(*unpacked, text);
}

// A frame header of RFC 8878 that asks for a window of 2^27 bytes and for one of 2^31.
TEST(Compression, AZstdWindowIsBounded) {
  const std::string content = Text(100);
  for (const char window : {'\x88', '\xa8'}) {
    const std::string frame =
        std::string("\x28\xb5\x2f\xfd\x00", 5) + window + std::string("\x21\x03\x00", 3) + content;
    const auto unpacked = Decompress(Compression::kZstd, frame, kLimit);
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code, base::Code::kInvalidArgument);
  }
}

TEST(Compression, Names) {
  EXPECT_EQ(CompressionOf("gzip"), Compression::kGzip);
  EXPECT_EQ(CompressionOf("X-GZIP"), Compression::kGzip);
  EXPECT_EQ(CompressionOf("Zstd"), Compression::kZstd);
  EXPECT_EQ(CompressionOf("deflate"), Compression::kDeflate);
  EXPECT_EQ(CompressionOf(""), Compression::kNone);
  EXPECT_EQ(CompressionOf("identity"), Compression::kNone);
  EXPECT_EQ(CompressionOf("br"), std::nullopt);
  for (const Compression compression : kAll) EXPECT_EQ(CompressionOf(CompressionName(compression)), compression);
}

TEST(Compression, TellsPackedFromOtlp) {
  for (const Compression compression : kPacked) {
    EXPECT_EQ(DetectCompression(*Compress(compression, "text")), compression);
  }
  EXPECT_EQ(DetectCompression("\x0a\x10 resource spans"), Compression::kNone);
  EXPECT_EQ(DetectCompression(""), Compression::kNone);
}

}  // namespace
}  // namespace clew::wire
