// SPDX-License-Identifier: Apache-2.0
// Ingest over the real store.
#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "clew/ingest/test_server.h"
#include "clew/store/span_reader.h"

namespace clew::ingest {
namespace {

TEST(ReadOwnWrites, EveryReadSeesWhatWasAcknowledgedBefore) {
  const store::wal::TestFolder folder;
  auto server = TestServer::Open(folder.path(), store::wal::Files::System(), 100'000);
  ASSERT_TRUE(server) << server.error().message;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 10; ++i) {
        const uint64_t number = 6 * (1 + t * 100 + i);  // spans of the first tenant
        std::promise<base::Result<Outcome>> done;
        server->Send(number, [&](base::Result<Outcome> outcome) { done.set_value(std::move(outcome)); });
        ASSERT_TRUE(done.get_future().get());
        const model::RequestContext context;
        const auto trace = store::SpanReader(*server->store, context).Trace(store::wal::TestTraceId(FirstRow(number)));
        ASSERT_TRUE(trace) << trace.error().message;
        EXPECT_EQ(trace->size(), 1u);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace clew::ingest
