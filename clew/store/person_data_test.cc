// SPDX-License-Identifier: Apache-2.0
#include "clew/store/person_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "clew/base/bytes.h"
#include "clew/base/file.h"
#include "clew/store/incident_table.h"
#include "clew/store/log_reader.h"
#include "clew/store/series_reader.h"
#include "clew/store/span_reader.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

constexpr std::string_view kZoe = "email:0123456789abcdef";
constexpr std::string_view kRaw = "Zoe.Raw@example.net";

PersonNeedles Zoe() {
  return {.exact = {std::string(kZoe), base::ToBase64(kZoe).substr(0, 28)},
          .words = {"zoe.raw@example.net"},
          .values = {"42"}};
}

// One span for each place where a text of a span can stand.
model::SpanBatch SpansOfZoe() {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  uint64_t number = 100;
  const auto add = [&] {
    ++number;
    return AddSpan(batch, service, "GET /", 7, number, 0, kNow + static_cast<int64_t>(number));
  };
  const auto text = [&](std::string_view value) { return batch.strings.Intern(value); };
  const std::string within = "before " + std::string(kZoe) + " after";
  batch.name[add()] = text("GET /u/" + std::string(kZoe));
  batch.status_message[add()] = text(within);
  batch.trace_state[add()] = text("v=" + std::string(kZoe));
  batch.attribute_range[add()] = AttributeList(batch).Text("text", within).Finish();
  batch.attribute_range[add()] = AttributeList(batch).Text(within, "in a key").Finish();
  batch.attribute_range[add()] = AttributeList(batch).Text("raw", "mail to " + std::string(kRaw) + ".").Finish();
  batch.attribute_range[add()] = AttributeList(batch).Text("user.id", "42").Finish();
  batch.attribute_range[add()] = AttributeList(batch).Add("bytes", model::Value::Bytes(text(kZoe))).Finish();
  const model::Range inner = AttributeList(batch).Text("inner", within).Finish();
  batch.attribute_range[add()] = AttributeList(batch).Add("list", model::Value::KeyValueList(inner)).Finish();
  model::SpanEvent event;
  event.name = text("event");
  event.attributes = AttributeList(batch).Text("exception.message", within).Finish();
  const size_t with_event = add();
  batch.event_range[with_event] = {static_cast<uint32_t>(batch.events.size()), 1};
  batch.events.push_back(event);
  model::SpanLink link;
  link.trace_state = text(kZoe);
  const size_t with_link = add();
  batch.link_range[with_link] = {static_cast<uint32_t>(batch.links.size()), 1};
  batch.links.push_back(link);
  return batch;
}

class PersonDataTest : public StoreTest {
 protected:
  base::Result<std::map<std::string, uint64_t>> Found() {
    CLEW_ASSIGN_OR_RETURN(const auto rows, PersonData(*store_, context_, zoe_, "preview").Count());
    std::map<std::string, uint64_t> tables;
    for (const PersonRows& one : rows) tables[one.table] += one.rows;
    return tables;
  }
  std::string SumOf(std::string_view sql) {
    std::string sum;
    const base::Status status =
        store_->state().engine().Query(sql, {}, {}, [&](const engine::Block& block) -> base::Status {
          sum = std::to_string(block[0].At<uint64_t>(0)) + "/" + std::to_string(block[1].At<uint64_t>(0));
          return {};
        });
    EXPECT_TRUE(status) << status.error().message;
    return sum;
  }
  std::string SpanSum() { return SumOf("SELECT count(), sum(sipHash64(*)) FROM spans WHERE service_name != 'shop'"); }

  const model::RequestContext context_ = ContextOf();
  const PersonPattern zoe_{Zoe()};
};

