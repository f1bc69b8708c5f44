// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace clew::store {

// What stands where a person stood.
inline constexpr std::string_view kErased = "ERASED";

// What a person is looked for by.
struct PersonNeedles {
  // Pseudonyms, and whatever else stands in texts byte for byte.
  std::vector<std::string> exact;
  // What the person calls itself: in any case of ASCII letters, and only where it is not a part of something longer
  // (joe@example.net is not in joejoe@example.net).
  std::vector<std::string> words;
  // Too common to be looked for in prose ("42"), in lower case: only as the whole value of a key that names persons.
  std::vector<std::string> values;

  bool empty() const { return exact.empty() && words.empty() && values.empty(); }
};

// Needles made ready, for texts in memory and for files. Immutable; any thread may call.
class PersonPattern {
 public:
  explicit PersonPattern(PersonNeedles needles);
  ~PersonPattern();
  PersonPattern(const PersonPattern&) = delete;
  PersonPattern& operator=(const PersonPattern&) = delete;

  const PersonNeedles& needles() const { return needles_; }
  // RE2, of the words with what may stand around them; empty without words.
  const std::string& words_regex() const { return words_regex_; }
  // RE2, of keys under which whole values count.
  static std::string_view keys_regex();

  // Whether an exact needle or a word stands in `bytes`, which may be anything.
  bool IsIn(std::string_view bytes) const;
  // Puts kErased in the place of each; whether there was one.
  bool Erase(std::string& text) const;
  // Of a needle with what is looked at around it.
  size_t longest_bytes() const { return longest_bytes_; }

 private:
  const PersonNeedles needles_;
  std::string words_regex_;
  size_t longest_bytes_ = 0;
  std::unique_ptr<const re2::RE2> any_;
  std::unique_ptr<const re2::RE2> words_;
};

}  // namespace clew::store
