// SPDX-License-Identifier: Apache-2.0
#include "clew/store/span_reader.h"

#include <algorithm>
#include <thread>

#include "clew/store/peer.h"
#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

class SpanReaderTest : public StoreTest {
 protected:
  std::vector<std::string> Scanned(const SpanFilter& filter, std::string_view tenant = "anonymous") {
    const model::RequestContext context = ContextOf(tenant);
    std::vector<std::string> rows;
    const auto status = SpanReader(*store_, context).Scan(filter, [&](const model::SpanBatch& batch) -> base::Status {
      EXPECT_TRUE(batch.IsConsistent());
      for (size_t row = 0; row < batch.size(); ++row) rows.push_back(Describe(batch, row));
      return {};
    });
    EXPECT_TRUE(status) << status.error().message;
    std::ranges::sort(rows);
    return rows;
  }
  std::vector<TraceSummary> Search(const TraceQuery& query, std::string_view tenant = "anonymous") {
    const model::RequestContext context = ContextOf(tenant);
    auto found = SpanReader(*store_, context).Search(query);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *std::move(found) : std::vector<TraceSummary>();
  }
  std::vector<model::TraceId> Ids(const TraceQuery& query) {
    std::vector<model::TraceId> ids;
    for (const TraceSummary& summary : Search(query)) ids.push_back(summary.trace_id);
    return ids;
  }
};

TEST_F(SpanReaderTest, WhatGoesInComesOut) {
  const model::SpanBatch batch = RichSpans();
  ASSERT_TRUE(batch.IsConsistent());
  ASSERT_TRUE(Insert(batch));
  EXPECT_EQ(Scanned({}), DescribeAll(batch));
  const model::RequestContext context = ContextOf();
  auto trace = SpanReader(*store_, context).Trace(TraceIdOf(2));
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->size(), 15u);
  EXPECT_TRUE(std::ranges::is_sorted(trace->start_time));
  std::vector<std::string> expected;
  for (size_t row = 0; row < batch.size(); ++row) {
    if (batch.trace_id[row] == TraceIdOf(2)) expected.push_back(Describe(batch, row));
  }
  std::ranges::sort(expected);
  EXPECT_EQ(DescribeAll(*trace), expected);
  // The mirror of resources and scopes is rebuilt from the tables.
  Reopen();
  EXPECT_EQ(Scanned({}), DescribeAll(batch));
}

