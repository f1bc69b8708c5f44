// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/telling_keys.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace clew::privacy {
namespace {

constexpr std::array<std::string_view, 24> kWords = {
    "password",  "passwd",     "pwd",           "pw",     "pass",   "passphrase",    "passcode",  "secret", "token",
    "jwt",       "auth",       "authorization", "bearer", "cookie", "session",       "sessionid", "sid",    "sig",
    "signature", "credential", "credentials",   "apikey", "otp",    "awsaccesskeyid"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kPairs = {
    {{"api", "key"}, {"access", "key"}, {"private", "key"}, {"account", "key"}}};
// Names that were run together: dbpassword, authtoken.
constexpr std::array<std::string_view, 6> kEndings = {"password", "passwd", "secret", "token", "apikey", "accesskey"};

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsTellingWord(std::string_view word) {
  return std::ranges::find(kWords, word) != kWords.end() ||
         std::ranges::any_of(kEndings, [&](std::string_view ending) { return word.ends_with(ending); });
}

}  // namespace

bool IsTellingKey(std::string_view key) {
  std::string word;
  std::string previous;
  const auto ends = [&] {
    if (word.empty()) return false;
    const bool tells = IsTellingWord(word) || std::ranges::any_of(kPairs, [&](const auto& pair) {
                         return pair.first == previous && pair.second == word;
                       });
    previous = std::exchange(word, {});
    return tells;
  };
  for (size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (!IsUpper(c) && !IsLower(c) && !IsDigit(c)) {
      if (ends()) return true;
      continue;
    }
    // accessToken, APIKey: a capital begins a word after a small letter, or before one.
    const bool hump = IsUpper(c) && i > 0 &&
                      (IsLower(key[i - 1]) || (IsUpper(key[i - 1]) && i + 1 < key.size() && IsLower(key[i + 1])));
    if (hump && ends()) return true;
    word += IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (ends()) return true;
  // AWSAccessKeyId has humps of its own.
  std::string letters;
  for (const char c : key) {
    if (IsUpper(c) || IsLower(c)) letters += IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return IsTellingWord(letters);
}

}  // namespace clew::privacy
