// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_oracle_test.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "clew/base/bytes.h"

namespace clew::wire::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsText(const FieldDescriptor& field) {
  const std::string& name = field.name();
  return field.type() == FieldDescriptor::TYPE_BYTES && !name.ends_with("_id") && name != "bytes_value";
}

// What holds for messages wherever they stand.
void NormaliseMessage(Message& message) {
  if (auto* key_value = dynamic_cast<testdata::KeyValue*>(&message)) key_value->mutable_value();
  if (auto* exemplar = dynamic_cast<testdata::Exemplar*>(&message)) {
    if (exemplar->value_case() == testdata::Exemplar::VALUE_NOT_SET) exemplar->set_as_double(0);
  }
  if (auto* point = dynamic_cast<testdata::ExponentialHistogramPoint*>(&message)) {
    const auto empty = [](const auto& buckets) { return buckets.offset() == 0 && buckets.bucket_counts().empty(); };
    if (empty(point->positive())) point->clear_positive();
    if (empty(point->negative())) point->clear_negative();
  }
}

void NormaliseEnum(const FieldDescriptor& field, Message& message) {
  int last = -1;
  if (field.name() == "kind") last = 5;
  if (field.name() == "code" || field.name() == "aggregation_temporality") last = 2;
  if (field.name() == "severity_number") last = 24;
  if (last < 0) return;
  const int number = message.GetReflection()->GetInt32(message, &field);
  if (number < 0 || number > last) message.GetReflection()->SetInt32(&message, &field, 0);
}

void NormaliseFields(Message& message) {
  NormaliseMessage(message);
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      if (!field->is_repeated()) {
        NormaliseFields(*reflection.MutableMessage(&message, field));
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        NormaliseFields(*reflection.MutableRepeatedMessage(&message, field, i));
      }
    } else if (IsText(*field)) {
      const std::string text = reflection.GetString(message, field);
      reflection.SetString(&message, field, base::ToUtf8(text));
    } else if (field->type() == FieldDescriptor::TYPE_INT32) {
      NormaliseEnum(*field, message);
    }
  }
}

bool RightLength(const std::string& id, size_t length) { return id.empty() || id.size() == length; }
bool AllZeros(const std::string& id) { return id.find_first_not_of('\0') == std::string::npos; }

template <typename M>
bool RightIds(const M& message) {
  return RightLength(message.trace_id(), 16) && RightLength(message.span_id(), 8);
}

template <typename M>
void ClearZeroIds(M& message) {
  if (AllZeros(message.trace_id())) message.clear_trace_id();
  if (AllZeros(message.span_id())) message.clear_span_id();
}

bool Keep(testdata::Span& span) {
  bool right = RightIds(span) && RightLength(span.parent_span_id(), 8) && !AllZeros(span.trace_id()) &&
               !AllZeros(span.span_id());
  for (auto& link : *span.mutable_links()) {
    right = right && RightIds(link);
    ClearZeroIds(link);
  }
  if (AllZeros(span.parent_span_id())) span.clear_parent_span_id();
  if (span.status().message().empty() && span.status().code() == 0) span.clear_status();
  return right;
}

bool Keep(testdata::LogRecord& record) {
  const bool right = RightIds(record);
  ClearZeroIds(record);
  if (record.body().value_case() == testdata::AnyValue::VALUE_NOT_SET) record.clear_body();
  return right;
}

bool BucketsFit(const testdata::NumberPoint&) { return true; }
bool BucketsFit(const testdata::HistogramPoint& point) {
  const int bounds = point.explicit_bounds_size();
  const int counts = point.bucket_counts_size();
  return counts == 0 ? bounds == 0 : counts == bounds + 1;
}
bool BucketsFit(const testdata::ExponentialHistogramPoint& point) {
  const auto fit = [](const auto& buckets) {
    return int64_t{buckets.offset()} + buckets.bucket_counts_size() <= std::numeric_limits<int32_t>::max();
  };
  return fit(point.positive()) && fit(point.negative());
}

// Takes away the elements for which keep() is false; their number.
template <typename List, typename KeepElement>
uint64_t RemoveUnless(List& list, KeepElement&& keep) {
  int kept = 0;
  const int size = list.size();
  for (int i = 0; i < size; ++i) {
    if (!keep(*list.Mutable(i))) continue;
    if (kept != i) list.SwapElements(kept, i);
    ++kept;
  }
  list.DeleteSubrange(kept, size - kept);
  return static_cast<uint64_t>(size - kept);
}

