// SPDX-License-Identifier: Apache-2.0
#include "clew/model/strings.h"

#include <algorithm>
#include <random>

#include "clew/base/hash.h"
#include "clew/base/result.h"

namespace clew::model {

// With a seed of the process' own, so that no sender can choose strings that all meet in one slot.
uint64_t Strings::HashOf(std::string_view text) {
  static const uint64_t seed = uint64_t{std::random_device()()} << 32 | std::random_device()();
  return base::Hash64(text, seed);
}

StringId Strings::Add(std::string_view text) {
  if (text.empty()) return 0;
  CLEW_CHECK(bytes_.size() + text.size() <= UINT32_MAX);
  entries_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(text.size())});
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return static_cast<StringId>(entries_.size() - 1);
}

StringId Strings::Intern(std::string_view text) {
  if (text.empty()) return 0;
  if (2 * (interned_ + 1) > table_.size()) Grow();
  const size_t mask = table_.size() - 1;
  for (size_t slot = HashOf(text) & mask;; slot = (slot + 1) & mask) {
    const StringId id = table_[slot];
    if (id == 0) {
      table_[slot] = Add(text);
      ++interned_;
      return table_[slot];
    }
    if (Get(id) == text) return id;
  }
}

StringId Strings::Find(std::string_view text) const {
  if (text.empty() || table_.empty()) return 0;
  const size_t mask = table_.size() - 1;
  for (size_t slot = HashOf(text) & mask;; slot = (slot + 1) & mask) {
    const StringId id = table_[slot];
    if (id == 0 || Get(id) == text) return id;
  }
}

void Strings::Grow() {
  std::vector<StringId> old = std::move(table_);
  // Fourfold, since each time all texts are hashed again.
  table_.assign(std::max<size_t>(256, old.size() * 4), 0);
  const size_t mask = table_.size() - 1;
  for (const StringId id : old) {
    if (id == 0) continue;
    size_t slot = HashOf(Get(id)) & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = id;
  }
}

void Strings::Replace(StringId id, std::string_view text) {
  CLEW_CHECK(id != 0 && id < entries_.size());
  Entry& entry = entries_[id];
  // The new text may be a view of the old one.
  const std::vector<char> copy(text.begin(), text.end());
  std::fill_n(bytes_.begin() + entry.offset, entry.size, '\0');
  if (copy.size() <= entry.size) {
    std::ranges::copy(copy, bytes_.begin() + entry.offset);
  } else {
    CLEW_CHECK(bytes_.size() + copy.size() <= UINT32_MAX);
    entry.offset = static_cast<uint32_t>(bytes_.size());
    bytes_.insert(bytes_.end(), copy.begin(), copy.end());
  }
  entry.size = static_cast<uint32_t>(copy.size());
  // The table holds the place of the old text: forget it rather than find a wrong one.
  table_.clear();
  interned_ = 0;
}

bool Strings::IsConsistent() const {
  if (entries_.empty() || entries_[0].size != 0) return false;
  return std::ranges::all_of(entries_, [this](const Entry& entry) {
    return entry.offset <= bytes_.size() && entry.size <= bytes_.size() - entry.offset;
  });
}

}  // namespace clew::model