TEST_F(PersonDataTest, RemovesRowsWhereverThePersonStandsInThem) {
  const model::SpanBatch spans = SpansOfZoe();
  const size_t zoes = spans.size();
  ASSERT_TRUE(Insert(spans));
  // Others', which look like hers.
  model::SpanBatch others = RichSpans();
  const uint32_t service = AddService(others, "other");
  for (const std::string_view value :
       {"joezoe.raw@example.net", "zoe.raw@example.net.au", "email:0123456789abcdee", "42"}) {
    const size_t row = AddSpan(others, service, "GET /", 9, 9, 0, kNow);
    others.attribute_range[row] = AttributeList(others).Text("count", value).Finish();
  }
  ASSERT_TRUE(Insert(others));
  ASSERT_TRUE(Insert(spans, "neighbour"));
  const std::string before = SpanSum();
  const auto found = Found();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->at("spans"), zoes);

  PersonData data(*store_, context_, zoe_, "act1");
  const auto marked = data.Mark();
  ASSERT_TRUE(marked) << marked.error().message;
  EXPECT_EQ(marked->at("spans"), zoes);
  // As after a crash.
  EXPECT_EQ(data.Mark()->at("spans"), zoes);
  ASSERT_TRUE(data.Rewrite());
  const base::Status removed = data.Remove();
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(Found()->empty());
  EXPECT_EQ(SpanSum(), before);
  EXPECT_EQ(SumOf("SELECT count(), toUInt64(0) FROM spans WHERE tenant = 'neighbour'"), std::to_string(zoes) + "/0");
  EXPECT_TRUE(data.AwaitOldParts());
  EXPECT_TRUE(data.ForgetMarks());
  EXPECT_EQ(SumOf("SELECT count(), toUInt64(0) FROM erasing"), "0/0");
  EXPECT_EQ(SumOf("SELECT count(), toUInt64(0) FROM system.mutations WHERE position(command, 'example.net') > 0"),
            "0/0");
}

TEST_F(PersonDataTest, RemovesLogsAndSeriesWithTheirPoints) {
  model::LogBatch logs;
  const uint32_t service = AddService(logs, "shop");
  AddLog(logs, service, "login of " + std::string(kZoe), kNow);
  AddLog(logs, service, "login of another", kNow);
  // The same moment and text; the attributes tell them apart.
  for (const std::string_view user : {std::string_view("user:1111111111111111"), kZoe}) {
    const size_t row = AddLog(logs, service, "login", kNow);
    logs.attribute_range[row] = AttributeList(logs).Text("who", user).Finish();
  }
  ASSERT_TRUE(Insert(logs));
  model::SeriesBatch series;
  const uint32_t hers = AddSeries(series, {"__name__", "visits", "job", "shop", "user", std::string(kZoe)});
  const uint32_t others = AddSeries(series, {"__name__", "visits", "job", "shop", "user", "other"});
  for (int i = 0; i < 3; ++i) {
    AddSample(series, hers, kNow + i, 1);
    AddSample(series, others, kNow + i, 1);
  }
  ASSERT_TRUE(Insert(series));
  const auto found = Found();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found,
              testing::ElementsAre(testing::Pair("logs", 2), testing::Pair("samples", 3), testing::Pair("series", 1)));
  PersonData data(*store_, context_, zoe_, "act2");
  ASSERT_TRUE(data.Mark());
  const base::Status removed = data.Remove();
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(Found()->empty());
  EXPECT_EQ(SumOf("SELECT count(), assumeNotNull((SELECT count() FROM samples)) FROM logs"), "2/3");
  // In memory too, and new points make the series anew.
  SeriesReader reader(*store_, context_);
  const auto selected = reader.Select({}, {});
  ASSERT_TRUE(selected) << selected.error().message;
  ASSERT_EQ(selected->size(), 1u);
  EXPECT_EQ(selected->front()->labels.Get("user"), "other");
  ASSERT_TRUE(Insert(series));
  EXPECT_EQ(reader.Select({}, {})->size(), 2u);
}