template <typename List>
uint64_t NormalisePoints(List& points) {
  return RemoveUnless(points, [](auto& point) {
    bool right = BucketsFit(point);
    for (auto& exemplar : *point.mutable_exemplars()) {
      right = right && RightIds(exemplar);
      ClearZeroIds(exemplar);
    }
    return right;
  });
}

uint64_t NormalisePoints(testdata::Metric& metric) {
  switch (metric.data_case()) {
    case testdata::Metric::kGauge: return NormalisePoints(*metric.mutable_gauge()->mutable_data_points());
    case testdata::Metric::kSum: return NormalisePoints(*metric.mutable_sum()->mutable_data_points());
    case testdata::Metric::kHistogram: return NormalisePoints(*metric.mutable_histogram()->mutable_data_points());
    case testdata::Metric::kExponentialHistogram:
      return NormalisePoints(*metric.mutable_exponential_histogram()->mutable_data_points());
    default: return 0;
  }
}

bool IsEmpty(const Message& message) { return message.ByteSizeLong() == 0; }

// `records(list)` normalises the records of one scope group and says how many it took away.
template <typename Request, typename Records>
uint64_t NormaliseRequest(Request& request, Records&& records) {
  request.DiscardUnknownFields();
  NormaliseFields(request);
  uint64_t removed = 0;
  RemoveUnless(*request.mutable_resource_groups(), [&](auto& resource_group) {
    if (IsEmpty(resource_group.resource())) resource_group.clear_resource();
    RemoveUnless(*resource_group.mutable_scope_groups(), [&](auto& scope_group) {
      if (IsEmpty(scope_group.scope())) scope_group.clear_scope();
      removed += records(*scope_group.mutable_records());
      return !scope_group.records().empty();
    });
    return !resource_group.scope_groups().empty();
  });
  return removed;
}

void UsualNan(double& value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
}
void UsualNan(model::Value& value) {
  if (value.kind != model::ValueKind::kDouble || !std::isnan(value.double_value())) return;
  value = model::Value::Double(std::numeric_limits<double>::quiet_NaN());
}
void UsualNan(model::Number& number) {
  if (!number.is_int && std::isnan(number.AsDouble())) {
    number = model::Number::Double(std::numeric_limits<double>::quiet_NaN());
  }
}
void UsualNans(model::BatchBase& batch) {
  for (model::KeyValue& row : batch.attributes.key_values) UsualNan(row.value);
  for (model::Value& value : batch.attributes.values) UsualNan(value);
}

// The surroundings of the first difference of two long texts.
std::string FirstDifference(std::string_view expected, std::string_view got) {
  const auto [left, right] = std::ranges::mismatch(expected, got);
  const size_t at = static_cast<size_t>(left - expected.begin());
  const size_t from = at < 300 ? 0 : at - 300;
  return "expected …" + std::string(expected.substr(from, 400)) + "… got …" + std::string(got.substr(from, 400));
}

template <typename Message_, typename Batch, typename Encode>
std::string Compare(const base::Result<Decoded<Batch>>& decoded, std::string_view bytes, Encode&& encode) {
  Message_ expected;
  const bool accepted = ParseByProtobuf(bytes, expected);
  if (!decoded) {
    if (!accepted || decoded.error().message.find("nested") != std::string::npos) return {};
    return "Clew refuses what protobuf accepts: " + decoded.error().message;
  }
  if (!accepted) return "Clew accepts what protobuf refuses";
  if (!decoded->batch.IsConsistent()) return "the batch is not consistent";
  const uint64_t rejected = Normalise(expected);
  // Points of a metric's data that other data replaced are counted too.
  if (decoded->rejected < rejected) return "too few records were rejected";
  if (decoded->reason.empty() != (decoded->rejected == 0)) return "rejected without a reason or the other way round";
  Message_ got;
  const std::string encoded = encode(decoded->batch);
  if (!ParseByProtobuf(encoded, got)) return "protobuf refuses what Clew encodes";
  if (got.SerializeAsString() != expected.SerializeAsString()) {
    return FirstDifference(expected.DebugString(), got.DebugString());
  }
  Batch batch = decoded->batch;
  const std::string through_json = ThroughJson(batch);
  if (through_json == encode(batch)) return {};
  if (!ParseByProtobuf(through_json, got)) return "OTLP/JSON: " + through_json;
  return "OTLP/JSON: " + FirstDifference(expected.DebugString(), got.DebugString());
}

