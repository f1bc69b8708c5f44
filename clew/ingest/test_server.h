// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "clew/ingest/ingest.h"
#include "clew/store/store.h"
#include "clew/store/wal/test_batches.h"
#include "clew/store/write_path.h"

// A server without its network, and numbered requests for it: what a crash may lose or double is seen by the numbers.
namespace clew::ingest {

// The rows of request `number` are numbered from FirstRow on; what the request is follows from its number.
inline constexpr uint64_t kRowsApart = 100;
inline uint64_t FirstRow(uint64_t number) { return number * kRowsApart; }
inline size_t RowsOf(uint64_t number) { return 1 + number * 7919 % 20; }
enum class RequestKind : uint8_t { kSpans, kLogs, kSeries };
inline RequestKind KindOf(uint64_t number) { return static_cast<RequestKind>(number % 3); }
inline constexpr std::string_view kTenants[] = {"anonymous", "other"};
inline std::string_view TenantOf(uint64_t number) { return kTenants[number / 3 % 2]; }

// Store, write path and ingest on one folder; closed in order by Close or the destructor.
struct TestServer {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::WritePath> path;
  std::unique_ptr<Ingest> ingest;

  TestServer() = default;
  TestServer(TestServer&&) = default;
  TestServer& operator=(TestServer&&) = delete;
  ~TestServer() { Close(std::chrono::seconds(30)); }

  // Short waits and small segments, so that a short run meets many cuts and deletions; `files` outlives the server.
  static base::Result<TestServer> Open(const std::string& folder, store::wal::Files& files, size_t cut_rows) {
    TestServer server;
    store::StoreOptions store_options;
    store_options.data_dir = folder;
    CLEW_ASSIGN_OR_RETURN(server.store, store::Store::Open(store_options));
    store::WritePathOptions options;
    options.log.folder = folder + "/wal";
    options.log.files = &files;
    options.log.segment_bytes = 256u << 10;
    options.cut_rows = cut_rows;
    options.cut_interval = std::chrono::milliseconds(20);
    CLEW_ASSIGN_OR_RETURN(server.path, store::WritePath::Open(std::move(options), *server.store));
    server.ingest = std::make_unique<Ingest>(*server.path);
    return server;
  }

  void Send(uint64_t number, Done done) {
    model::RequestContext context;
    context.tenant = *model::TenantId::Parse(TenantOf(number));
    const base::Hash128 hash{number, 1};
    const uint64_t first = FirstRow(number);
    const size_t rows = RowsOf(number);
    switch (KindOf(number)) {
      case RequestKind::kSpans:
        ingest->Write(context, *store::wal::TestSpans(first, rows), hash, std::move(done));
        break;
      case RequestKind::kLogs: ingest->Write(context, *store::wal::TestLogs(first, rows), hash, std::move(done)); break;
      case RequestKind::kSeries:
        ingest->Write(context, *store::wal::TestSeries(first, rows), hash, std::move(done));
        break;
    }
  }

  void Close(std::chrono::milliseconds patience) {
    if (ingest) ingest->Close();
    if (path) path->Close(std::chrono::steady_clock::now() + patience);
    ingest.reset();
    path.reset();
    store.reset();
  }
};

}  // namespace clew::ingest
