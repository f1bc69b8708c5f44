// SPDX-License-Identifier: Apache-2.0
// What a disk has changed in the files of the tables.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "clew/store/span_reader.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"
#include "clew/store/wal/test_batches.h"

namespace clew::store {
namespace {

class BrokenPartTest : public StoreTest {
 protected:
  // Two parts of table spans, of which the second is of the day before.
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_TRUE(Insert(*wal::TestSpans(1, 2000)));
    ASSERT_TRUE(Insert(*wal::TestSpans(10'001, 2000), "anonymous", {}, kNow - 86'400 * kSecond));
    store_.reset();
  }
  // The file of the largest part of the day before.
  std::filesystem::path FileOf(std::string_view name) {
    std::filesystem::path largest;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/engine/store")) {
      if (entry.path().filename() != "data.bin" || !entry.path().string().contains("/20261123_")) continue;
      if (largest.empty() || entry.file_size() > std::filesystem::file_size(largest)) largest = entry.path();
    }
    return largest.parent_path() / name;
  }
  static void Flip(const std::filesystem::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(path) / 2);
    file.seekg(middle);
    const char byte = static_cast<char>(file.get());
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 0x10));
  }
  base::Result<size_t> CountSpans() {
    const model::RequestContext context = ContextOf();
    size_t count = 0;
    CLEW_RETURN_IF_ERROR(SpanReader(*store_, context).Scan({}, [&](const model::SpanBatch& batch) -> base::Status {
      count += batch.size();
      return {};
    }));
    return count;
  }
};

TEST_F(BrokenPartTest, OneThatAReadFindsIsNamedAndSetAside) {
  Flip(FileOf("data.bin"));
  Open();
  const auto first = CountSpans();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, base::Code::kDataLoss);
  EXPECT_NE(first.error().message.find("part 20261123_"), std::string::npos) << first.error().message;
  EXPECT_NE(first.error().message.find("table spans"), std::string::npos) << first.error().message;
  const auto second = CountSpans();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(*second, 2000u);
  EXPECT_EQ(store_->parts_aside(), 1u);
}

TEST_F(BrokenPartTest, OneThatCannotBeOpenedDoesNotKeepTheOthers) {
  std::filesystem::remove(FileOf("columns.txt"));
  std::filesystem::resize_file(FileOf("checksums.txt"), 3);
  Open();
  const auto count = CountSpans();
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 2000u);
  EXPECT_EQ(store_->parts_aside(), 1u);
}

}  // namespace
}  // namespace clew::store