template <typename Batch, typename EncodeJson, typename DecodeJson, typename Encode>
std::string JsonAndBack(const Batch& batch, EncodeJson&& encode_json, DecodeJson&& decode_json, Encode&& encode) {
  const auto decoded = decode_json(encode_json(batch));
  return decoded ? encode(decoded->batch) : decoded.error().message;
}

// Random values.

size_t Below(std::mt19937& random, size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random); }
bool Chance(std::mt19937& random, size_t one_in) { return Below(random, one_in) == 0; }

uint64_t RandomBits(std::mt19937& random) {
  const uint64_t bits = uint64_t{random()} << 32 | random();
  return bits >> Below(random, 64);
}

double RandomDouble(std::mt19937& random) {
  static constexpr double kSpecial[] = {0.0,
                                        -0.0,
                                        1.0,
                                        0.1,
                                        -2.5,
                                        1e300,
                                        5e-324,
                                        std::numeric_limits<double>::infinity(),
                                        -std::numeric_limits<double>::infinity(),
                                        std::numeric_limits<double>::quiet_NaN()};
  if (Chance(random, 2)) return kSpecial[Below(random, std::size(kSpecial))];
  return std::bit_cast<double>(RandomBits(random));
}

std::string RandomBytes(std::mt19937& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string RandomText(std::mt19937& random) {
  static constexpr std::string_view kTexts[] = {"http.request.method",
                                                "GET",
                                                "service.name",
                                                "",
                                                "Grüße aus Köln",
                                                "\xF0\x9F\x98\x80 smile",
                                                "/",
                                                "1",
                                                "a \"quoted\" \\ line\n",
                                                std::string_view("\0nul", 4)};
  if (Chance(random, 30)) return RandomBytes(random, Below(random, 12));
  if (Chance(random, 20)) return std::string(Below(random, 2000), 'x');
  return std::string(kTexts[Below(random, std::size(kTexts))]);
}

std::string RandomId(std::mt19937& random, size_t length) {
  if (Chance(random, 40)) return RandomBytes(random, Below(random, 20));
  if (Chance(random, 40)) return std::string(length, '\0');
  return RandomBytes(random, length);
}

std::string RandomString(const FieldDescriptor& field, std::mt19937& random) {
  if (field.name() == "trace_id") return RandomId(random, 16);
  if (field.name().ends_with("span_id")) return RandomId(random, 8);
  return IsText(field) ? RandomText(random) : RandomBytes(random, Below(random, 20));
}

void FillField(Message& message, const FieldDescriptor& field, std::mt19937& random, int depth) {
  const Reflection& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message* inner = repeated ? reflection.AddMessage(&message, &field) : reflection.MutableMessage(&message, &field);
      FillAtRandom(*inner, random, depth + 1);
      return;
    }
    case FieldDescriptor::CPPTYPE_STRING: reflection.SetString(&message, &field, RandomString(field, random)); return;
    case FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, &field, Chance(random, 2)); return;
    case FieldDescriptor::CPPTYPE_INT32: {
      const bool is_enum = field.name() == "kind" || field.name() == "code" || field.name() == "severity_number" ||
                           field.name() == "aggregation_temporality";
      const int32_t number = static_cast<int32_t>(RandomBits(random));
      reflection.SetInt32(&message, &field,
                          is_enum && !Chance(random, 10) ? static_cast<int32_t>(Below(random, 8)) : number);
      return;
    }
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(&message, &field, static_cast<int64_t>(RandomBits(random)));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      reflection.SetUInt32(&message, &field, static_cast<uint32_t>(RandomBits(random)));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      if (repeated) {
        reflection.AddUInt64(&message, &field, RandomBits(random));
      } else {
        reflection.SetUInt64(&message, &field, RandomBits(random));
      }
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (repeated) {
        reflection.AddDouble(&message, &field, RandomDouble(random));
      } else {
        reflection.SetDouble(&message, &field, RandomDouble(random));
      }
      return;
    default: return;
  }
}

}  // namespace

bool ParseByProtobuf(std::string_view bytes, Message& message) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream input(&stream);
  input.SetRecursionLimit(2000);
  return message.ParseFromCodedStream(&input) && input.ConsumedEntireMessage();
}

