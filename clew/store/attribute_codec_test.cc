// SPDX-License-Identifier: Apache-2.0
#include "clew/store/attribute_codec.h"

#include <gtest/gtest.h>

#include "clew/store/sender_directory.h"
#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

std::string BytesOf(const model::BatchBase& batch, model::Range range) {
  std::string bytes;
  AppendBinaryList(batch.attributes, batch.strings, range, bytes);
  return bytes;
}

TEST(AttributeCodec, BinaryFormReadsBack) {
  model::BatchBase batch;
  const std::string bytes = BytesOf(batch, AddRichAttributes(batch));
  model::BatchBase copy;
  std::string_view rest = bytes;
  const auto range = ReadBinaryList(rest, copy.attributes, copy.strings);
  ASSERT_TRUE(range);
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(BytesOf(copy, *range), bytes);
  EXPECT_TRUE(copy.attributes.IsConsistent(copy.strings));
  for (size_t size = 0; size < bytes.size(); ++size) {
    model::BatchBase other;
    std::string_view cut = std::string_view(bytes).substr(0, size);
    EXPECT_EQ(ReadBinaryList(cut, other.attributes, other.strings).error().code, base::Code::kDataLoss);
  }
}

TEST(AttributeCodec, DepthIsBounded) {
  model::BatchBase batch;
  model::Value value = model::Value::Int(1);
  for (int i = 0; i < 100; ++i) value = model::Value::Array(batch.attributes.AddValues({value}));
  std::string bytes;
  AppendBinaryValue(batch.attributes, batch.strings, value, bytes);
  model::BatchBase copy;
  std::string_view rest = bytes;
  EXPECT_TRUE(ReadBinaryValue(rest, copy.attributes, copy.strings));
  // Foreign bytes that go deeper.
  const std::string deep(1000, 'a');
  std::string nested;
  for (const char c : deep) nested += {c, '\1'};
  std::string_view foreign = nested;
  EXPECT_EQ(ReadBinaryValue(foreign, copy.attributes, copy.strings).error().code, base::Code::kDataLoss);
}

TEST(AttributeCodec, RefusesWhatDoesNotFit) {
  model::BatchBase batch;
  const auto code = [&](char kind, std::string_view text, std::string_view extra) {
    const auto value = ReadValue(kind, text, extra, batch.attributes, batch.strings);
    return value ? base::Code::kUnknown : value.error().code;
  };
  EXPECT_EQ(code('i', "12x", ""), base::Code::kDataLoss);
  EXPECT_EQ(code('d', "", ""), base::Code::kDataLoss);
  EXPECT_EQ(code('y', "!", ""), base::Code::kDataLoss);
  EXPECT_EQ(code('a', "[]", ""), base::Code::kDataLoss);
  EXPECT_EQ(code('?', "", ""), base::Code::kDataLoss);
}

TEST(SenderDirectory, RecordsReadBack) {
  const model::SpanBatch batch = RichSpans();
  for (const model::Resource& resource : batch.resources) {
    const std::string record = ResourceRecord(batch, resource);
    model::BatchBase copy;
    const auto read = ReadResourceRecord(record, copy);
    ASSERT_TRUE(read);
    EXPECT_EQ(ResourceRecord(copy, *read), record);
    EXPECT_FALSE(ReadResourceRecord(record + "x", copy));
    EXPECT_FALSE(ReadResourceRecord(std::string_view(record).substr(0, record.size() - 1), copy));
  }
  for (const model::Scope& scope : batch.scopes) {
    const std::string record = ScopeRecord(batch, scope);
    model::BatchBase copy;
    EXPECT_EQ(ScopeRecord(copy, *ReadScopeRecord(record, copy)), record);
  }
}

TEST(SenderDirectory, KnowsWhatStandsInTheTableOfADay) {
  SenderDirectory directory;
  directory.Add("t", 1, 100, "record");
  EXPECT_TRUE(directory.IsKnown("t", 1, 100));
  EXPECT_FALSE(directory.IsKnown("t", 1, 101));
  EXPECT_FALSE(directory.IsKnown("u", 1, 100));
  EXPECT_EQ(*directory.Find("t", 1), "record");
  EXPECT_EQ(directory.Find("u", 1), nullptr);
  directory.Add("t", 1, 101, "record");
  EXPECT_TRUE(directory.IsKnown("t", 1, 101));
  EXPECT_EQ(directory.All("t").size(), 1u);
}

}  // namespace
}  // namespace clew::store