TEST_F(SpanReaderTest, OneTraceOfMany) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  for (uint64_t i = 0; i < 20'000; ++i) {
    AddSpan(batch, service, "op", i / 4 + 1, i + 1, 0, kNow + static_cast<int64_t>(i) * 1'000'000);
  }
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  SpanReader reader(*store_, context);
  EXPECT_EQ(reader.Trace(TraceIdOf(4321))->size(), 4u);
  EXPECT_EQ(reader.Trace(TraceIdOf(999'999))->size(), 0u);
  // Ids with every byte, among them zeros, quotes and backslashes.
  model::SpanBatch odd;
  AddSpan(odd, AddService(odd, "odd"), "op", 1, 1, 0, kNow);
  for (const std::string& bytes :
       {std::string("'\\\t\n\r\0%_\"`;-{}[]", 16), std::string(16, '\0'), std::string(16, '\xFF')}) {
    odd.trace_id[0] = *model::TraceId::FromBytes(bytes);
    ASSERT_TRUE(Insert(odd));
    EXPECT_EQ(reader.Trace(odd.trace_id[0])->size(), 1u);
    SpanFilter two;
    two.trace_ids = {odd.trace_id[0], TraceIdOf(5)};
    EXPECT_EQ(Scanned(two).size(), 5u);
  }
}

TEST_F(SpanReaderTest, TenantsDoNotSeeEachOther) {
  model::SpanBatch first;
  AddSpan(first, AddService(first, "first-service"), "first-op", 1, 1, 0, kNow);
  model::SpanBatch second;
  AddSpan(second, AddService(second, "second-service"), "second-op", 1, 1, 0, kNow);
  ASSERT_TRUE(Insert(first, "one"));
  ASSERT_TRUE(Insert(second, "two"));
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    EXPECT_EQ(Scanned({}, "one"), DescribeAll(first));
    EXPECT_EQ(Scanned({}, "two"), DescribeAll(second));
    EXPECT_TRUE(Scanned({}, "three").empty());
    const model::RequestContext context = ContextOf("two");
    SpanReader reader(*store_, context);
    EXPECT_EQ(DescribeAll(*reader.Trace(TraceIdOf(1))), DescribeAll(second));
    EXPECT_EQ(*reader.Services({}), std::vector<std::string>{"second-service"});
    EXPECT_TRUE(reader.Operations("first-service", {})->empty());
    EXPECT_EQ(reader.Stats({})->size(), 1u);
    EXPECT_EQ(Search({}, "two").at(0).root_service, "second-service");
    TraceQuery by_resource;
    by_resource.attributes = {{"service.name", "first-service"}};
    EXPECT_TRUE(Search(by_resource, "two").empty());
  }
}

// Three traces: a fast one, a slow one, one with an error in a second service.
model::SpanBatch Shop() {
  model::SpanBatch batch;
  const uint32_t front = AddService(batch, "frontend");
  const uint32_t cart = AddService(batch, "cart", "i-2");
  const auto add = [&](uint32_t service, std::string_view name, uint64_t trace, uint64_t span, uint64_t parent,
                       int64_t start, int64_t duration, model::SpanKind kind) {
    const size_t row = AddSpan(batch, service, name, trace, span, parent, start);
    batch.end_time[row] = static_cast<uint64_t>(start + duration);
    batch.kind[row] = kind;
    return row;
  };
  using enum model::SpanKind;
  add(front, "GET /", 1, 1, 0, kNow, 100, kServer);
  add(front, "GET /", 2, 2, 0, kNow + kSecond, 9'000, kServer);
  add(front, "POST /cart", 3, 3, 0, kNow + 2 * kSecond, 2'000, kServer);
  add(front, "POST", 3, 4, 3, kNow + 2 * kSecond + 10, 1'000, kClient);
  const size_t failed = add(cart, "POST /items", 3, 5, 4, kNow + 2 * kSecond + 20, 500, kServer);
  batch.status_code[failed] = model::StatusCode::kError;
  batch.attribute_range[failed] =
      AttributeList(batch).Add("http.response.status_code", model::Value::Int(500)).Text("user", "o'neil\\").Finish();
  const size_t query = add(cart, "INSERT", 3, 6, 5, kNow + 2 * kSecond + 30, 100, kClient);
  batch.attribute_range[query] = AttributeList(batch)
                                     .Text("db.system.name", "postgresql")
                                     .Text("server.address", "pg")
                                     .Add("server.port", model::Value::Int(5432))
                                     .Finish();
  const size_t outside = add(front, "GET", 2, 7, 2, kNow + kSecond + 10, 50, kClient);
  batch.attribute_range[outside] = AttributeList(batch).Text("server.address", "api.example.com").Finish();
  return batch;
}

TEST_F(SpanReaderTest, Searches) {
  ASSERT_TRUE(Insert(Shop()));
  const auto t = [](std::vector<uint64_t> numbers) {
    std::vector<model::TraceId> ids;
    for (const uint64_t number : numbers) ids.push_back(TraceIdOf(number));
    return ids;
  };
  EXPECT_EQ(Ids({}), t({3, 2, 1}));
  TraceQuery query;
  query.limit = 2;
  EXPECT_EQ(Ids(query), t({3, 2}));
  query = {};
  query.order = TraceOrder::kSlowest;
  EXPECT_EQ(Ids(query), t({2, 3, 1}));
  query.limit = 1;
  EXPECT_EQ(Ids(query), t({2}));
  query = {};
  query.service = "cart";
  EXPECT_EQ(Ids(query), t({3}));
  query.operation = "GET /";
  EXPECT_TRUE(Ids(query).empty());
  query.service = "frontend";
  EXPECT_EQ(Ids(query), t({2, 1}));
  query = {};
  query.errors_only = true;
  EXPECT_EQ(Ids(query), t({3}));
  query = {};
  query.min_duration = std::chrono::nanoseconds(2'000);
  EXPECT_EQ(Ids(query), t({3, 2}));
  query.max_duration = std::chrono::nanoseconds(2'000);
  EXPECT_EQ(Ids(query), t({3}));
  query = {};
  query.kind = model::SpanKind::kClient;
  EXPECT_EQ(Ids(query), t({3, 2}));
  query = {};
  query.range = {kNow + kSecond, kNow + 2 * kSecond};
  EXPECT_EQ(Ids(query), t({2}));
  query.range = {kNow, kNow};
  EXPECT_TRUE(Ids(query).empty());
  query = {};
  query.limit = 0;
  EXPECT_TRUE(Ids(query).empty());
}

TEST_F(SpanReaderTest, SearchesAttributes) {
  ASSERT_TRUE(Insert(Shop()));
  const auto count = [&](std::vector<AttributeMatch> attributes) {
    TraceQuery query;
    query.attributes = std::move(attributes);
    return Ids(query).size();
  };
  EXPECT_EQ(count({{"http.response.status_code", "500"}}), 1u);
  EXPECT_EQ(count({{"http.response.status_code", "200"}}), 0u);
  EXPECT_EQ(count({{"user", "o'neil\\"}}), 1u);
  EXPECT_EQ(count({{"user", "o'neil\\"}, {"http.response.status_code", "500"}}), 1u);
  EXPECT_EQ(count({{"user", "o'neil\\"}, {"http.response.status_code", "404"}}), 0u);
  EXPECT_EQ(count({{"missing", ""}}), 0u);
  EXPECT_EQ(count({{"') OR 1=1 --", "x"}}), 0u);
  // Of the resource.
  EXPECT_EQ(count({{"service.instance.id", "i-2"}}), 1u);
  EXPECT_EQ(count({{"host.name", "host-1"}}), 3u);
  EXPECT_EQ(count({{"service.instance.id", "i-2"}, {"user", "o'neil\\"}}), 1u);
}

TEST_F(SpanReaderTest, Summarizes) {
  ASSERT_TRUE(Insert(Shop()));
  const std::vector<TraceSummary> all = Search({});
  ASSERT_EQ(all.size(), 3u);
  const TraceSummary& third = all[0];
  EXPECT_EQ(third.root_service, "frontend");
  EXPECT_EQ(third.root_name, "POST /cart");
  EXPECT_TRUE(third.has_root);
  EXPECT_EQ(third.start_time, static_cast<uint64_t>(kNow + 2 * kSecond));
  EXPECT_EQ(third.duration, 2'000u);
  EXPECT_EQ(third.span_count, 4u);
  EXPECT_EQ(third.error_count, 1u);
  ASSERT_EQ(third.services.size(), 2u);
  EXPECT_EQ(third.services[0].service, "cart");
  EXPECT_EQ(third.services[0].span_count, 2u);
  EXPECT_EQ(third.services[0].error_count, 1u);
  // A trace whose root never came.
  model::SpanBatch orphan;
  AddSpan(orphan, AddService(orphan, "late"), "b", 50, 2, 9, kNow + 11 * kSecond);
  AddSpan(orphan, 0, "a", 50, 3, 9, kNow + 10 * kSecond);
  ASSERT_TRUE(Insert(orphan));
  const TraceSummary newest = Search({}).at(0);
  EXPECT_FALSE(newest.has_root);
  EXPECT_EQ(newest.root_name, "a");
  EXPECT_EQ(newest.duration, static_cast<uint64_t>(2 * kSecond));
}

TEST_F(SpanReaderTest, FindsSlowTracesBehindManySpansOfOne) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  for (uint64_t i = 0; i < 5'000; ++i) AddSpan(batch, service, "chatty", 1, i + 1, 0, kNow);
  AddSpan(batch, service, "short", 2, 6'000, 0, kNow);
  batch.end_time.back() = batch.start_time.back() + 1;
  ASSERT_TRUE(Insert(batch));
  TraceQuery query;
  query.order = TraceOrder::kSlowest;
  query.limit = 2;
  EXPECT_EQ(Ids(query), (std::vector<model::TraceId>{TraceIdOf(1), TraceIdOf(2)}));
}

TEST_F(SpanReaderTest, ListsServicesAndOperations) {
  ASSERT_TRUE(Insert(Shop()));
  const model::RequestContext context = ContextOf();
  SpanReader reader(*store_, context);
  EXPECT_EQ(*reader.Services({}), (std::vector<std::string>{"cart", "frontend"}));
  EXPECT_EQ(*reader.Services({kNow, kNow + kSecond}), std::vector<std::string>{"frontend"});
  EXPECT_EQ(*reader.Operations("cart", {}),
            (std::vector<Operation>{{"INSERT", model::SpanKind::kClient}, {"POST /items", model::SpanKind::kServer}}));
  EXPECT_TRUE(reader.Operations("nobody", {})->empty());
}

TEST_F(SpanReaderTest, DrawsEdges) {
  ASSERT_TRUE(Insert(Shop()));
  const model::RequestContext context = ContextOf();
  const auto edges = SpanReader(*store_, context).Edges({});
  ASSERT_TRUE(edges) << edges.error().message;
  ASSERT_EQ(edges->size(), 3u);
  const ServiceEdge& call = edges->at(0);
  EXPECT_EQ(call.client + ">" + call.server, "frontend>cart");
  EXPECT_EQ(call.server_kind, NodeKind::kService);
  EXPECT_EQ(call.calls, 1u);
  EXPECT_EQ(call.errors, 1u);
  EXPECT_EQ(call.duration_sum, 1'000);
  EXPECT_EQ(call.p95, 1'000);
  const ServiceEdge& database = edges->at(1);
  EXPECT_EQ(database.client + ">" + database.server, "cart>postgresql pg:5432");
  EXPECT_EQ(database.server_kind, NodeKind::kDatabase);
  EXPECT_EQ(database.errors, 0u);
  const ServiceEdge& outside = edges->at(2);
  EXPECT_EQ(outside.client + ">" + outside.server, "frontend>api.example.com");
  EXPECT_EQ(outside.server_kind, NodeKind::kExternal);
  EXPECT_TRUE(SpanReader(*store_, context).Edges({0, kSecond})->empty());
}

TEST_F(SpanReaderTest, CallsThatNobodyAnsweredCountForWhoAnswersThere) {
  model::SpanBatch batch;
  const uint32_t front = AddService(batch, "frontend");
  const uint32_t pay = AddService(batch, "payment");
  const auto call = [&](uint64_t span, std::string_view port) {
    const size_t row = AddSpan(batch, front, "POST", span, span, 0, kNow);
    batch.kind[row] = model::SpanKind::kClient;
    batch.attribute_range[row] =
        AttributeList(batch).Text("net.peer.name", "127.0.0.1").Text("net.peer.port", port).Finish();
    return row;
  };
  call(1, "5001");
  AddSpan(batch, pay, "POST /pay", 1, 100, 1, kNow);
  batch.status_code[call(2, "5001")] = model::StatusCode::kError;
  call(3, "5002");
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  const auto edges = SpanReader(*store_, context).Edges({});
  ASSERT_TRUE(edges) << edges.error().message;
  ASSERT_EQ(edges->size(), 2u);
  EXPECT_EQ(edges->at(0).server, "payment");
  EXPECT_EQ(edges->at(0).server_kind, NodeKind::kService);
  EXPECT_EQ(edges->at(0).calls, 2u);
  EXPECT_EQ(edges->at(0).errors, 1u);
  EXPECT_EQ(edges->at(1).server, "127.0.0.1:5002");
  EXPECT_EQ(edges->at(1).server_kind, NodeKind::kExternal);
}

TEST(Peer, IsNamedByWhatTheSpanSays) {
  const auto peer = [](std::vector<std::pair<std::string, std::string>> attributes,
                       model::SpanKind kind = model::SpanKind::kClient) {
    model::SpanBatch batch;
    const size_t row = AddSpan(batch, AddService(batch, "s"), "op", 1, 1, 0, kNow);
    batch.kind[row] = kind;
    AttributeList list(batch);
    for (const auto& [key, value] : attributes) list.Text(key, value);
    batch.attribute_range[row] = list.Finish();
    PeerFinder finder(batch);
    const Peer found = finder.Find(row);
    return std::to_string(static_cast<int>(found.kind)) + " " + std::string(found.name);
  };
  EXPECT_EQ(peer({}), "0 ");
  EXPECT_EQ(peer({{"server.address", "a"}}, model::SpanKind::kServer), "0 ");
  EXPECT_EQ(peer({{"db.system.name", "sqlite"}, {"db.namespace", "/data/shop.db"}}), "1 sqlite /data/shop.db");
  EXPECT_EQ(peer({{"db.system", "mysql"}, {"net.peer.name", "db"}, {"net.peer.port", "3306"}}), "1 mysql db:3306");
  EXPECT_EQ(peer({{"db.system", "old"}, {"db.system.name", "new"}}), "1 new");
  EXPECT_EQ(peer({{"messaging.system", "kafka"}, {"server.address", "k"}}, model::SpanKind::kProducer), "2 kafka k");
  EXPECT_EQ(peer({{"messaging.system", "kafka"}, {"messaging.destination.name", "orders"}}), "2 kafka orders");
  EXPECT_EQ(peer({{"url.full", "https://user:secret@api.example.com:8443/x?y=z"}}), "3 api.example.com:8443");
  EXPECT_EQ(peer({{"http.url", "nonsense"}}), "0 ");
  EXPECT_EQ(peer({{"peer.service", "billing"}}), "3 billing");
}

TEST_F(SpanReaderTest, CountsRequests) {
  model::SpanBatch batch = Shop();
  // A sender that sets no kinds: its span below another service's is a request too.
  const uint32_t plain = AddService(batch, "plain");
  batch.kind[AddSpan(batch, plain, "work", 3, 100, 5, kNow + 2 * kSecond)] = model::SpanKind::kUnspecified;
  batch.kind[AddSpan(batch, plain, "inner", 3, 101, 100, kNow + 2 * kSecond)] = model::SpanKind::kUnspecified;
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  const auto stats = SpanReader(*store_, context).Stats({});
  ASSERT_TRUE(stats) << stats.error().message;
  ASSERT_EQ(stats->size(), 3u);
  EXPECT_EQ(stats->at(0).service, "cart");
  EXPECT_EQ(stats->at(0).count, 1u);
  EXPECT_EQ(stats->at(0).errors, 1u);
  EXPECT_EQ(stats->at(1).service, "frontend");
  EXPECT_EQ(stats->at(1).count, 3u);
  EXPECT_EQ(stats->at(1).duration_sum, 11'100);
  EXPECT_EQ(stats->at(1).p50, 2'000);
  EXPECT_EQ(stats->at(1).p99, 9'000);
  EXPECT_EQ(stats->at(2).service, "plain");
  EXPECT_EQ(stats->at(2).count, 1u);
}

TEST_F(SpanReaderTest, CountsRequestsByTimeOperationAndInstance) {
  ASSERT_TRUE(Insert(Shop()));
  const model::RequestContext context = ContextOf();
  SpanReader reader(*store_, context);
  const auto all = reader.StatsOverTime({}, std::chrono::seconds(1));
  ASSERT_TRUE(all) << all.error().message;
  uint64_t requests = 0;
  for (const ServiceStep& step : *all) {
    EXPECT_EQ(step.start % kSecond, 0);
    requests += step.stats.count;
  }
  EXPECT_EQ(requests, 4u);
  const auto cart = reader.StatsOverTime({}, std::chrono::hours(1), "cart");
  ASSERT_TRUE(cart) << cart.error().message;
  ASSERT_EQ(cart->size(), 1u);
  EXPECT_EQ(cart->front().stats.service, "cart");
  EXPECT_EQ(cart->front().stats.errors, 1u);

  const auto operations = reader.StatsOfOperations("frontend", {});
  ASSERT_TRUE(operations) << operations.error().message;
  ASSERT_FALSE(operations->empty());
  EXPECT_EQ(operations->front().operation, "GET /");
  EXPECT_TRUE(reader.StatsOfOperations("nobody", {})->empty());

  const auto instances = reader.StatsOfInstances("cart", {});
  ASSERT_TRUE(instances) << instances.error().message;
  ASSERT_EQ(instances->size(), 1u);
  EXPECT_EQ(instances->front().stats.count, 1u);
  EXPECT_GT(instances->front().last_start, 0u);
}

TEST_F(SpanReaderTest, ScansWhatIsAskedFor) {
  ASSERT_TRUE(Insert(Shop()));
  SpanFilter filter;
  filter.service = "cart";
  EXPECT_EQ(Scanned(filter).size(), 2u);
  filter.errors_only = true;
  EXPECT_EQ(Scanned(filter).size(), 1u);
  filter = {};
  filter.limit = 3;
  EXPECT_EQ(Scanned(filter).size(), 3u);
  filter = {};
  filter.operation = "GET /";
  EXPECT_EQ(Scanned(filter).size(), 2u);
  filter = {};
  filter.range = {kNow, kNow + 1};
  EXPECT_EQ(Scanned(filter).size(), 1u);
  filter = {};
  filter.with_attributes = false;
  const model::RequestContext context = ContextOf();
  size_t rows = 0;
  ASSERT_TRUE(SpanReader(*store_, context).Scan(filter, [&](const model::SpanBatch& batch) -> base::Status {
    EXPECT_TRUE(batch.IsConsistent());
    for (size_t row = 0; row < batch.size(); ++row) {
      EXPECT_EQ(batch.attribute_range[row].count, 0u);
      EXPECT_FALSE(batch.ResourceText(batch.resource[row], "service.name").empty());
    }
    rows += batch.size();
    return {};
  }));
  EXPECT_EQ(rows, 7u);
}

TEST_F(SpanReaderTest, StreamsAndStops) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  for (uint64_t i = 0; i < 50'000; ++i) {
    AddSpan(batch, service, "op", i + 1, i + 1, 0, kNow + static_cast<int64_t>(i) * 100'000);
  }
  ASSERT_TRUE(Insert(batch));
  const model::RequestContext context = ContextOf();
  SpanReader reader(*store_, context);
  size_t batches = 0;
  size_t rows = 0;
  size_t largest = 0;
  ASSERT_TRUE(reader.Scan({}, [&](const model::SpanBatch& part) -> base::Status {
    ++batches;
    rows += part.size();
    largest = std::max(largest, part.size());
    return {};
  }));
  EXPECT_EQ(rows, 50'000u);
  EXPECT_LE(largest, 8192u);
  batches = 0;
  EXPECT_EQ(reader
                .Scan({},
                      [&](const model::SpanBatch&) -> base::Status {
                        if (++batches == 2) return base::Fail(base::Code::kAborted, "enough");
                        return {};
                      })
                .error()
                .code,
            base::Code::kAborted);
  EXPECT_EQ(batches, 2u);
  // The client leaves while rows come.
  batches = 0;
  EXPECT_EQ(reader
                .Scan({},
                      [&](const model::SpanBatch&) -> base::Status {
                        ++batches;
                        context.cancellation.Cancel();
                        return {};
                      })
                .error()
                .code,
            base::Code::kCancelled);
  EXPECT_EQ(batches, 1u);
}

TEST_F(SpanReaderTest, HonoursMemoryAndDeadline) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  for (uint64_t i = 0; i < 100'000; ++i) AddSpan(batch, service, "op", i + 1, i + 1, i, kNow);
  ASSERT_TRUE(Insert(batch));
  model::RequestContext context = ContextOf();
  context.memory_budget_bytes = 1 << 20;
  EXPECT_EQ(SpanReader(*store_, context).Edges({}).error().code, base::Code::kResourceExhausted);
  context = ContextOf();
  context.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  const auto start = std::chrono::steady_clock::now();
  const auto status = SpanReader(*store_, context).Scan({}, [](const model::SpanBatch&) -> base::Status {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return {};
  });
  EXPECT_EQ(status.error().code, base::Code::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace clew::store
