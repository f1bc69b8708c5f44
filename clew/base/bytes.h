// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace clew::base {

// Lower-case hexadecimal digits of `bytes`.
std::string ToHex(std::span<const uint8_t> bytes);
// Fills `out` from exactly 2 × out.size() digits of either case; false where the text is anything else.
bool FromHex(std::string_view text, std::span<uint8_t> out);

// RFC 4648 section 4, padded.
std::string ToBase64(std::string_view bytes);
// Takes padded and unpadded text, standard and URL-safe alphabets (OTLP/JSON senders use all of them).
std::optional<std::string> FromBase64(std::string_view text);

// Whether `text` is well-formed UTF-8 (no surrogates, nothing over U+10FFFF, shortest forms only).
bool IsUtf8(std::string_view text);
// `text` with every ill-formed sequence replaced by U+FFFD (Unicode 15 section 3.9, maximal subparts).
std::string ToUtf8(std::string_view text);

// The bytes of a trivially copyable value, little-endian hosts only.
template <typename T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

}  // namespace clew::base
