// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/self_metrics.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace clew::cli {
namespace {

using wire::MetricFamily;

constexpr std::array<std::string_view, store::wal::kTableCount> kTableNames = {"spans", "logs", "metrics"};

MetricFamily Family(std::string name, std::string help, model::FamilyType type, std::string unit = {}) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  family.unit = std::move(unit);
  return family;
}

MetricFamily Counter(std::string name, std::string help) {
  return Family(std::move(name), std::move(help), model::FamilyType::kCounter);
}

MetricFamily Gauge(std::string name, std::string help, std::string unit = {}) {
  return Family(std::move(name), std::move(help), model::FamilyType::kGauge, std::move(unit));
}

void Add(MetricFamily& family, std::vector<model::Label> labels, double value) {
  family.samples.push_back({family.type == model::FamilyType::kCounter ? "_total" : "", std::move(labels), value, {}});
}

template <typename Value>
void Add(MetricFamily& family, std::vector<model::Label> labels, Value value) {
  Add(family, std::move(labels), static_cast<double>(value));
}

// What was not taken, by reason.
void AddRefusals(const ingest::Counters& counters, std::vector<MetricFamily>& families) {
  MetricFamily rejected = Counter("clew_ingest_rejected_rows", "Rows refused by limits while the rest was taken.");
  MetricFamily refused = Counter("clew_ingest_refused_requests", "Batches refused whole.");
  for (const auto& [signal, own] :
       {std::pair{"spans", &counters.spans}, {"logs", &counters.logs}, {"metrics", &counters.metrics}}) {
    for (size_t i = 0; i < ingest::kRejectReasons; ++i) {
      const std::string reason(ingest::NameOf(static_cast<ingest::RejectReason>(i)));
      Add(rejected, {{"signal", signal}, {"reason", reason}}, own->rejected_by_reason[i]);
    }
    for (const auto& [reason, count] : {std::pair{"tenant_limit", own->refused_by_tenant},
                                        {"disk_full", own->refused_disk_full},
                                        {"overload", own->refused_overload},
                                        {"unavailable", own->refused_unavailable}}) {
      Add(refused, {{"signal", signal}, {"reason", reason}}, count);
    }
  }
  families.push_back(std::move(rejected));
  families.push_back(std::move(refused));
}

void AddIngest(const ingest::Counters& counters, std::vector<MetricFamily>& families) {
  using Signal = ingest::Counters::Signal;
  struct Column {
    const char* name;
    const char* help;
    uint64_t Signal::* member;
  };
  static constexpr std::array<Column, 6> kColumns = {{
      {"clew_ingest_requests", "Batches that came in.", &Signal::requests},
      {"clew_ingest_rows", "Spans, log records and points taken.", &Signal::rows},
      {"clew_ingest_repeated_requests", "Batches that came a second time and were not stored again.",
       &Signal::repeated_requests},
      {"clew_ingest_dropped_attributes", "Attributes beyond the limits.", &Signal::attributes_dropped},
      {"clew_ingest_cut_values", "Values cut at the limits.", &Signal::values_cut},
      {"clew_ingest_replaced_times", "Event times out of range.", &Signal::times_replaced},
  }};
  for (const Column& column : kColumns) {
    MetricFamily family = Counter(column.name, column.help);
    Add(family, {{"signal", "spans"}}, counters.spans.*column.member);
    Add(family, {{"signal", "logs"}}, counters.logs.*column.member);
    Add(family, {{"signal", "metrics"}}, counters.metrics.*column.member);
    families.push_back(std::move(family));
  }
  AddRefusals(counters, families);
}

void AddRedactions(const privacy::RedactionCounts& counts, std::vector<MetricFamily>& families) {
  MetricFamily family =
      Counter("clew_privacy_redactions", "Texts and values changed, by rule; senders may have changed others before.");
  for (const privacy::RedactionCount& one : counts) {
    Add(family, {{"rule", one.rule}, {"signal", std::string(privacy::SignalName(one.signal))}}, one.count);
  }
  families.push_back(std::move(family));
}

