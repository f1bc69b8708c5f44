// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <thread>
#include <vector>

#include "clew/base/log.h"
#include "clew/ingest/test_server.h"
#include "clew/store/log_reader.h"
#include "clew/store/span_reader.h"
#include "clew/store/store_state.h"
#include "tools/crash/history.h"
#include "tools/crash/served.h"

namespace clew::crash {
namespace {

using namespace std::chrono_literals;

// Numbers of rows by tenant and table.
using Rows = std::map<std::string, std::vector<uint64_t>>;

std::string KeyOf(std::string_view tenant, ingest::RequestKind kind) {
  static constexpr const char* kTables[] = {"spans", "logs", "samples"};
  return fmt::format("{} of tenant {}", kTables[static_cast<size_t>(kind)], tenant);
}

bool IsDamaged(const History& history, uint64_t row) { return history.damaged.contains(row / ingest::kRowsApart); }

base::Status ReadTenant(store::Store& store, std::string_view tenant, Rows& rows) {
  model::RequestContext context;
  CLEW_ASSIGN_OR_RETURN(context.tenant, model::TenantId::Parse(tenant));
  context.deadline = std::chrono::steady_clock::now() + 200s;
  auto& spans = rows[KeyOf(tenant, ingest::RequestKind::kSpans)];
  CLEW_RETURN_IF_ERROR(store::SpanReader(store, context).Scan({}, [&](const model::SpanBatch& batch) -> base::Status {
    for (const model::SpanId& id : batch.span_id) {
      uint64_t number = 0;
      std::memcpy(&number, id.bytes.data(), sizeof number);
      spans.push_back(number);
    }
    return {};
  }));
  auto& logs = rows[KeyOf(tenant, ingest::RequestKind::kLogs)];
  store::LogQuery query;
  query.limit = 0;
  CLEW_RETURN_IF_ERROR(store::LogReader(store, context).Scan(query, [&](const model::LogBatch& batch) -> base::Status {
    for (const uint64_t time : batch.time) logs.push_back(time - 1'700'000'000'000'000'000);
    return {};
  }));
  // A reader gives a sample once however often it stands there, so the table itself is asked.
  auto& samples = rows[KeyOf(tenant, ingest::RequestKind::kSeries)];
  store::Question question;
  question.signal = store::Signal::kMetrics;
  CLEW_RETURN_IF_ERROR(store.state().Flush(question, context));
  engine::Parameters parameters;
  parameters.Text("tenant", tenant);
  return store.state().engine().Query("SELECT value FROM samples WHERE tenant = {tenant:String}", parameters, {},
                                      [&](const engine::Block& block) -> base::Status {
                                        for (const double value : block[0].Values<double>())
                                          samples.push_back(static_cast<uint64_t>(value));
                                        return {};
                                      });
}

Rows Expected(const History& history) {
  Rows rows;
  for (const uint64_t number : history.sent) {
    auto& own = rows[KeyOf(ingest::TenantOf(number), ingest::KindOf(number))];
    for (uint64_t row = 0; row < ingest::RowsOf(number); ++row) own.push_back(ingest::FirstRow(number) + row);
  }
  return rows;
}

void SendUnanswered(ingest::TestServer& server, const History& history) {
  for (const uint64_t number : history.unanswered) {
    std::atomic<int> state = 0;
    while (state != 1) {
      state = 0;
      server.Send(number, [&](const base::Result<ingest::Outcome>& outcome) { state = outcome ? 1 : 2; });
      while (state == 0) std::this_thread::sleep_for(100us);
      if (state == 2) std::this_thread::sleep_for(10ms);
    }
  }
}

// The numbers that `rows` has and `others` has not, both sorted; one that stands twice must stand twice in both.
std::vector<uint64_t> Without(const std::vector<uint64_t>& rows, const std::vector<uint64_t>& others) {
  std::vector<uint64_t> left;
  std::ranges::set_difference(rows, others, std::back_inserter(left));
  return left;
}

}  // namespace

int Verify(const std::string& folder, const std::string& history_path) {
  base::SetLogLevel(base::LogLevel::kError);
  const auto history = History::Load(history_path);
  auto server = ingest::TestServer::Open(folder, store::wal::Files::System(), 100'000);
  if (!history || !server) {
    std::fprintf(stderr, "%s\n", (history ? server.error() : history.error()).message.c_str());
    return 4;
  }
  SendUnanswered(*server, *history);
  Rows found;
  for (const std::string_view tenant : ingest::kTenants) {
    if (const base::Status status = ReadTenant(*server->store, tenant, found); !status) {
      std::fprintf(stderr, "%s\n", status.error().message.c_str());
      return 4;
    }
  }
  Rows expected = Expected(*history);
  int problems = 0;
  for (auto& [table, rows] : found) {
    std::vector<uint64_t>& wanted = expected[table];
    for (std::vector<uint64_t>* numbers : {&rows, &wanted}) {
      std::erase_if(*numbers, [&](uint64_t row) { return IsDamaged(*history, row); });
      std::ranges::sort(*numbers);
    }
    for (const auto& [what, numbers] :
         {std::pair{"lost", Without(wanted, rows)}, std::pair{"too many", Without(rows, wanted)}}) {
      if (numbers.empty()) continue;
      ++problems;
      std::fprintf(stderr, "%s: %zu rows %s, the first %llu of request %llu\n", table.c_str(), numbers.size(), what,
                   static_cast<unsigned long long>(numbers[0]),
                   static_cast<unsigned long long>(numbers[0] / ingest::kRowsApart));
    }
  }
  return problems == 0 ? 0 : 1;
}

}  // namespace clew::crash
