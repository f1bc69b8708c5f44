// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clew/model/template_miner.h"

namespace clew::store {

// What lines are counted as that follow no template of a tenant that has as many as it may.
inline constexpr std::string_view kOtherTemplates = "(other templates)";

// Of a line, as much is looked at.
inline constexpr size_t kTemplateLineBytes = 1024;

// The id of a template is a hash of its text, so that every server gives it the same.
uint64_t TemplateIdOf(std::string_view text);

// The templates of one tenant while its lines stream by. Not thread-safe.
class TemplateBook {
 public:
  // At most so many templates.
  explicit TemplateBook(size_t most) : miner_(most) {}

  // A number for the template of `line`, see Text.
  uint32_t Find(std::string_view service, std::string_view line);
  // A template as it was kept.
  uint32_t Restore(std::string_view service, std::string_view text);
  // It only becomes more general.
  std::string Text(uint32_t number) const;
  size_t size() const { return miner_.size(); }

  // The id under which counts of this template were kept last; 0: none were.
  uint64_t kept_id(uint32_t number) const { return number < kept_ids_.size() ? kept_ids_[number] : 0; }
  void set_kept_id(uint32_t number, uint64_t id);

 private:
  model::TemplateMiner miner_;
  // Most lines have a shape that was seen before.
  std::unordered_map<uint64_t, uint32_t> by_shape_;
  std::vector<uint64_t> kept_ids_;
};

}  // namespace clew::store