void AddWritePath(const store::WritePathStats& stats, std::vector<MetricFamily>& families) {
  MetricFamily pending_rows = Gauge("clew_store_pending_rows", "Rows acknowledged that are not in their table yet.");
  MetricFamily pending_bytes = Gauge("clew_store_pending_bytes", "The same in bytes of memory.", "bytes");
  MetricFamily age = Gauge("clew_store_pending_age_seconds", "Age of the oldest such row.", "seconds");
  MetricFamily inserted = Counter("clew_store_inserted_rows", "Rows that went into their table.");
  MetricFamily cuts = Counter("clew_store_cuts", "INSERTs.");
  MetricFamily flushes = Counter("clew_store_flushes", "INSERTs that a reader asked for.");
  MetricFamily errors = Counter("clew_store_insert_errors", "INSERTs that failed and were or will be tried again.");
  MetricFamily aside = Counter("clew_store_rows_set_aside", "Rows that no INSERT takes; kept in a segment set aside.");
  for (size_t i = 0; i < stats.tables.size(); ++i) {
    const auto& table = stats.tables[i];
    const std::vector<model::Label> labels{{"table", std::string(kTableNames[i])}};
    Add(pending_rows, labels, table.pending_rows);
    Add(pending_bytes, labels, table.pending_bytes);
    Add(age, labels, static_cast<double>(table.oldest_age.count()) / 1000);
    Add(inserted, labels, table.inserted_rows);
    Add(cuts, labels, table.cuts);
    Add(flushes, labels, table.flushes);
    Add(errors, labels, table.insert_errors);
    Add(aside, labels, table.rows_set_aside);
  }
  MetricFamily stale = Counter("clew_store_stale_reads", "Reads that went on without rows that no INSERT got through.");
  Add(stale, {}, stats.stale_reads);
  MetricFamily log_bytes = Gauge("clew_store_log_bytes", "Size of the write-ahead log.", "bytes");
  Add(log_bytes, {}, stats.log.bytes);
  MetricFamily log_refused =
      Counter("clew_store_log_refused_records", "Batches that the write-ahead log did not take.");
  Add(log_refused, {}, stats.log.refused_records);
  for (MetricFamily* family : {&pending_rows, &pending_bytes, &age, &inserted, &cuts, &flushes, &errors, &aside, &stale,
                               &log_bytes, &log_refused}) {
    families.push_back(std::move(*family));
  }
}

void AddRetention(const store::RetentionStats& stats, std::vector<MetricFamily>& families) {
  MetricFamily days = Counter("clew_store_dropped_partitions", "Days of arrival that retention dropped.");
  Add(days, {{"reason", "age"}}, stats.dropped_days_by_age);
  Add(days, {{"reason", "disk_share"}}, stats.dropped_days_by_disk_share);
  MetricFamily rows = Counter("clew_store_dropped_rows", "Rows in them.");
  Add(rows, {}, stats.dropped_rows);
  MetricFamily bytes = Gauge("clew_store_table_bytes", "Size of the tables when retention looked last.", "bytes");
  Add(bytes, {}, stats.table_bytes);
  for (MetricFamily* family : {&days, &rows, &bytes}) families.push_back(std::move(*family));
}

void AddHttp(const std::vector<std::pair<std::string, net::HttpServer::Counters>>& servers,
             std::vector<MetricFamily>& families) {
  using Counters = net::HttpServer::Counters;
  struct Column {
    const char* name;
    const char* help;
    uint64_t Counters::* member;
    bool is_counter;
  };
  static constexpr std::array<Column, 8> kColumns = {{
      {"clew_http_connections", "Connections accepted.", &Counters::connections, true},
      {"clew_http_open_connections", "Connections open now.", &Counters::open_connections, false},
      {"clew_http_requests", "Requests answered.", &Counters::requests, true},
      {"clew_http_refused_requests", "Requests that the server itself refused.", &Counters::refused_requests, true},
      {"clew_http_overload_refusals", "Of these: for lack of threads, memory or connections.", &Counters::overloaded,
       true},
      {"clew_http_cancelled_requests", "Requests whose client went away first.", &Counters::cancelled, true},
      {"clew_http_received_body_bytes", "Bytes of request bodies, as sent.", &Counters::received_body_bytes, true},
      {"clew_http_sent_body_bytes", "Bytes of answers.", &Counters::sent_body_bytes, true},
  }};
  for (const Column& column : kColumns) {
    MetricFamily family = column.is_counter ? Counter(column.name, column.help) : Gauge(column.name, column.help);
    for (const auto& [name, counters] : servers) Add(family, {{"listener", name}}, counters.*column.member);
    families.push_back(std::move(family));
  }
}

}  // namespace

std::vector<MetricFamily> SelfMetrics(const ingest::Counters& ingest, const store::WritePathStats& write_path,
                                      const store::RetentionStats& retention, uint64_t parts_aside,
                                      const privacy::RedactionCounts& redactions,
                                      const std::vector<std::pair<std::string, net::HttpServer::Counters>>& http) {
  std::vector<MetricFamily> families;
  MetricFamily info = Family("clew_build", "Version of this server.", model::FamilyType::kInfo);
  info.samples.push_back({"_info", {{"version", CLEW_VERSION}}, 1, {}});
  families.push_back(std::move(info));
  AddIngest(ingest, families);
  AddRedactions(redactions, families);
  AddWritePath(write_path, families);
  AddRetention(retention, families);
  MetricFamily aside = Gauge("clew_store_parts_aside", "Damaged parts of tables that lie aside.");
  Add(aside, {}, parts_aside);
  families.push_back(std::move(aside));
  AddHttp(http, families);
  return families;
}

}  // namespace clew::cli
