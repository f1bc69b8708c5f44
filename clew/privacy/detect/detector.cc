// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/detector.h"

#include <algorithm>
#include <array>

namespace clew::privacy::detect {
namespace {

constexpr std::array<std::string_view, kDetectorCount> kNames = {
    "",          "private_key", "jwt",    "api_key",        "credential", "cookie",  "url_password", "email",
    "iban",      "card",        "fr_nir", "it_fiscal_code", "es_id",      "uk_nino", "br_cpf",       "de_tax_id",
    "us_ssn",    "in_aadhaar",  "nl_bsn", "birth_date",     "phone",      "ip",      "mac",          "coordinates",
    "parameter", "field",       "secret", "person",         "sql"};
static_assert(!kNames.back().empty());

}  // namespace

std::string_view DetectorName(Detector detector) { return kNames[static_cast<size_t>(detector)]; }

std::optional<Detector> DetectorOf(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (name.empty() || found == kNames.end()) return std::nullopt;
  return static_cast<Detector>(found - kNames.begin());
}

}  // namespace clew::privacy::detect
