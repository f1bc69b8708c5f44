// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/attribute_counter.h"

#include <gtest/gtest.h>

#include <string>

namespace clew::query::evidence {
namespace {

void AddSpan(model::SpanBatch& batch, int number, bool is_error) {
  const auto text = [&](std::string_view key, std::string_view value) {
    return model::KeyValue{batch.strings.Intern(key), 0, model::Value::String(batch.strings.Intern(value))};
  };
  const model::Range resource = batch.attributes.AddKeyValues({text("service.version", is_error ? "2.1" : "2.0")});
  batch.resources.push_back({resource, 0, 0});
  batch.scopes.push_back({});
  const size_t row = batch.AddRow();
  batch.resource[row] = static_cast<uint32_t>(batch.resources.size() - 1);
  batch.scope[row] = batch.resource[row];
  batch.status_code[row] = is_error ? model::StatusCode::kError : model::StatusCode::kUnset;
  batch.attribute_range[row] =
      batch.attributes.AddKeyValues({text("region", number % 2 == 0 ? "eu" : "us"),
                                     text("request.id", std::to_string(number)),
                                     {batch.strings.Intern("items"), 0, model::Value::Int(number % 3)}});
}

const model::AttributeCount* Find(const std::vector<model::AttributeCount>& counts, std::string_view key,
                                  std::string_view value) {
  for (const model::AttributeCount& count : counts) {
    if (count.key == key && count.value == value) return &count;
  }
  return nullptr;
}

TEST(AttributeCounter, CountsRowsAndTheirResources) {
  AttributeCounter counter;
  for (int part = 0; part < 3; ++part) {
    model::SpanBatch batch;
    for (int i = 0; i < 400; ++i) AddSpan(batch, 400 * part + i, i % 10 == 0);
    counter.Add(
        batch, [](size_t row) { return row != 1; },
        [&](size_t row) { return batch.status_code[row] == model::StatusCode::kError; });
  }
  EXPECT_EQ(counter.inside(), 120u);
  EXPECT_EQ(counter.outside(), 1077u);
  const auto counts = counter.Counts();
  ASSERT_NE(Find(counts, "service.version", "2.1"), nullptr);
  EXPECT_EQ(Find(counts, "service.version", "2.1")->inside, 120u);
  EXPECT_EQ(Find(counts, "service.version", "2.1")->outside, 0u);
  EXPECT_EQ(Find(counts, "region", "eu")->inside, 120u);
  EXPECT_EQ(Find(counts, "items", "1")->inside + Find(counts, "items", "1")->outside, 400u - 1u);
  // Every row has its own: an identifier.
  EXPECT_EQ(Find(counts, "request.id", "7"), nullptr);
}

TEST(AttributeCounter, NothingGivesNothing) {
  AttributeCounter counter;
  counter.Add(model::LogBatch(), [](size_t) { return true; }, [](size_t) { return true; });
  EXPECT_TRUE(counter.Counts().empty());
  EXPECT_EQ(counter.inside() + counter.outside(), 0u);
}

}  // namespace
}  // namespace clew::query::evidence