TEST_F(PersonDataTest, LeavesSendersAndIncidentsWithoutThePerson) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  batch.resources[service].attributes = AttributeList(batch)
                                            .Text("service.name", "shop")
                                            .Text("owner", kZoe)
                                            .Add("user.id", model::Value::Int(42))
                                            .Finish();
  batch.scopes[service].name = batch.strings.Intern(kZoe);
  AddSpan(batch, service, "GET /", 3, 4, 0, kNow);
  ASSERT_TRUE(Insert(batch));
  const Incident incident{"0123456789abcdef",
                          kNow,
                          kNow,
                          0,
                          "shop",
                          "code",
                          "users such as " + std::string(kZoe),
                          R"({"where":"email:0123456789abcdef"})"};
  ASSERT_TRUE(IncidentTable(*store_, context_).Put(incident, kNow));
  PersonData data(*store_, context_, zoe_, "act3");
  const auto marked = data.Mark();
  ASSERT_TRUE(marked) << marked.error().message;
  EXPECT_THAT(*marked, testing::ElementsAre(testing::Pair("incidents", 1), testing::Pair("resources", 1),
                                            testing::Pair("scopes", 1)));
  const base::Status rewritten = data.Rewrite();
  ASSERT_TRUE(rewritten) << rewritten.error().message;
  ASSERT_TRUE(data.Remove());
  EXPECT_TRUE(Found()->empty());
  const auto look = [&] {
    const auto kept = IncidentTable(*store_, context_).Get(incident.id);
    ASSERT_TRUE(kept) << kept.error().message;
    EXPECT_EQ(kept->summary, "users such as ERASED");
    EXPECT_EQ(kept->answer, R"({"where":"ERASED"})");
    const auto trace = SpanReader(*store_, context_).Trace(TraceIdOf(3));
    ASSERT_TRUE(trace) << trace.error().message;
    ASSERT_EQ(trace->size(), 1u);
    const std::string described = Describe(*trace, 0);
    EXPECT_THAT(described, testing::HasSubstr("ERASED"));
    EXPECT_THAT(described, testing::Not(testing::HasSubstr(std::string(kZoe))));
  };
  look();
  Reopen();
  look();
}

TEST_F(PersonDataTest, SearchesTheBytesOfFiles) {
  ASSERT_TRUE(FilesWithPerson(*store_, zoe_, context_)->empty());
  const std::string filler((4u << 20) - 10, 'x');
  ASSERT_TRUE(base::WriteFileAtomically(folder_ + "/left.over", filler + " ZOE.raw@example.net "));
  EXPECT_THAT(*FilesWithPerson(*store_, zoe_, context_), testing::ElementsAre("left.over"));
  ASSERT_TRUE(base::WriteFileAtomically(folder_ + "/left.over", filler + "joezoe.raw@example.net"));
  EXPECT_TRUE(FilesWithPerson(*store_, zoe_, context_)->empty());
}

TEST(PersonPattern, ErasesWordsButNotPartsOfThem) {
  const PersonPattern pattern(
      PersonNeedles{.exact = {"user:0123456789abcdef"}, .words = {"zoe@example.net"}, .values = {}});
  for (const auto& [text, erased] : std::vector<std::pair<std::string, std::string>>{
           {"zoe@example.net zoe@example.net", "ERASED ERASED"},
           {"To: <Zoe@Example.NET>.", "To: <ERASED>."},
           {"joezoe@example.net", "joezoe@example.net"},
           {"zoe@example.net.au", "zoe@example.net.au"},
           {"q=%3Dzoe@example.net&x", "q=%3DERASED&x"},
           {"xuser:0123456789abcdefx", "xERASEDx"},
       }) {
    std::string own = text;
    EXPECT_EQ(pattern.Erase(own), text != erased);
    EXPECT_EQ(own, erased);
    EXPECT_EQ(pattern.IsIn(text), text != erased);
  }
}

}  // namespace
}  // namespace clew::store
