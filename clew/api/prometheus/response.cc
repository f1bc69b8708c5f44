// SPDX-License-Identifier: Apache-2.0
#include "clew/api/prometheus/response.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>

#include "clew/api/http/error.h"
#include "clew/query/promql/text.h"

namespace clew::api::prometheus {
namespace {

namespace promql = query::promql;

struct ErrorForm {
  std::string_view type;
  int status;
};

// What kinds of error Prometheus knows (web/api/v1, errorType and getDefaultErrorCode).
ErrorForm FormOf(base::Code code) {
  switch (code) {
    case base::Code::kInvalidArgument:
    case base::Code::kOutOfRange: return {"bad_data", 400};
    case base::Code::kUnauthenticated: return {"bad_data", 401};
    case base::Code::kPermissionDenied: return {"bad_data", 403};
    case base::Code::kNotFound: return {"not_found", 404};
    case base::Code::kFailedPrecondition:
    case base::Code::kResourceExhausted: return {"execution", 422};
    case base::Code::kCancelled: return {"canceled", 499};
    case base::Code::kDeadlineExceeded: return {"timeout", 503};
    case base::Code::kUnavailable: return {"unavailable", 503};
    case base::Code::kUnimplemented: return {"execution", 501};
    default: return {"internal", 500};
  }
}

net::HttpResponse Failure(int status, std::string_view type, const base::Error& error) {
  base::JsonWriter json;
  json.BeginObject().Field("status", "error").Field("errorType", type).Field("error", error.message).EndObject();
  return http::ErrorResponse(status, "application/json", json.Take(), error);
}

void WriteTexts(base::JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

void AppendNumber(double value, std::string& out) {
  out += '"';
  promql::AppendSampleValue(value, out);
  out += '"';
}

// [1435781451.781,"1.5"]
void AppendPoint(int64_t time_ms, double value, std::string& out) {
  out += '[';
  AppendTime(time_ms, out);
  out += ',';
  AppendNumber(value, out);
  out += ']';
}

// [0,"1","2","5"]: open left, open right, open, or closed; the bounds; the count.
void AppendBucket(const promql::BucketView& bucket, std::string& out) {
  const int kind = bucket.lower_inclusive ? (bucket.upper_inclusive ? 3 : 1) : (bucket.upper_inclusive ? 0 : 2);
  out += '[';
  out += static_cast<char>('0' + kind);
  for (const double number : {bucket.lower, bucket.upper, bucket.count}) {
    out += ',';
    AppendNumber(number, out);
  }
  out += ']';
}

// [1435781451.781,{"count":"60","sum":"33424","buckets":[[0,"1","2","5"]]}]
void AppendPoint(int64_t time_ms, const promql::Histogram& histogram, std::string& out) {
  out += '[';
  AppendTime(time_ms, out);
  out += ",{\"count\":";
  AppendNumber(histogram.count, out);
  out += ",\"sum\":";
  AppendNumber(histogram.sum, out);
  std::string buckets;
  for (const promql::BucketView& bucket : promql::AllBuckets(histogram)) {
    if (bucket.count == 0) continue;
    if (!buckets.empty()) buckets += ',';
    AppendBucket(bucket, buckets);
  }
  if (!buckets.empty()) out += ",\"buckets\":[" + buckets + ']';
  out += "}]";
}

void WritePoint(base::JsonWriter& json, int64_t time_ms, double value) {
  std::string point;
  AppendPoint(time_ms, value, point);
  json.Raw(point);
}

void WriteFloats(base::JsonWriter& json, const promql::ResultSeries& series, bool vector) {
  if (series.values.empty()) return;
  std::string points;
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (i > 0) points += ',';
    AppendPoint(series.times_ms[i], series.values[i], points);
  }
  json.Key(vector ? "value" : "values").Raw(vector ? points : '[' + points + ']');
}

void WriteHistograms(base::JsonWriter& json, const promql::ResultSeries& series, bool vector) {
  if (series.histograms.empty()) return;
  std::string points;
  for (size_t i = 0; i < series.histograms.size(); ++i) {
    if (i > 0) points += ',';
    AppendPoint(series.histogram_times_ms[i], *series.histograms[i], points);
  }
  json.Key(vector ? "histogram" : "histograms").Raw(vector ? points : '[' + points + ']');
}

}  // namespace

net::HttpResponse Success(std::string_view data, const std::vector<std::string>& warnings,
                          const std::vector<std::string>& infos) {
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Key("data").Raw(data);
  WriteTexts(json, "warnings", warnings);
  WriteTexts(json, "infos", infos);
  json.EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

net::HttpResponse Failure(const base::Error& error) {
  const ErrorForm form = FormOf(error.code);
  return Failure(form.status, form.type, error);
}

net::HttpRouter::ErrorRenderer Failures() {
  return [](const net::HttpRequest&, int status, const base::Error& error) {
    std::string_view type = "bad_data";
    if (status == 404) type = "not_found";
    if (status == 503) type = "unavailable";
    if (status == 500) type = "internal";
    return Failure(status, type, error);
  };
}

void AppendTime(int64_t time_ms, std::string& out) {
  const int64_t magnitude = std::abs(time_ms);
  fmt::format_to(std::back_inserter(out), "{}{}", time_ms < 0 ? "-" : "", magnitude / 1000);
  if (magnitude % 1000 != 0) fmt::format_to(std::back_inserter(out), ".{:03}", magnitude % 1000);
}

void WriteLabels(base::JsonWriter& json, const model::Labels& labels) {
  json.BeginObject();
  for (const model::Label& label : labels) json.Field(label.name, label.value);
  json.EndObject();
}

std::string ResultJson(const promql::QueryResult& result) {
  base::JsonWriter json;
  json.BeginObject().Field("resultType", promql::ValueTypeName(result.type)).Key("result");
  if (result.type == promql::ValueType::kScalar) {
    WritePoint(json, result.time_ms, result.scalar);
  } else if (result.type == promql::ValueType::kString) {
    std::string time;
    AppendTime(result.time_ms, time);
    json.BeginArray().Raw(time).String(result.text).EndArray();
  } else {
    const bool vector = result.type == promql::ValueType::kVector;
    json.BeginArray();
    for (const promql::ResultSeries& series : result.series) {
      json.BeginObject().Key("metric");
      WriteLabels(json, series.labels);
      WriteFloats(json, series, vector);
      WriteHistograms(json, series, vector);
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  return json.Take();
}

}  // namespace clew::api::prometheus
