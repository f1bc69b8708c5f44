// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/redactor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "clew/model/labels.h"

namespace clew::privacy {
namespace {

using model::KeyValue;
using model::Range;
using model::Value;

// All bytes that a batch would be written as.
template <typename Batch>
std::string BytesOf(const Batch& batch) {
  std::string bytes;
  batch.VisitColumns([&](const auto& column) {
    const char* data = reinterpret_cast<const char*>(column.data());
    bytes.append(data, column.size() * sizeof(column[0]));
  });
  return bytes;
}

template <typename Batch>
Range Put(Batch& batch, std::initializer_list<std::pair<std::string_view, std::string_view>> attributes) {
  std::vector<KeyValue> rows;
  for (const auto& [key, value] : attributes) {
    rows.push_back({batch.strings.Intern(key), 0, Value::String(batch.strings.Intern(value))});
  }
  return batch.attributes.AddKeyValues(rows);
}

template <typename Batch>
size_t AddRow(Batch& batch) {
  if (batch.resources.empty()) {
    batch.resources.emplace_back();
    batch.scopes.emplace_back();
  }
  return batch.AddRow();
}

template <typename Batch>
std::string_view Get(const Batch& batch, Range range, std::string_view key) {
  return FindString(batch.attributes, batch.strings, range, key);
}

TEST(Redactor, TakesLiteralsOutOfStatementsByTheirDialect) {
  model::SpanBatch batch;
  const std::string_view statement = R"(SELECT "id" FROM "users" WHERE "name" = 'zoe')";
  for (const std::string_view system : {"postgresql", "mysql"}) {
    const size_t row = AddRow(batch);
    batch.attribute_range[row] = Put(batch, {{"db.query.text", statement}, {"db.system.name", system}});
  }
  const size_t old = AddRow(batch);
  batch.attribute_range[old] = Put(batch, {{"db.statement", "SELECT 'zoe'"}, {"db.system", "sqlite"}});
  Redactor().Redact(batch);
  EXPECT_EQ(Get(batch, batch.attribute_range[0], "db.query.text"), R"(SELECT "id" FROM "users" WHERE "name" = ?)");
  EXPECT_EQ(Get(batch, batch.attribute_range[1], "db.query.text"), "SELECT ? FROM ? WHERE ? = ?");
  EXPECT_EQ(Get(batch, batch.attribute_range[old], "db.statement"), "SELECT ?");
  EXPECT_EQ(Get(batch, batch.attribute_range[0], "db.system.name"), "postgresql");
  EXPECT_EQ(BytesOf(batch).find("zoe"), std::string::npos);
  EXPECT_TRUE(batch.IsConsistent());
}

TEST(Redactor, LooksAtAttributesOfEveryDepthAndOwner) {
  model::SpanBatch batch;
  const size_t row = AddRow(batch);
  const std::string_view url = "http://zoe:secret@h/";
  const Range list = batch.attributes.AddValues({Value::String(batch.strings.Intern(url)), Value::Int(1)});
  const Range inner = batch.attributes.AddKeyValues({{batch.strings.Intern("url.full"), 0, Value::Array(list)}});
  batch.attribute_range[row] =
      batch.attributes.AddKeyValues({{batch.strings.Intern("request"), 0, Value::KeyValueList(inner)}});
  model::SpanEvent event;
  event.attributes = Put(batch, {{"url.query", "token=secret"}});
  batch.events.push_back(event);
  batch.event_range[row] = {0, 1};
  batch.resources[0].attributes = Put(batch, {{"http.url", "http://h/?sig=secret"}});
  batch.scopes[0].attributes = Put(batch, {{"http.target", "/?pw=secret"}});
  Redactor().Redact(batch);
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.attributes.key_values[inner.first].value),
            R"(["http://REDACTED:REDACTED@h/",1])");
  EXPECT_EQ(Get(batch, batch.events[0].attributes, "url.query"), "token=REDACTED");
  EXPECT_EQ(Get(batch, batch.resources[0].attributes, "http.url"), "http://h/?sig=REDACTED");
  EXPECT_EQ(Get(batch, batch.scopes[0].attributes, "http.target"), "/?pw=REDACTED");
  EXPECT_EQ(BytesOf(batch).find("secret"), std::string::npos);
}

TEST(Redactor, TheSameTextStaysWhereItIsNoSecret) {
  model::SpanBatch batch;
  const size_t row = AddRow(batch);
  batch.name[row] = batch.strings.Intern("SELECT 1");
  batch.attribute_range[row] = Put(batch, {{"db.query.text", "SELECT 1"}, {"password", "shop"}, {"service", "shop"}});
  Redactor().Redact(batch);
  EXPECT_EQ(batch.Text(batch.name[row]), "SELECT 1");
  EXPECT_EQ(Get(batch, batch.attribute_range[row], "db.query.text"), "SELECT ?");
  EXPECT_EQ(Get(batch, batch.attribute_range[row], "password"), "REDACTED");
  EXPECT_EQ(Get(batch, batch.attribute_range[row], "service"), "shop");
}

// Data of one person in every text of a span batch.
TEST(Redactor, LooksAtEveryTextOfASpan) {
  constexpr std::string_view kEmail = "zoe@example.net";
  model::SpanBatch batch;
  const size_t row = AddRow(batch);
  const auto text = [&] { return batch.strings.Add(kEmail); };
  batch.name[row] = text();
  batch.trace_state[row] = text();
  batch.status_message[row] = text();
  batch.resources[0].schema_url = text();
  batch.scopes[0].name = text();
  batch.scopes[0].version = text();
  batch.scopes[0].schema_url = text();
  batch.resources[0].attributes = Put(batch, {{"a", kEmail}});
  batch.scopes[0].attributes = Put(batch, {{kEmail, "b"}});
  const Range deepest = batch.attributes.AddValues({Value::String(text()), Value::Bytes(text())});
  const Range list = batch.attributes.AddKeyValues({{batch.strings.Intern("k"), 0, Value::Array(deepest)}});
  batch.attribute_range[row] =
      batch.attributes.AddKeyValues({{batch.strings.Intern("list"), 0, Value::KeyValueList(list)},
                                     {batch.strings.Intern("user.id"), 0, Value::Int(4711)},
                                     {batch.strings.Intern("card"), 0, Value::Int(4111111111111111)},
                                     {batch.strings.Intern("latitude"), 0, Value::Double(52.520008)},
                                     {batch.strings.Intern("http.response.status_code"), 0, Value::Int(200)},
                                     {batch.strings.Intern("exception.stacktrace"), 0,
                                      Value::String(batch.strings.Add("ValueError: zoe@example.net\n  at x"))}});
  model::SpanEvent event;
  event.name = text();
  event.attributes = Put(batch, {{"exception.message", "no account zoe@example.net"}});
  batch.events.push_back(event);
  batch.event_range[row] = {0, 1};
  model::SpanLink link;
  link.trace_state = text();
  link.attributes = Put(batch, {{"who", kEmail}});
  batch.links.push_back(link);
  batch.link_range[row] = {0, 1};
  Redactor redactor;
  redactor.Redact(batch);
  const std::string bytes = BytesOf(batch);
  for (const char* secret : {"zoe", "4711", "4111111111111111"})
    EXPECT_EQ(bytes.find(secret), std::string::npos) << secret;
  const std::string pseudonym = redactor.rules()->pseudonyms().Of("email", kEmail, 0);
  EXPECT_EQ(batch.Text(batch.name[row]), pseudonym);
  EXPECT_EQ(batch.Text(batch.links[0].trace_state), pseudonym);
  EXPECT_EQ(Get(batch, batch.events[0].attributes, "exception.message"), "no account " + pseudonym);
  EXPECT_EQ(Get(batch, batch.attribute_range[row], "latitude"), "REDACTED");
  const KeyValue* status =
      FindAttribute(batch.attributes, batch.strings, batch.attribute_range[row], "http.response.status_code");
  ASSERT_NE(status, nullptr);
  EXPECT_EQ(status->value.payload, 200u);
  EXPECT_TRUE(batch.IsConsistent());
  const RedactionCounts counts = redactor.counts();
  EXPECT_TRUE(std::ranges::any_of(counts, [](const RedactionCount& count) {
    return count.rule == "email" && count.signal == Signal::kTraces && count.count > 0;
  }));
}

TEST(Redactor, TheSamePersonIsTheSameEverywhere) {
  const PseudonymKey key = PseudonymKey::Random(0);
  const Redactor one({.policy = {}, .keys = {key}});
  const Redactor other({.policy = {}, .keys = {key}});
  model::LogBatch logs;
  const size_t row = AddRow(logs);
  logs.body[row] = Value::String(logs.strings.Add(R"(order by "ZOE@example.net" failed)"));
  logs.attribute_range[row] = Put(logs, {{"user.email", "zoe@example.net"},
                                         {"client.address", "203.0.113.7"},
                                         {"user.name", "zoe"},
                                         {"server.address", "10.0.0.7"},
                                         {"enduser.id", "127.0.0.1"}});
  model::SeriesBatch series;
  series.labels.push_back({series.strings.Intern("user_email"), series.strings.Intern("Zoe@Example.net")});
  one.Redact(logs);
  other.Redact(series);
  const std::string pseudonym(series.Text(series.labels[0].value));
  EXPECT_TRUE(pseudonym.starts_with("email:"));
  EXPECT_EQ(Get(logs, logs.attribute_range[row], "user.email"), pseudonym);
  EXPECT_EQ(ValueToText(logs.attributes, logs.strings, logs.body[row]), "order by \"" + pseudonym + "\" failed");
  EXPECT_TRUE(Get(logs, logs.attribute_range[row], "client.address").starts_with("ip:"));
  EXPECT_TRUE(Get(logs, logs.attribute_range[row], "user.name").starts_with("user:"));
  EXPECT_EQ(Get(logs, logs.attribute_range[row], "server.address"), "10.0.0.7");
  EXPECT_EQ(Get(logs, logs.attribute_range[row], "enduser.id"), "127.0.0.1");
}

TEST(Redactor, TheMachineThatAUrlAsksIsNobody) {
  model::SpanBatch batch;
  const size_t row = AddRow(batch);
  batch.attribute_range[row] =
      Put(batch, {{"url.full", "http://10.1.2.3:8080/x?ip=203.0.113.7"}, {"http.url", "http://[2001:db8::1]/"}});
  Redactor().Redact(batch);
  EXPECT_TRUE(Get(batch, batch.attribute_range[row], "url.full").starts_with("http://10.1.2.3:8080/x?ip=ip:"));
  EXPECT_EQ(Get(batch, batch.attribute_range[row], "http.url"), "http://[2001:db8::1]/");
}

TEST(Redactor, BodiesOfEveryKind) {
  model::LogBatch batch;
  const Range inner = batch.attributes.AddKeyValues(
      {{batch.strings.Intern("anything"), 0, Value::String(batch.strings.Add("s3cret"))}});
  const Range fields =
      batch.attributes.AddKeyValues({{batch.strings.Intern("credentials"), 0, Value::KeyValueList(inner)},
                                     {batch.strings.Intern("note"), 0, Value::String(batch.strings.Add("n"))}});
  const Range elements = batch.attributes.AddValues({Value::String(batch.strings.Add("a zoe@example.net"))});
  for (const Value body : {Value::KeyValueList(fields), Value::Array(elements),
                           Value::String(batch.strings.Add(R"({"password":"s3cret","card":4111111111111111})"))}) {
    batch.body[AddRow(batch)] = body;
  }
  Redactor().Redact(batch);
  EXPECT_EQ(BytesOf(batch).find("zoe"), std::string::npos);
  EXPECT_EQ(BytesOf(batch).find("s3cret"), std::string::npos);
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.body[0]),
            R"({"credentials":{"anything":"REDACTED"},"note":"n"})");
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.body[2]),
            R"({"password":"REDACTED","card":"REDACTED"})");
}

