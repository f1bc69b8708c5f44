// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "clew/engine/engine.h"
#include "clew/engine/errors.h"
#include "clew/engine/native_block.h"
#include "clew/engine/native_type.h"
#include "clew/engine/native_writer.h"

namespace clew::engine {
namespace {

std::string BytesOf(const EncodedBlock& block) { return block.Joined(); }

TEST(Type, ParsesWhatClickHouseWrites) {
  for (const std::string text : {"UInt8",
                                 "UInt16",
                                 "UInt32",
                                 "UInt64",
                                 "Int8",
                                 "Int16",
                                 "Int32",
                                 "Int64",
                                 "Float64",
                                 "Bool",
                                 "Date",
                                 "DateTime",
                                 "String",
                                 "FixedString(16)",
                                 "LowCardinality(String)",
                                 "Nullable(UInt64)",
                                 "Array(Array(Float64))",
                                 "Map(LowCardinality(String), String)",
                                 "Tuple(UInt8, Array(String))",
                                 "DateTime64(9)"}) {
    const auto type = ParseType(text);
    ASSERT_TRUE(type) << text;
    EXPECT_EQ(type->ToString(), text);
  }
  EXPECT_EQ(ParseType("DateTime64(9, 'UTC')")->ToString(), "DateTime64(9)");
  EXPECT_EQ(ParseType("DateTime('Europe/Berlin')")->ToString(), "DateTime");
  EXPECT_EQ(ParseType("Tuple(a UInt8, b Tuple(c String))")->ToString(), "Tuple(UInt8, Tuple(String))");
}

TEST(Type, RefusesWhatIsNone) {
  for (const std::string text :
       {"", "(", "UInt8)", "Array", "Array(", "Array()", "Array(UInt8", "Map(String)", "FixedString(0)",
        "FixedString(99999999)", "FixedString(x)", "Tuple()", "DateTime64(10)", "DateTime64(3,)"}) {
    const auto type = ParseType(text);
    ASSERT_FALSE(type) << text;
    EXPECT_EQ(type.error().code, base::Code::kInvalidArgument) << text;
  }
  for (const std::string text : {"JSON", "Decimal(9, 2)", "LowCardinality(UInt8)", "Nullable(Array(UInt8))", "UUID"}) {
    const auto type = ParseType(text);
    ASSERT_FALSE(type) << text;
    EXPECT_EQ(type.error().code, base::Code::kUnimplemented) << text;
  }
  std::string deep = "UInt8";
  for (int i = 0; i < 100; ++i) deep = "Array(" + deep + ")";
  EXPECT_EQ(ParseType(deep).error().code, base::Code::kInvalidArgument);
}

// A column of each kind.
struct SampleColumns {
  FixedColumn<uint64_t> numbers;
  FixedColumn<std::array<char, 16>> ids;
  FixedColumn<double> doubles;
  StringColumn texts;
  LowCardinalityColumn words;
  MapColumn map;
  ArrayColumn<ArrayColumn<FixedColumn<int32_t>>> nested;

