// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "clew/privacy/detect/scanner.h"

namespace clew::privacy::detect {
namespace {

void ScanLines(benchmark::State& state, const std::vector<std::string>& lines) {
  Scanner::Enabled enabled;
  enabled.fill(true);
  const auto scanner = Scanner::Make(AllRules(), enabled);
  Scanner::Pass pass(**scanner);
  size_t bytes = 0;
  for (auto _ : state) {
    for (const std::string& line : lines) {
      benchmark::DoNotOptimize(pass.Scan(line));
      bytes += line.size();
    }
  }
  state.counters["per_byte"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Clean(benchmark::State& state) {
  ScanLines(
      state,
      {
          "2026-11-24T10:11:12.345678Z INFO shop.checkout order 100034 placed in 12.5 ms for a basket of seven things, "
          "paid by invoice",
          "GET /api/v1/orders/8841/items?page=2&size=50 HTTP/1.1 200 1532 upstream=payment duration=0.153",
          "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 level=info msg=\"reserved stock\" "
          "sku=8841 left=12",
          "File \"/usr/lib/python3.11/site-packages/flask/app.py\", line 1455, in wsgi_app response = "
          "self.full_dispatch_request()",
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.109 Safari/537.36",
      });
}
BENCHMARK(Clean);

void Tainted(benchmark::State& state) {
  ScanLines(state,
            {
                "2026-11-24T10:11:12.345678Z INFO shop.checkout order 100034 placed by zoe@example.net in 12.5 ms, "
                "paid by 4111 1111 1111 1111",
                "GET /login?user=zoe&password=hunter2&page=2 HTTP/1.1 200 1532 client=203.0.113.7 duration=0.153",
                "Authorization: Bearer "
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_"
                "XgL0n3I9PlFUP0THsR8U",
                "call +49 30 1234567 or (555) 123-4567 about DE89370400440532013000",
            });
}
BENCHMARK(Tainted);

}  // namespace
}  // namespace clew::privacy::detect
