// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string>

#include "clew/privacy/redactor.h"
#include "clew/privacy/sql.h"

namespace clew::privacy {
namespace {

void Statement(benchmark::State& state) {
  const std::string sql =
      "SELECT o.id, o.created, o.total, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer "
      "WHERE c.email = 'zoe@example.net' AND o.total > 12.50 AND o.state IN ('paid', 'sent') ORDER BY o.created LIMIT "
      "20";
  for (auto _ : state) benchmark::DoNotOptimize(ReplaceSqlLiterals(sql));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * sql.size()));
}
BENCHMARK(Statement);

// Spans of ten attributes, of which every fourth runs a statement.
void Spans(benchmark::State& state) {
  model::SpanBatch batch;
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  constexpr int kSpans = 2000;
  for (int i = 0; i < kSpans; ++i) {
    std::vector<model::KeyValue> rows;
    for (int key = 0; key < 9; ++key) {
      rows.push_back({batch.strings.Intern("attribute.number." + std::to_string(key)), 0,
                      model::Value::String(batch.strings.Intern("value " + std::to_string(i % 50 * key)))});
    }
    const bool query = i % 4 == 0;
    rows.push_back({batch.strings.Intern(query ? "db.query.text" : "url.path"), 0,
                    model::Value::String(batch.strings.Intern("SELECT * FROM t WHERE id = " + std::to_string(i)))});
    const size_t row = batch.AddRow();
    batch.attribute_range[row] = batch.attributes.AddKeyValues(rows);
  }
  for (auto _ : state) {
    state.PauseTiming();
    model::SpanBatch copy = batch;
    state.ResumeTiming();
    Redactor().Redact(copy);
    benchmark::DoNotOptimize(copy);
  }
  state.counters["per_span"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kSpans,
                         benchmark::Counter::Flags(benchmark::Counter::kIsRate | benchmark::Counter::kInvert));
}
BENCHMARK(Spans);

}  // namespace
}  // namespace clew::privacy