  void Fill(size_t distinct) {
    for (size_t i = 0; i < distinct; ++i) {
      numbers.Add(i);
      ids.Add({static_cast<char>(i), 'x'});
      doubles.Add(i % 2 == 0 ? std::nan("") : static_cast<double>(i));
      texts.Add(std::string(i % 300, 'a'));
      words.Add(i % 3 == 0 ? "" : "word" + std::to_string(i));
      map.keys().Add("k");
      map.keys().Add("k" + std::to_string(i));
      map.values().Add("");
      map.values().Add("v");
      map.EndRow();
      nested.element().element().Add(static_cast<int32_t>(i));
      nested.element().EndRow();
      nested.element().EndRow();
      nested.EndRow();
    }
  }
  void Clear() {
    numbers.Clear();
    ids.Clear();
    doubles.Clear();
    texts.Clear();
    words.Clear();
    map.Clear();
    nested.Clear();
  }
  EncodedBlock Block(BlockBytes::Columns kept) const {
    BlockWriter writer(numbers.size(), kept);
    writer.Add("numbers", "UInt64", numbers);
    writer.Add("ids", "FixedString(16)", ids);
    writer.Add("doubles", "Float64", doubles);
    writer.Add("texts", "String", texts);
    writer.Add("words", "LowCardinality(String)", words);
    writer.Add("map", "Map(LowCardinality(String), String)", map);
    writer.Add("nested", "Array(Array(Int32))", nested);
    return std::move(writer).Finish();
  }
};

EncodedBlock SampleBlock(size_t distinct) {
  SampleColumns columns;
  columns.Fill(distinct);
  return columns.Block(BlockBytes::Columns::kCopied);
}

TEST(Native, ColumnsAreUsedAgain) {
  SampleColumns columns;
  // More rows, then fewer: nothing of an earlier block is left in a later one.
  for (const size_t rows : {300, 70'000, 5, 0, 1000}) {
    columns.Clear();
    columns.Fill(rows);
    const std::string copied = BytesOf(SampleBlock(rows));
    EXPECT_EQ(BytesOf(columns.Block(BlockBytes::Columns::kCopied)), copied);
    EXPECT_EQ(BytesOf(columns.Block(BlockBytes::Columns::kBorrowed)), copied);
  }
}

TEST(Native, WhatIsWrittenIsRead) {
  // Dictionaries with indexes of one, two and four bytes.
  for (const size_t rows : {0, 1, 255, 256, 257, 70'000}) {
    std::string bytes = BytesOf(SampleBlock(rows));
    std::string_view rest = bytes;
    const auto block = DecodeBlock(rest);
    ASSERT_TRUE(block) << block.error().message;
    EXPECT_TRUE(rest.empty());
    ASSERT_EQ(block->rows, rows);
    ASSERT_EQ(block->columns.size(), 7u);
    for (size_t i = 0; i < rows; ++i) {
      ASSERT_EQ((*block)[0].At<uint64_t>(i), i);
      ASSERT_EQ((*block)[1].Text(i).size(), 16u);
      ASSERT_EQ(std::isnan((*block)[2].At<double>(i)), i % 2 == 0);
      ASSERT_EQ((*block)[3].Text(i), std::string(i % 300, 'a'));
      ASSERT_EQ((*block)[4].Text(i), i % 3 == 0 ? "" : "word" + std::to_string(i));
      const auto [first, last] = (*block)[5].Elements(i);
      ASSERT_EQ(last - first, 2u);
      ASSERT_EQ((*block)[5].element(0).Text(first + 1), "k" + std::to_string(i));
      ASSERT_EQ((*block)[5].element(1).Text(first + 1), "v");
      const auto [outer, outer_last] = (*block)[6].Elements(i);
      ASSERT_EQ(outer_last - outer, 2u);
      const auto [inner, inner_last] = (*block)[6].element().Elements(outer);
      ASSERT_EQ(inner_last - inner, 1u);
      ASSERT_EQ((*block)[6].element().element().At<int32_t>(inner), static_cast<int32_t>(i));
    }
  }
}

TEST(Native, RowsAreReordered) {
  constexpr size_t kRows = 500;
  SampleColumns columns;
  columns.Fill(kRows);
  std::vector<uint32_t> order(kRows);
  for (uint32_t i = 0; i < kRows; ++i) order[i] = i * 77 % kRows;
  ReorderRoom room;
  columns.numbers.Reorder(order, room);
  columns.ids.Reorder(order, room);
  columns.doubles.Reorder(order, room);
  columns.texts.Reorder(order, room);
  columns.words.Reorder(order, room);
  columns.map.Reorder(order, room);
  columns.nested.Reorder(order, room);
  const std::string bytes = BytesOf(columns.Block(BlockBytes::Columns::kBorrowed));
  std::string_view rest = bytes;
  const auto block = DecodeBlock(rest);
  ASSERT_TRUE(block) << block.error().message;
  for (size_t row = 0; row < kRows; ++row) {
    const size_t i = order[row];
    ASSERT_EQ((*block)[0].At<uint64_t>(row), i);
    ASSERT_EQ((*block)[1].Text(row)[0], static_cast<char>(i));
    ASSERT_EQ((*block)[3].Text(row), std::string(i % 300, 'a'));
    ASSERT_EQ((*block)[4].Text(row), i % 3 == 0 ? "" : "word" + std::to_string(i));
    const auto [first, last] = (*block)[5].Elements(row);
    ASSERT_EQ(last - first, 2u);
    ASSERT_EQ((*block)[5].element(0).Text(first + 1), "k" + std::to_string(i));
    ASSERT_EQ((*block)[5].element(1).Text(first + 1), "v");
    const auto [outer, outer_last] = (*block)[6].Elements(row);
    ASSERT_EQ(outer_last - outer, 2u);
    const auto [inner, inner_last] = (*block)[6].element().Elements(outer);
    ASSERT_EQ(inner_last - inner, 1u);
    ASSERT_EQ((*block)[6].element().element().At<int32_t>(inner), static_cast<int32_t>(i));
  }
}

TEST(Native, EveryTruncationIsAnError) {
  const std::string bytes = BytesOf(SampleBlock(5));
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view rest = std::string_view(bytes).substr(0, size);
    const auto block = DecodeBlock(rest);
    ASSERT_FALSE(block) << size;
    EXPECT_EQ(block.error().code, base::Code::kInvalidArgument) << size;
    EXPECT_EQ(rest.size(), size);
  }
}

TEST(Native, BoundsMemoryAndRows) {
  const std::string bytes = BytesOf(SampleBlock(1000));
  std::string_view rest = bytes;
  EXPECT_EQ(DecodeBlock(rest, {.max_rows = 999, .max_bytes = 1 << 30}).error().code, base::Code::kOutOfRange);
  EXPECT_EQ(DecodeBlock(rest, {.max_rows = 1000, .max_bytes = 10'000}).error().code, base::Code::kOutOfRange);
  // A header that promises 2^60 rows.
  const std::string huge("\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x01n\x05UInt8", 17);
  rest = huge;
  EXPECT_EQ(DecodeBlock(rest).error().code, base::Code::kOutOfRange);
}

TEST(Parameters, AreEscapedTexts) {
  Parameters parameters;
  parameters.Text("a", "x\ty'\\\n").Texts("b", std::vector<std::string>{"o'k", "\\", ""});
  parameters.Uints("c", std::vector<uint64_t>{1, 18446744073709551615u}).Float("d", -INFINITY).Int("e", -5);
  EXPECT_EQ(parameters.entries()[0].value, "x\\ty\\'\\\\\\n");
  EXPECT_EQ(parameters.entries()[1].value, "['o\\'k','\\\\','']");
  EXPECT_EQ(parameters.entries()[2].value, "[1,18446744073709551615]");
  EXPECT_EQ(parameters.entries()[3].value, "-inf");
  EXPECT_EQ(parameters.entries()[4].value, "-5");
}

TEST(Errors, CodesAreMapped) {
  EXPECT_EQ(ErrorOf("Code: 241. DB::Exception: Query memory limit exceeded").code, base::Code::kResourceExhausted);
  EXPECT_EQ(ErrorOf("Code: 159. DB::Exception: Timeout exceeded").code, base::Code::kDeadlineExceeded);
  EXPECT_EQ(ErrorOf("Code: 60. DB::Exception: no table").code, base::Code::kNotFound);
  EXPECT_EQ(ErrorOf("Code: 75. DB::ErrnoException: Cannot write: errno: 28, strerror: No space left on device").code,
            base::Code::kResourceExhausted);
  EXPECT_EQ(ErrorOf("Code: 40. DB::Exception: Checksum").code, base::Code::kDataLoss);
  EXPECT_EQ(ErrorOf("whatever").code, base::Code::kInternal);
  const base::Error error = ErrorOf("Code: 999. DB::Exception: a\nb " + std::string(1000, 'x'));
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
  EXPECT_LT(error.message.size(), 400u);
}

}  // namespace
}  // namespace clew::engine
