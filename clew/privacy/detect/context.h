// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clew::privacy::detect {

struct Candidate;

// What words near a value say of it. Numbers with a weak checksum or none need one to count as somebody's.
enum class Hint : uint8_t {
  kCard,
  kPhone,
  kSsn,
  kAadhaar,
  kBsn,
  kCpf,
  kNir,
  kTaxId,     // DE
  kIdentity,  // any national id
  kBirth,
  kPlace,
  kLongKey,      // the same, where it is a key: a word of prose too
  kLatitude,     // one number of a place
  kVersion,      // of a program
  kPlainNumber,  // orders, times, sizes: nobody's
  kUrl,          // a URL, whose host is a machine that was asked
  kMachine,      // addresses of the service itself
};
using HintSet = uint32_t;
constexpr HintSet Bit(Hint hint) { return HintSet{1} << static_cast<unsigned>(hint); }

// The hints of all words of a name: of an attribute's key, a label, a field.
HintSet HintsOfName(std::string_view name);

// The hints in front of `at`: of the key where one stands right before ("phone=", "\"phone\": "), otherwise of the
// words of the same clause, at most 48 bytes back; together with those of the candidate's own key.
HintSet HintsBefore(const Candidate& candidate, size_t at);

}  // namespace clew::privacy::detect