TEST(Redactor, WipesWhatNoRowRefersTo) {
  model::LogBatch batch;
  const size_t row = AddRow(batch);
  batch.strings.Intern("left over: secret");
  batch.body[row] = Value::String(batch.strings.Add("a body"));
  batch.severity_text[row] = batch.strings.Intern("INFO");
  batch.event_name[row] = batch.strings.Intern("event");
  batch.attribute_range[row] = Put(batch, {{"k", "v"}});
  const std::string before = BytesOf(batch);
  Redactor().Redact(batch);
  EXPECT_EQ(BytesOf(batch).find("secret"), std::string::npos);
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.body[row]), "a body");
  EXPECT_EQ(batch.Text(batch.severity_text[row]), "INFO");
  EXPECT_EQ(batch.Text(batch.event_name[row]), "event");
  EXPECT_EQ(Get(batch, batch.attribute_range[row], "k"), "v");
}

TEST(Redactor, TwiceChangesNothingMore) {
  model::LogBatch batch;
  for (const std::string_view text :
       {"SELECT \"a\\\"b' c", "http://a:b@c/?pw=1", "WHERE a = 'O\\'Brien' AND b = 'x'"}) {
    const size_t row = AddRow(batch);
    batch.attribute_range[row] = Put(batch, {{"db.query.text", text}, {"url.full", text}});
  }
  Redactor().Redact(batch);
  const std::string once = BytesOf(batch);
  Redactor().Redact(batch);
  EXPECT_EQ(BytesOf(batch), once);
}

