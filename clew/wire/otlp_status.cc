// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "clew/base/bytes.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/wire/otlp.h"
#include "clew/wire/otlp_encode.h"
#include "clew/wire/otlp_json.h"
#include "clew/wire/protobuf_reader.h"

namespace clew::wire {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRetryInfoType = "type.googleapis.com/google.rpc.RetryInfo";
// No server is taken at its word for longer.
constexpr milliseconds kLongestRetryAfter = std::chrono::hours(24);

std::string_view RejectedName(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return json::NameOf(json::Field::kRejectedSpans);
    case Signal::kLogs: return json::NameOf(json::Field::kRejectedLogRecords);
    case Signal::kMetrics: return json::NameOf(json::Field::kRejectedDataPoints);
  }
  return {};
}

base::Error NotA(std::string_view message, std::string_view what) {
  return {base::Code::kInvalidArgument, fmt::format("the bytes are no {}: {}", message, what), {}};
}

// Runs `decode`, which reads protobuf or JSON, and names what it throws.
template <typename T, typename Decode>
base::Result<T> Guarded(std::string_view message, Decode&& decode) {
  try {
    return decode();
  } catch (const Malformed& malformed) {
    return std::unexpected(NotA(message, malformed.what));
  } catch (const json::WrongType& wrong) {
    return std::unexpected(NotA(message, fmt::format("{} must be {}", json::NameOf(wrong.field), wrong.expected)));
  }
}

PartialSuccess ReadPartialSuccess(std::string_view message) {
  PartialSuccess success;
  ProtobufReader response(message);
  while (response.Next()) {
    if (response.tag() != LengthTag(field::response::kPartialSuccess)) {
      response.Skip();
      continue;
    }
    ProtobufReader reader(response.Bytes());
    while (reader.Next()) {
      switch (reader.tag()) {
        case VarintTag(field::partial_success::kRejected):
          success.rejected = static_cast<uint64_t>(std::max(static_cast<int64_t>(reader.Varint()), int64_t{0}));
          break;
        case LengthTag(field::partial_success::kErrorMessage): success.message = base::ToUtf8(reader.Bytes()); break;
        default: reader.Skip();
      }
    }
  }
  return success;
}

PartialSuccess ReadPartialSuccess(json::Object message) {
  PartialSuccess success;
  json::ForEachField(message, [&](json::Field outer, json::Element partial) {
    if (outer != json::Field::kPartialSuccess) return;
    json::ForEachField(json::AsObject(outer, partial), [&](json::Field field, json::Element value) {
      switch (field) {
        case json::Field::kRejectedSpans:
        case json::Field::kRejectedLogRecords:
        case json::Field::kRejectedDataPoints:
          success.rejected = static_cast<uint64_t>(std::max(json::AsInt64(field, value), int64_t{0}));
          break;
        case json::Field::kErrorMessage: success.message = json::AsText(field, value); break;
        default: break;
      }
    });
  });
  return success;
}

base::Code KnownCode(int32_t code) {
  const bool known = code > 0 && code <= static_cast<int32_t>(base::Code::kUnauthenticated);
  return known ? static_cast<base::Code>(code) : base::Code::kUnknown;
}

milliseconds RetryAfter(int64_t seconds, int64_t nanos) {
  const int64_t longest = std::chrono::duration_cast<std::chrono::seconds>(kLongestRetryAfter).count();
  if (seconds >= longest) return kLongestRetryAfter;
  if (seconds < 0 || nanos < 0) return {};
  return milliseconds(seconds * 1000 + std::min(nanos, base::kNanosPerSecond - 1) / base::kNanosPerMilli);
}

milliseconds ReadRetryInfo(std::string_view message) {
  int64_t seconds = 0;
  int64_t nanos = 0;
  ProtobufReader info(message);
  while (info.Next()) {
    if (info.tag() != LengthTag(field::retry_info::kRetryDelay)) {
      info.Skip();
      continue;
    }
    ProtobufReader delay(info.Bytes());
    while (delay.Next()) {
      switch (delay.tag()) {
        case VarintTag(field::duration::kSeconds): seconds = static_cast<int64_t>(delay.Varint()); break;
        case VarintTag(field::duration::kNanos): nanos = delay.Enum(); break;
        default: delay.Skip();
      }
    }
  }
  return RetryAfter(seconds, nanos);
}

base::Error ReadStatus(std::string_view message) {
  base::Error error;
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case VarintTag(field::rpc_status::kCode): error.code = KnownCode(reader.Enum()); break;
      case LengthTag(field::rpc_status::kMessage): error.message = base::ToUtf8(reader.Bytes()); break;
      case LengthTag(field::rpc_status::kDetails): {
        std::string_view type;
        std::string_view value;
        ProtobufReader detail(reader.Bytes());
        while (detail.Next()) {
          switch (detail.tag()) {
            case LengthTag(field::any::kTypeUrl): type = detail.Bytes(); break;
            case LengthTag(field::any::kValue): value = detail.Bytes(); break;
            default: detail.Skip();
          }
        }
        if (type == kRetryInfoType) error.retry_after = ReadRetryInfo(value);
        break;
      }
      default: reader.Skip();
    }
  }
  return error;
}

