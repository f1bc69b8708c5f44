// SPDX-License-Identifier: Apache-2.0
// Data folders of earlier versions of the schema are brought forward with what is in them.
#include <gtest/gtest.h>

#include <filesystem>

#include "clew/engine/chdb_engine.h"
#include "clew/store/rollup.h"
#include "clew/store/rollup_reader.h"
#include "clew/store/schema.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

using namespace std::chrono_literals;

class MigrationTest : public StoreTest {
 protected:
  // A folder as the program of that version would leave it, with two spans of "old" in it.
  void MakeFolder(uint32_t version) {
    store_.reset();
    std::filesystem::remove_all(folder_ + "/engine");
    auto engine = engine::OpenChdb({.data_dir = folder_ + "/engine"});
    ASSERT_TRUE(engine) << engine.error().message;
    const base::Status migrated = MigrateSchema(**engine, version);
    ASSERT_TRUE(migrated) << migrated.error().message;
    for (int span = 1; span <= 2; ++span) {
      const base::Status inserted = (*engine)->Execute(
          "INSERT INTO spans (tenant, arrived, service_name, name, kind, start_time, duration, trace_id, span_id) "
          "SELECT 'anonymous', toDateTime(" +
              std::to_string(kNow / kSecond) + "), 'old', 'GET /', 2, " + std::to_string(kNow) +
              ", 1000, toFixedString('sixteen bytes 16', 16), toFixedString('8 bytes" + std::to_string(span) + "', 8)",
          {}, {});
      ASSERT_TRUE(inserted) << inserted.error().message;
    }
  }
};

TEST_F(MigrationTest, BringsEveryVersionForward) {
  for (uint32_t version = 1; version <= kSchemaVersion; ++version) {
    MakeFolder(version);
    Open();
    const model::RequestContext context = ContextOf();
    EXPECT_EQ(*SpanReader(*store_, context).Services({}), std::vector<std::string>{"old"}) << version;
    RollupOptions options;
    options.stored_up_to = [] { return kNow + 3600 * kSecond; };
    options.interval = 1h;
    {
      Rollup rollup(*store_, options);
      const base::Status status = rollup.Apply();
      ASSERT_TRUE(status) << status.error().message;
    }
    const auto rollups = RollupReader(*store_, context).Spans({});
    ASSERT_TRUE(rollups) << rollups.error().message;
    ASSERT_EQ(rollups->size(), 1u) << version;
    EXPECT_EQ(rollups->front().calls, 2u);
  }
}

}  // namespace
}  // namespace clew::store