TEST(Redactor, MetricsWithTheirExemplars) {
  model::MetricBatch batch;
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  model::Metric metric;
  metric.name = batch.strings.Intern("requests");
  metric.unit = batch.strings.Intern("s");
  metric.description = batch.strings.Intern("described");
  batch.metrics.push_back(metric);
  model::Exemplar exemplar;
  exemplar.filtered_attributes = Put(batch, {{"url.query", "sid=secret"}});
  batch.exemplars.push_back(exemplar);
  model::NumberPoint point;
  point.attributes = Put(batch, {{"db.query.text", "SELECT 'secret'"}});
  point.exemplars = {0, 1};
  batch.numbers.push_back(point);
  Redactor().Redact(batch);
  EXPECT_EQ(Get(batch, batch.exemplars[0].filtered_attributes, "url.query"), "sid=REDACTED");
  EXPECT_EQ(Get(batch, batch.numbers[0].attributes, "db.query.text"), "SELECT ?");
  EXPECT_EQ(batch.Text(batch.metrics[0].name), "requests");
  EXPECT_EQ(batch.Text(batch.metrics[0].unit), "s");
  EXPECT_EQ(batch.Text(batch.metrics[0].description), "described");
  EXPECT_EQ(BytesOf(batch).find("secret"), std::string::npos);
}

TEST(Redactor, SeriesGetTheIdOfTheirNewLabels) {
  model::SeriesBatch batch;
  const auto add = [&](std::string_view name, std::string_view value) {
    batch.labels.push_back({batch.strings.Intern(name), batch.strings.Intern(value)});
  };
  add("__name__", "up");
  add("url_full", "http://h/?token=secret");
  add("__name__", "down");
  for (const uint32_t first : {0u, 2u}) {
    model::SeriesRow row;
    row.labels = {first, first == 0 ? 2u : 1u};
    row.id = 7;
    row.help = batch.strings.Intern("help");
    batch.series.push_back(row);
  }
  Redactor().Redact(batch);
  EXPECT_EQ(batch.Text(batch.labels[1].value), "http://h/?token=REDACTED");
  EXPECT_EQ(batch.series[0].id, model::Labels({{"__name__", "up"}, {"url_full", "http://h/?token=REDACTED"}}).Id());
  EXPECT_EQ(batch.series[1].id, 7u);
  EXPECT_EQ(batch.Text(batch.series[0].help), "help");
  EXPECT_EQ(BytesOf(batch).find("secret"), std::string::npos);
}

}  // namespace
}  // namespace clew::privacy