milliseconds ParseRetryDelay(std::string_view text) {
  const auto delay = base::ParseDuration(text);
  if (!delay || delay->count() < 0) return {};
  return std::min(std::chrono::duration_cast<milliseconds>(*delay), kLongestRetryAfter);
}

base::Error ReadStatus(json::Object message) {
  base::Error error;
  json::ForEachField(message, [&](json::Field field, json::Element value) {
    if (field == json::Field::kCode) {
      error.code = KnownCode(json::AsInt32(field, value));
    } else if (field == json::Field::kMessage) {
      error.message = json::AsText(field, value);
    } else if (field == json::Field::kDetails) {
      json::ForEachElement(field, value, [&](json::Element detail) {
        json::ForEachField(json::AsObject(field, detail), [&](json::Field inner, json::Element delay) {
          if (inner == json::Field::kRetryDelay) error.retry_after = ParseRetryDelay(json::AsText(inner, delay));
        });
      });
    }
  });
  return error;
}

}  // namespace

std::string EncodePartialSuccess(Signal signal, uint64_t rejected, std::string_view message, Format format) {
  const bool plain = rejected == 0 && message.empty();
  const std::string text = base::ToUtf8(message);
  const int64_t count = static_cast<int64_t>(std::min<uint64_t>(rejected, INT64_MAX));
  if (format == Format::kProtobuf) {
    std::string out;
    if (plain) return out;
    {
      ProtobufWriter response(out);
      ProtobufWriter partial(response, field::response::kPartialSuccess);
      if (count != 0) partial.add_int64(field::partial_success::kRejected, count);
      PutString(partial, field::partial_success::kErrorMessage, text);
    }
    return out;
  }
  base::JsonWriter json;
  json.BeginObject();
  if (!plain) {
    json.Key(json::NameOf(json::Field::kPartialSuccess)).BeginObject();
    if (count != 0) json.Field(RejectedName(signal), std::to_string(count));
    if (!text.empty()) json.Field(json::NameOf(json::Field::kErrorMessage), text);
    json.EndObject();
  }
  json.EndObject();
  return json.Take();
}

base::Result<PartialSuccess> DecodePartialSuccess(Signal signal, std::string_view bytes, Format format) {
  static_cast<void>(signal);  // all three have the same fields
  return Guarded<PartialSuccess>("OTLP response", [&]() -> base::Result<PartialSuccess> {
    if (format == Format::kProtobuf) return ReadPartialSuccess(bytes);
    CLEW_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(bytes));
    return ReadPartialSuccess(document.root());
  });
}

std::string EncodeStatus(const base::Error& error, Format format) {
  const std::string text = base::ToUtf8(error.message);
  const int64_t seconds = error.retry_after.count() / 1000;
  const int64_t millis = error.retry_after.count() % 1000;
  if (format == Format::kProtobuf) {
    std::string out;
    ProtobufWriter status(out);
    status.add_int32(field::rpc_status::kCode, static_cast<int32_t>(error.code));
    PutString(status, field::rpc_status::kMessage, text);
    if (error.retry_after.count() > 0) {
      ProtobufWriter detail(status, field::rpc_status::kDetails);
      PutString(detail, field::any::kTypeUrl, kRetryInfoType);
      ProtobufWriter info(detail, field::any::kValue);
      ProtobufWriter delay(info, field::retry_info::kRetryDelay);
      if (seconds != 0) delay.add_int64(field::duration::kSeconds, seconds);
      if (millis != 0) {
        delay.add_int32(field::duration::kNanos, static_cast<int32_t>(millis * base::kNanosPerMilli));
      }
    }
    return out;
  }
  base::JsonWriter json;
  json.BeginObject();
  json.Field(json::NameOf(json::Field::kCode), static_cast<int>(error.code));
  json.Field(json::NameOf(json::Field::kMessage), text);
  if (error.retry_after.count() > 0) {
    json.Key(json::NameOf(json::Field::kDetails)).BeginArray().BeginObject();
    json.Field("@type", kRetryInfoType);
    json.Field(json::NameOf(json::Field::kRetryDelay),
               millis == 0 ? fmt::format("{}s", seconds) : fmt::format("{}.{:03}s", seconds, millis));
    json.EndObject().EndArray();
  }
  json.EndObject();
  return json.Take();
}

base::Result<base::Error> DecodeStatus(std::string_view bytes, Format format) {
  return Guarded<base::Error>("Status", [&]() -> base::Result<base::Error> {
    if (format == Format::kProtobuf) return ReadStatus(bytes);
    CLEW_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(bytes));
    return ReadStatus(document.root());
  });
}

}  // namespace clew::wire
