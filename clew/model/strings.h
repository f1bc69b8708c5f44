// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace clew::model {

// Index of a string within the Strings of its batch. 0 is always the empty string.
using StringId = uint32_t;

// The text of one batch: every string stands once in one block of bytes and is named by a small number. At most 4 GiB.
// Views stay valid until the next Intern, Add or Replace. Not thread-safe.
class Strings {
 public:
  struct Entry {
    uint32_t offset = 0;
    uint32_t size = 0;
    bool operator==(const Entry&) const = default;
  };

  Strings() : entries_(1) {}

  // The id of `text`, the same for equal text (keys, names, values that repeat).
  StringId Intern(std::string_view text);
  // A new id without looking for an equal one (bodies, statements: texts that hardly repeat).
  StringId Add(std::string_view text);
  // The id that Intern gave to `text`; 0 where it was not interned (or is empty).
  StringId Find(std::string_view text) const;
  std::string_view Get(StringId id) const { return {bytes_.data() + entries_[id].offset, entries_[id].size}; }
  // Gives `id` another text wherever it is used; the old bytes are overwritten with zeros, so that what was redacted is
  // nowhere in the batch.
  void Replace(StringId id, std::string_view text);

  size_t size() const { return entries_.size(); }
  size_t size_bytes() const { return bytes_.size(); }

  template <typename Visitor>
  void VisitColumns(Visitor&& visit) {
    visit(bytes_);
    visit(entries_);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) const {
    visit(bytes_);
    visit(entries_);
  }
  // After the columns were read from foreign bytes: whether every entry lies within the bytes.
  bool IsConsistent() const;

 private:
  void Grow();
  static uint64_t HashOf(std::string_view text);

  std::vector<char> bytes_;
  std::vector<Entry> entries_;
  // Open addressing over Intern-ed ids; 0 is free. Made anew on demand, never part of what is stored.
  std::vector<StringId> table_;
  size_t interned_ = 0;
};

}  // namespace clew::model
