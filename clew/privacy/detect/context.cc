// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/context.h"

#include <algorithm>
#include <array>
#include <utility>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rule.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy::detect {
namespace {

constexpr size_t kReach = 48;
constexpr size_t kLongestWord = 24;

constexpr HintSet kAnyId = Bit(Hint::kIdentity);
constexpr HintSet kPlain = Bit(Hint::kPlainNumber);

struct Word {
  std::string_view text;  // lower case
  HintSet hints;
};

// Sorted.
constexpr auto kWords = std::to_array<Word>({
    {"aadhaar", Bit(Hint::kAadhaar)},
    {"aadhar", Bit(Hint::kAadhaar)},
    {"anruf", Bit(Hint::kPhone)},
    {"batch", kPlain},
    {"birth", Bit(Hint::kBirth)},
    {"birthdate", Bit(Hint::kBirth)},
    {"birthday", Bit(Hint::kBirth)},
    {"birthdt", Bit(Hint::kBirth)},
    {"birthplace", Bit(Hint::kBirth)},
    {"bni", kAnyId},
    {"born", Bit(Hint::kBirth)},
    {"bsn", Bit(Hint::kBsn)},
    {"bsnr", Bit(Hint::kBsn)},
    {"build", kPlain | Bit(Hint::kVersion)},
    {"bump", Bit(Hint::kVersion)},
    {"bumped", Bit(Hint::kVersion)},
    {"burgerservicenummer", Bit(Hint::kBsn)},
    {"byte", kPlain},
    {"bytes", kPlain},
    {"call", Bit(Hint::kPhone)},
    {"callback", Bit(Hint::kPhone)},
    {"called", Bit(Hint::kPhone)},
    {"caller", Bit(Hint::kPhone)},
    {"calling", Bit(Hint::kPhone)},
    {"card", Bit(Hint::kCard)},
    {"cardno", Bit(Hint::kCard)},
    {"cardnumber", Bit(Hint::kCard)},
    {"cc", Bit(Hint::kCard)},
    {"ccn", Bit(Hint::kCard)},
    {"cell", Bit(Hint::kPhone)},
    {"cellphone", Bit(Hint::kPhone)},
    {"cellulare", Bit(Hint::kPhone)},
    {"celular", Bit(Hint::kPhone)},
    {"commit", kPlain},
    {"contact", Bit(Hint::kPhone)},
    {"coord", Bit(Hint::kPlace)},
    {"coordinate", Bit(Hint::kPlace)},
    {"coordinates", Bit(Hint::kPlace)},
    {"coords", Bit(Hint::kPlace)},
    {"count", kPlain},
    {"cpf", Bit(Hint::kCpf)},
    {"credit", Bit(Hint::kCard)},
    {"dateofbirth", Bit(Hint::kBirth)},
    {"debit", Bit(Hint::kCard)},
    {"dial", Bit(Hint::kPhone)},
    {"dialed", Bit(Hint::kPhone)},
    {"dni", kAnyId},
    {"dob", Bit(Hint::kBirth)},
    {"downgraded", Bit(Hint::kVersion)},
    {"dropoff", Bit(Hint::kPlace)},
    {"duration", kPlain},
    {"ean", kPlain},
    {"epoch", kPlain},
    {"fax", Bit(Hint::kPhone)},
    {"firmware", Bit(Hint::kVersion)},
    {"fiscal", kAnyId},
    {"fon", Bit(Hint::kPhone)},
    {"geb", Bit(Hint::kBirth)},
    {"gebdatum", Bit(Hint::kBirth)},
    {"geboortedatum", Bit(Hint::kBirth)},
    {"geboren", Bit(Hint::kBirth)},
    {"geburtsdatum", Bit(Hint::kBirth)},
    {"geburtstag", Bit(Hint::kBirth)},
    {"geo", Bit(Hint::kPlace)},
    {"geofence", Bit(Hint::kPlace)},
    {"geolocation", Bit(Hint::kPlace)},
    {"geopoint", Bit(Hint::kPlace)},
    {"gps", Bit(Hint::kPlace)},
    {"handy", Bit(Hint::kPhone)},
    {"identity", kAnyId},
    {"idnr", Bit(Hint::kTaxId)},
    {"insee", Bit(Hint::kNir)},
    {"installed", Bit(Hint::kVersion)},
    {"installing", Bit(Hint::kVersion)},
    {"insurance", kAnyId},
    {"invoice", kPlain},
    {"isbn", kPlain},
    {"issn", kPlain},
    {"item", kPlain},
    {"job", kPlain},
    {"lat", Bit(Hint::kPlace) | Bit(Hint::kLatitude)},
    {"latitude", Bit(Hint::kPlace) | Bit(Hint::kLatitude)},
    {"latlng", Bit(Hint::kPlace)},
    {"latlon", Bit(Hint::kPlace)},
    {"latlong", Bit(Hint::kPlace)},
    {"length", kPlain},
    {"lng", Bit(Hint::kPlace) | Bit(Hint::kLatitude)},
    {"lnglat", Bit(Hint::kPlace)},
    {"loc", Bit(Hint::kPlace)},
    {"location", Bit(Hint::kPlace)},
    {"lon", Bit(Hint::kPlace) | Bit(Hint::kLatitude)},
    {"long", Bit(Hint::kLongKey)},
    {"longitude", Bit(Hint::kPlace) | Bit(Hint::kLatitude)},
    {"maps", Bit(Hint::kPlace)},
    {"mobil", Bit(Hint::kPhone)},
    {"mobile", Bit(Hint::kPhone)},
    {"mobilnummer", Bit(Hint::kPhone)},
    {"movil", Bit(Hint::kPhone)},
    {"ms", kPlain},
    {"msisdn", Bit(Hint::kPhone)},
    {"nacimiento", Bit(Hint::kBirth)},
    {"naissance", Bit(Hint::kBirth)},
    {"nascimento", Bit(Hint::kBirth)},
    {"nascita", Bit(Hint::kBirth)},
    {"national", kAnyId},
    {"nato", Bit(Hint::kBirth)},
    {"nearby", Bit(Hint::kPlace)},
    {"nie", kAnyId},
    {"nif", kAnyId},
    {"nino", kAnyId},
    {"nir", Bit(Hint::kNir)},
    {"ns", kPlain},
    {"offset", kPlain},
    {"order", kPlain},
    {"orderid", kPlain},
    {"ordernumber", kPlain},
    {"pan", Bit(Hint::kCard)},
    {"payment", Bit(Hint::kCard)},
    {"phone", Bit(Hint::kPhone)},
    {"phonenumber", Bit(Hint::kPhone)},
    {"pickup", Bit(Hint::kPlace)},
    {"pid", kPlain},
    {"point", Bit(Hint::kPlace)},
    {"port", kPlain},
    {"pos", Bit(Hint::kPlace)},
    {"position", Bit(Hint::kPlace)},
    {"product", kPlain},
    {"release", Bit(Hint::kVersion)},
    {"revision", kPlain | Bit(Hint::kVersion)},
    {"ring", Bit(Hint::kPhone)},
    {"rrn", kPlain},
    {"secu", Bit(Hint::kNir)},
    {"security", Bit(Hint::kSsn) | Bit(Hint::kNir)},
    {"seq", kPlain},
    {"sequence", kPlain},
    {"serial", kPlain},
    {"size", kPlain},
    {"sku", kPlain},
    {"sms", Bit(Hint::kPhone)},
    {"social", Bit(Hint::kSsn) | Bit(Hint::kNir)},
    {"sofinummer", Bit(Hint::kBsn)},
    {"span", kPlain},
    {"ssn", Bit(Hint::kSsn)},
    {"steuer", Bit(Hint::kTaxId)},
    {"steuerid", Bit(Hint::kTaxId)},
    {"steueridentifikationsnummer", Bit(Hint::kTaxId)},
    {"steuernummer", Bit(Hint::kTaxId)},
    {"tax", Bit(Hint::kTaxId) | kAnyId},
    {"taxid", Bit(Hint::kTaxId) | kAnyId},
    {"taxpayer", kAnyId},
    {"tel", Bit(Hint::kPhone)},
    {"telefon", Bit(Hint::kPhone)},
    {"telefone", Bit(Hint::kPhone)},
    {"telefonnummer", Bit(Hint::kPhone)},
    {"telefono", Bit(Hint::kPhone)},
    {"telefoon", Bit(Hint::kPhone)},
    {"telephone", Bit(Hint::kPhone)},
    {"ticket", kPlain},
    {"tid", kPlain},
    {"time", kPlain},
    {"timestamp", kPlain},
    {"tin", kAnyId},
    {"trace", kPlain},
    {"tracking", kPlain},
    {"transaction", kPlain},
    {"ts", kPlain},
    {"txn", kPlain},
    {"uid", Bit(Hint::kAadhaar)},
    {"uidai", Bit(Hint::kAadhaar)},
    {"upc", kPlain},
    {"upgrade", Bit(Hint::kVersion)},
    {"upgraded", Bit(Hint::kVersion)},
    {"upgrading", Bit(Hint::kVersion)},
    {"ver", Bit(Hint::kVersion)},
    {"version", Bit(Hint::kVersion) | kPlain},
    {"versions", Bit(Hint::kVersion)},
    {"visa", Bit(Hint::kCard)},
    {"waypoint", Bit(Hint::kPlace)},
    {"wgs", Bit(Hint::kPlace)},
    {"whatsapp", Bit(Hint::kPhone)},
    {"whereabouts", Bit(Hint::kPlace)},
});
static_assert(std::ranges::is_sorted(kWords, {}, &Word::text));

HintSet HintsOfWord(std::string_view lower) {
  const auto found = std::ranges::lower_bound(kWords, lower, {}, &Word::text);
  return found == kWords.end() || found->text != lower ? 0 : found->hints;
}

// Words end at anything but letters and where a capital begins the next one: phoneNumber, birth_date. The kind of a
// pseudonym is no word.
template <typename Visitor>
void ForEachWord(std::string_view text, Visitor visit) {
  std::array<char, kLongestWord> word{};
  size_t size = 0;
  const auto flush = [&](size_t end) {
    const bool is_kind =
        At(text, end) == ':' && size <= end && IsPseudonym(text.substr(end - size, size + 1 + kPseudonymDigits));
    if (size > 0 && size <= word.size() && !is_kind) visit(std::string_view(word.data(), size));
    size = 0;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!IsLetter(c)) {
      flush(i);
      continue;
    }
    if (IsUpper(c) && IsLower(At(text, i - 1))) flush(i);
    if (size < word.size()) word[size] = Lower(c);
    ++size;
  }
  flush(text.size());
}

