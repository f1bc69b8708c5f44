// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "clew/model/ids.h"
#include "clew/model/resource.h"

namespace clew::wire {

// Values nest deeper than model::kMaxValueDepth; thrown and caught within this folder only.
struct TooDeep {};
// More attributes and values than a batch may have (kMaxBatchValues), likewise.
struct TooMany {};

// Attributes, array elements and fields of lists of one batch. One that is empty has two bytes in a message and two
// dozen in a batch, so without a bound a body within its limit could fill the memory.
inline constexpr size_t kMaxBatchValues = 8u << 20;

// Records that were left out of a batch.
struct Rejections {
  uint64_t count = 0;
  std::string reason;  // of the first

  void Add(std::string_view why) {
    if (count++ == 0) reason = why;
  }
};

// Which ids of a record have a wrong length. A field that comes twice counts as it came last.
class WrongIds {
 public:
  enum Place : uint8_t { kTrace = 1, kSpan = 2, kParent = 4, kLink = 8, kExemplar = 16 };

  void Clear() { places_ = 0; }
  void Add(Place place) { places_ |= place; }
  bool Any() const { return places_ != 0; }
  // Takes an id from its bytes; none at all is the zero id.
  template <size_t N>
  void Take(std::string_view bytes, model::Id<N>& id, Place place) {
    if (bytes.size() == N) {
      std::memcpy(id.bytes.data(), bytes.data(), N);
    } else {
      id = {};
    }
    Judge(bytes.empty() || bytes.size() == N, place);
  }
  // The same of its hexadecimal digits.
  template <size_t N>
  void TakeHex(std::string_view digits, model::Id<N>& id, Place place) {
    const auto taken = model::Id<N>::FromHex(digits);
    id = taken.value_or(model::Id<N>{});
    Judge(taken || digits.empty(), place);
  }
  std::string_view Reason() const {
    if (places_ & kTrace) return "trace_id must be 16 bytes (32 hexadecimal digits)";
    if (places_ & kSpan) return "span_id must be 8 bytes (16 hexadecimal digits)";
    if (places_ & kParent) return "parent_span_id must be 8 bytes (16 hexadecimal digits)";
    if (places_ & kLink) return "a link's trace_id must be 16 bytes and its span_id 8 (32 and 16 hexadecimal digits)";
    return "an exemplar's trace_id must be 16 bytes and its span_id 8 (32 and 16 hexadecimal digits)";
  }

 private:
  void Judge(bool right, Place place) { places_ = static_cast<uint8_t>(right ? places_ & ~place : places_ | place); }
  uint8_t places_ = 0;
};

inline constexpr std::string_view kMissingSpanIds = "a span's trace_id and span_id must be there and not all zeros";
inline constexpr std::string_view kWrongBuckets =
    "a histogram point's bucket_counts must be one more than its explicit_bounds, or both be empty";
inline constexpr std::string_view kWrongExponentialBuckets =
    "an exponential histogram point's bucket indexes must fit 32 bits";

inline constexpr uint8_t kLastSeverity = 24;  // SEVERITY_NUMBER_FATAL4

// The numbers of an enum that OTLP 1.x names are 0 to `last`; the rest become 0.
template <typename E>
E KnownEnum(int64_t number, E last) {
  return number >= 0 && number <= static_cast<int64_t>(last) ? static_cast<E>(number) : E{};
}

// The rows of another column from `first` to its end.
inline model::Range RangeFrom(size_t first, size_t end) {
  return {static_cast<uint32_t>(first), static_cast<uint32_t>(end - first)};
}

// Writes strings and attributes into a batch while its messages are read. Lists that are still open lie on two stacks;
// a list moves into the batch's columns when it ends, so children come before their parents and each list is
// contiguous, in whatever order the fields come. Not thread-safe.
class BatchBuilder {
 public:
  explicit BatchBuilder(model::BatchBase& batch) : strings_(batch.strings), attributes_(batch.attributes) {}

  // Room for what a message of that size usually holds.
  void ReserveFor(size_t message_bytes);

  // The id of a text, ill-formed UTF-8 repaired.
  model::StringId Text(std::string_view text) {
    if (text.empty()) return 0;
    const size_t known = strings_.size();
    const model::StringId id = text.size() <= kInternedBytes ? strings_.Intern(text) : strings_.Add(text);
    // Texts that were known are well-formed already.
    if (strings_.size() != known) Repair(id, text);
    return id;
  }
  // Bytes are never interned: an equal text must not be taken for one that was looked at.
  model::StringId Bytes(std::string_view bytes) { return strings_.Add(bytes); }

  // A value of which only the beginning is known: fields may come twice, and protobuf merges them.
  struct OpenValue {
    model::Value value;
    size_t key_values_mark = 0;
    size_t values_mark = 0;
  };
  OpenValue BeginValue() const { return {{}, key_values_.size(), values_.size()}; }
  void Set(OpenValue& open, model::Value value) {
    DropChildren(open);
    open.value = value;
  }
  // The value is an array (a key-value list); what PushValue (PushKeyValue) adds until it ends are its elements.
  void SetArray(OpenValue& open) { SetList(open, model::ValueKind::kArray); }
  void SetKeyValueList(OpenValue& open) { SetList(open, model::ValueKind::kKeyValueList); }
  model::Value EndValue(const OpenValue& open) {
    if (open.value.kind == model::ValueKind::kArray) return model::Value::Array(EndValues(open.values_mark));
    if (open.value.kind == model::ValueKind::kKeyValueList) {
      return model::Value::KeyValueList(EndKeyValues(open.key_values_mark));
    }
    return open.value;
  }
  void PushValue(model::Value value) {
    CountValue();
    values_.push_back(value);
  }

  // The attributes of one record: everything pushed between the two calls.
  size_t BeginKeyValues() const { return key_values_.size(); }
  void PushKeyValue(model::StringId key, model::Value value) {
    CountValue();
    key_values_.push_back({key, 0, value});
  }
  model::Range EndKeyValues(size_t mark);

  // Where the attribute columns end, and back to there: takes away what a record that is left out has added.
  struct Mark {
    size_t key_values = 0;
    size_t values = 0;
  };
  Mark Here() const { return {attributes_.key_values.size(), attributes_.values.size()}; }
  void BackTo(Mark mark) {
    attributes_.key_values.resize(mark.key_values);
    attributes_.values.resize(mark.values);
  }

 private:
  // Longer texts hardly repeat: looking for an equal one costs more than it saves.
  static constexpr size_t kInternedBytes = 256;

  void CountValue() {
    if (++value_count_ > kMaxBatchValues) throw TooMany{};
  }
  void Repair(model::StringId id, std::string_view text);
  void SetList(OpenValue& open, model::ValueKind kind) {
    if (open.value.kind == kind) return;
    DropChildren(open);
    open.value = {kind, 0, 0};
  }
  void DropChildren(const OpenValue& open) {
    key_values_.resize(open.key_values_mark);
    values_.resize(open.values_mark);
  }
  model::Range EndValues(size_t mark);

  model::Strings& strings_;
  model::Attributes& attributes_;
  std::vector<model::KeyValue> key_values_;
  std::vector<model::Value> values_;
  size_t value_count_ = 0;  // pushed so far
};

}  // namespace clew::wire
