// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace clew::privacy::detect {

// What can be found. Where two find the same bytes, the earlier one names them.
enum class Detector : uint8_t {
  kOwn,  // a rule of the configuration (privacy/own_rules.h)
  kPrivateKey,
  kJwt,
  kApiKey,
  kCredential,
  kCookie,
  kUrlPassword,
  kEmail,
  kIban,
  kCard,
  kFrNir,
  kItFiscalCode,
  kEsId,
  kUkNino,
  kBrCpf,
  kDeTaxId,
  kUsSsn,
  kInAadhaar,
  kNlBsn,
  kBirthDate,
  kPhone,
  kIp,
  kMac,
  kCoordinates,
  kParameter,
  kField,
  kSecret,
  kPerson,
  kSql,
};
inline constexpr size_t kDetectorCount = static_cast<size_t>(Detector::kSql) + 1;

// As configuration, `clew privacy test` and /metrics write it: "email", "us_ssn", …; that of kOwn is empty, since each
// of those rules has a name of its own.
std::string_view DetectorName(Detector detector);
std::optional<Detector> DetectorOf(std::string_view name);

// Bytes [begin, end) of a text.
struct Finding {
  size_t begin = 0;
  size_t end = 0;
  Detector detector = Detector::kField;
  uint16_t own = 0;  // which of the own rules
  bool operator==(const Finding&) const = default;
};

}  // namespace clew::privacy::detect