constexpr bool IsKeyByte(char c) { return IsWordByte(c) || c == '.' || c == '-'; }

// The key right before `at`, without the marks between them; empty where there is none.
std::string_view KeyBefore(std::string_view text, size_t at) {
  size_t end = at;
  const auto skip = [&](auto is) {
    while (end > 0 && is(text[end - 1])) --end;
  };
  skip([](char c) { return c == ' ' || IsQuote(c) || c == '\\' || c == '(' || c == '[' || c == '+'; });
  if (end == 0 || (text[end - 1] != '=' && text[end - 1] != ':')) return {};
  --end;
  skip([](char c) { return c == ' ' || IsQuote(c) || c == '\\' || c == ')'; });
  size_t begin = end;
  while (begin > 0 && end - begin < kReach && IsKeyByte(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

// The words of the clause in front of `at`.
std::string_view ClauseBefore(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin > 0 && at - begin < kReach) {
    const char c = text[begin - 1];
    if (c == ',' || c == ';' || c == '\n' || c == '{' || c == '}' || c == '|' || c == '&' || c == '=' || c == ':' ||
        c == ']')
      break;
    --begin;
  }
  // A word that is cut in two says something else.
  if (begin > 0 && IsLetter(text[begin - 1])) {
    while (begin < at && IsLetter(text[begin])) ++begin;
  }
  return text.substr(begin, at - begin);
}

}  // namespace

HintSet HintsOfName(std::string_view name) {
  HintSet hints = 0;
  ForEachWord(name, [&](std::string_view word) { hints |= HintsOfWord(word); });
  return hints;
}

HintSet HintsBefore(const Candidate& candidate, size_t at) {
  if (candidate.hinted_at == at) return candidate.hints;
  const std::string_view key = KeyBefore(candidate.text, at);
  HintSet hints = HintsOfName(key);
  // A key that says nothing of its own ("Social Security Number:") is read with the words before it.
  if (hints == 0) {
    const size_t end = key.empty() ? at : static_cast<size_t>(key.end() - candidate.text.begin());
    hints = HintsOfName(ClauseBefore(candidate.text, end)) & ~Bit(Hint::kLongKey);
  }
  candidate.hinted_at = at;
  candidate.hints = candidate.key_hints | hints;
  return candidate.hints;
}

}  // namespace clew::privacy::detect
