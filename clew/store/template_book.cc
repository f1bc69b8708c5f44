// SPDX-License-Identifier: Apache-2.0
#include "clew/store/template_book.h"

#include <algorithm>

#include "clew/base/hash.h"

namespace clew::store {
namespace {

// Lines whose words differ without digits each have a shape of their own.
constexpr size_t kMostShapes = 50'000;

}  // namespace

uint64_t TemplateIdOf(std::string_view text) { return std::max<uint64_t>(1, base::Hash64(text)); }

uint32_t TemplateBook::Find(std::string_view service, std::string_view line) {
  const uint64_t shape = model::TemplateMiner::ShapeOf(service, line);
  if (const auto known = by_shape_.find(shape); known != by_shape_.end()) return known->second;
  const uint32_t number = miner_.Add(service, line);
  if (by_shape_.size() >= kMostShapes) by_shape_.clear();
  by_shape_.emplace(shape, number);
  return number;
}

uint32_t TemplateBook::Restore(std::string_view service, std::string_view text) {
  if (text == kOtherTemplates) return model::TemplateMiner::kNone;
  return miner_.Restore(service, text);
}

std::string TemplateBook::Text(uint32_t number) const {
  return number == model::TemplateMiner::kNone ? std::string(kOtherTemplates) : miner_.Text(number);
}

void TemplateBook::set_kept_id(uint32_t number, uint64_t id) {
  if (number == model::TemplateMiner::kNone) return;
  if (number >= kept_ids_.size()) kept_ids_.resize(number + size_t{1});
  kept_ids_[number] = id;
}

}  // namespace clew::store