uint64_t Normalise(testdata::Traces& message) {
  return NormaliseRequest(message,
                          [](auto& spans) { return RemoveUnless(spans, [](auto& span) { return Keep(span); }); });
}

uint64_t Normalise(testdata::Logs& message) {
  return NormaliseRequest(
      message, [](auto& records) { return RemoveUnless(records, [](auto& record) { return Keep(record); }); });
}

uint64_t Normalise(testdata::Metrics& message) {
  return NormaliseRequest(message, [](auto& metrics) {
    uint64_t removed = 0;
    for (auto& metric : metrics) removed += NormalisePoints(metric);
    return removed;
  });
}

std::string ThroughJson(model::SpanBatch& batch) {
  UsualNans(batch);
  return JsonAndBack(batch, EncodeTracesJson, DecodeTracesJson, EncodeTraces);
}

std::string ThroughJson(model::LogBatch& batch) {
  UsualNans(batch);
  for (model::Value& body : batch.body) UsualNan(body);
  return JsonAndBack(batch, EncodeLogsJson, DecodeLogsJson, EncodeLogs);
}

std::string ThroughJson(model::MetricBatch& batch) {
  UsualNans(batch);
  for (model::NumberPoint& point : batch.numbers) UsualNan(point.value);
  for (model::Exemplar& exemplar : batch.exemplars) UsualNan(exemplar.value);
  for (double& value : batch.doubles) UsualNan(value);
  const auto statistics = [](auto& point) {
    UsualNan(point.sum);
    UsualNan(point.min);
    UsualNan(point.max);
  };
  for (model::HistogramPoint& point : batch.histograms) statistics(point);
  for (model::ExponentialHistogramPoint& point : batch.exponential_histograms) {
    statistics(point);
    UsualNan(point.zero_threshold);
  }
  for (model::SummaryPoint& point : batch.summaries) UsualNan(point.sum);
  return JsonAndBack(batch, EncodeMetricsJson, DecodeMetricsJson, EncodeMetrics);
}

std::string CompareWithProtobuf(Signal signal, std::string_view bytes) {
  switch (signal) {
    case Signal::kTraces: return Compare<testdata::Traces>(DecodeTraces(bytes), bytes, EncodeTraces);
    case Signal::kLogs: return Compare<testdata::Logs>(DecodeLogs(bytes), bytes, EncodeLogs);
    case Signal::kMetrics: return Compare<testdata::Metrics>(DecodeMetrics(bytes), bytes, EncodeMetrics);
  }
  return {};
}

void FillAtRandom(Message& message, std::mt19937& random, int depth) {
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.real_oneof_decl_count(); ++i) {
    if (Chance(random, 12)) continue;
    // Real ones come before those of optional fields.
    const auto& oneof = *descriptor.oneof_decl(i);
    const FieldDescriptor& field =
        *oneof.field(static_cast<int>(Below(random, static_cast<size_t>(oneof.field_count()))));
    if (depth < 12 || field.type() != FieldDescriptor::TYPE_MESSAGE) FillField(message, field, random, depth);
  }
  // Most histogram points are to be right: as many counts as bounds and one more.
  const size_t bounds = Below(random, 5);
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (field.real_containing_oneof() != nullptr) continue;
    const bool is_message = field.type() == FieldDescriptor::TYPE_MESSAGE;
    if (is_message && depth >= 12) continue;
    size_t times = Chance(random, 6) ? 0 : 1;
    if (field.is_repeated()) times = Below(random, is_message && depth < 3 ? 5 : 3);
    if (field.name() == "explicit_bounds") times = bounds;
    if (field.name() == "bucket_counts") times = Chance(random, 10) ? Below(random, 5) : bounds + 1;
    for (size_t j = 0; j < times; ++j) FillField(message, field, random, depth);
  }
}

std::string Mutate(std::string bytes, std::mt19937& random) {
  for (size_t changes = 1 + Below(random, 4); changes > 0; --changes) {
    const size_t at = Below(random, bytes.size() + 1);
    switch (Below(random, 5)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << Below(random, 8)));
        break;
      case 1: bytes.resize(at); break;
      case 2: bytes.insert(at, RandomBytes(random, 1 + Below(random, 4))); break;
      case 3: bytes.insert(at, bytes.substr(Below(random, bytes.size() + 1), Below(random, 40))); break;
      default: bytes.erase(at, Below(random, 8)); break;
    }
  }
  return bytes;
}

}  // namespace clew::wire::testing
