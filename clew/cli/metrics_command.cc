// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "clew/base/time.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/terminal.h"
#include "clew/model/labels.h"

namespace clew::cli {
namespace {

struct MetricsOptions {
  ServerOptions server;
  std::string query;
  std::string from;
  std::string to;
  std::string step;
  std::string format;
};

// Eight heights of a bar, one character a value; gaps where there is none.
std::string Sparkline(const std::vector<double>& values) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::string line;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      line += ' ';
      continue;
    }
    const double share = high > low ? (value - low) / (high - low) : 0.0;
    line += "\xE2\x96";
    line += static_cast<char>(0x81 + static_cast<int>(std::lround(share * 7)));
  }
  return line;
}

double NumberOf(const base::JsonValue& sample) {
  const std::string text(sample.AsArray().size() == 2 ? sample.AsArray()[1].AsString() : std::string_view());
  return std::strtod(text.c_str(), nullptr);
}

std::string NameOf(const base::JsonValue& metric) {
  std::vector<model::Label> labels;
  for (const auto& [name, value] : metric.AsObject()) labels.push_back({name, std::string(value.AsString())});
  return Printable(model::Labels(std::move(labels)).ToString());
}

void PrintRange(const base::JsonValue& result, const Terminal& terminal) {
  for (const base::JsonValue& series : result.AsArray()) {
    std::vector<double> values;
    for (const base::JsonValue& sample : series["values"].AsArray()) values.push_back(NumberOf(sample));
    if (values.empty()) continue;
    fmt::print("{}\n  {}  first {:g}  last {:g}\n", NameOf(series["metric"]),
               terminal.Paint(Terminal::Style::kCyan, Sparkline(values)), values.front(), values.back());
  }
}

void PrintInstant(const base::JsonValue& result) {
  for (const base::JsonValue& series : result.AsArray()) {
    fmt::print("{:>14g}  {}\n", NumberOf(series["value"]), NameOf(series["metric"]));
  }
}

base::Result<net::Parameters> Parameters(const MetricsOptions& options) {
  const base::UnixNanos now = base::Clock::System().Now();
  net::Parameters parameters;
  parameters.Add("query", options.query);
  base::UnixNanos to = now;
  if (!options.to.empty()) {
    CLEW_ASSIGN_OR_RETURN(to, base::ParseTime(options.to, now));
  }
  if (options.from.empty()) {
    parameters.Add("time", base::FormatTime(to));
    return parameters;
  }
  CLEW_ASSIGN_OR_RETURN(const base::UnixNanos from, base::ParseTime(options.from, now));
  parameters.Add("start", base::FormatTime(from));
  parameters.Add("end", base::FormatTime(to));
  // Sixty values fit a line.
  parameters.Add("step", options.step.empty()
                             ? fmt::format("{:.3f}", std::max(1.0, static_cast<double>(to - from) / 1e9 / 60))
                             : options.step);
  return parameters;
}

int Run(const MetricsOptions& options) {
  const auto parameters = Parameters(options);
  if (!parameters) return ReportError(parameters.error());
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  const bool is_range = !options.from.empty();
  const auto body = client->Get(is_range ? "/api/v1/query_range" : "/api/v1/query", *parameters);
  if (!body) return ReportError(body.error());
  if (options.format == "json") {
    fmt::print("{}\n", *body);
    return 0;
  }
  const auto answer = base::ParseJson(*body);
  if (!answer) return ReportError(answer.error());
  const base::JsonValue& data = (*answer)["data"];
  if (data["resultType"].AsString() == "scalar" || data["resultType"].AsString() == "string") {
    fmt::print("{}\n", data["result"].AsArray().size() == 2 ? data["result"].AsArray()[1].AsString() : "");
  } else if (data["result"].AsArray().empty()) {
    fmt::print("No series matches.\n");
  } else if (is_range) {
    PrintRange(data["result"], Terminal::OfStandardOutput());
  } else {
    PrintInstant(data["result"]);
  }
  return 0;
}

}  // namespace

void AddMetricsCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<MetricsOptions>();
  CLI::App* command = app.add_subcommand("metrics", "Ask in PromQL");
  command->footer(
      "Examples:\n"
      "  clew metrics 'sum by (job) (rate(http_server_request_duration_seconds_count[5m]))'\n"
      "  clew metrics up --from -1h\n"
      "  clew metrics 'histogram_quantile(0.95, rate(http_server_request_duration_seconds_bucket[5m]))' --format json");
  options->server.AddTo(*command);
  command->add_option("promql", options->query, "The query")->required();
  command->add_option("--from", options->from, "Start of a range; without it the value at one time is shown");
  command->add_option("--to", options->to, "End of the range, or the time (default: now)");
  command->add_option("--step", options->step, "Resolution of the range, such as 30s");
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
