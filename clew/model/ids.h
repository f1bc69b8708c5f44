// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/bytes.h"

namespace clew::model {

// A W3C trace-context id of N bytes; all zeros is "none".
template <size_t N>
struct Id {
  std::array<uint8_t, N> bytes{};

  auto operator<=>(const Id&) const = default;
  bool IsZero() const { return *this == Id{}; }
  std::string ToHex() const { return base::ToHex(bytes); }
  std::string_view View() const { return {reinterpret_cast<const char*>(bytes.data()), N}; }

  // From exactly N bytes.
  static std::optional<Id> FromBytes(std::string_view raw) {
    if (raw.size() != N) return std::nullopt;
    Id id;
    std::memcpy(id.bytes.data(), raw.data(), N);
    return id;
  }
  // From exactly 2 × N hexadecimal digits.
  static std::optional<Id> FromHex(std::string_view text) {
    Id id;
    if (!base::FromHex(text, id.bytes)) return std::nullopt;
    return id;
  }
};

using TraceId = Id<16>;
using SpanId = Id<8>;

// Ids are random, so their own bytes are the hash.
template <size_t N>
struct IdHash {
  size_t operator()(const Id<N>& id) const {
    uint64_t word = 0;
    std::memcpy(&word, id.bytes.data() + N - 8, sizeof word);
    return word * 0x9E3779B97F4A7C15ULL;
  }
};
using TraceIdHash = IdHash<16>;
using SpanIdHash = IdHash<8>;

}  // namespace clew::model
