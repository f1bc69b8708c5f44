// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clew::model {

// Finds the templates behind log lines as they stream by, in the manner of Drain (He et al., "Drain: An Online Log
// Parsing Approach with Fixed Depth Tree", ICWS 2017). Words that hold a digit are variable from the start, unless they
// name a place in the code (Class#123). Lines with the same first three constant words meet in one leaf; a line joins
// the template of its leaf that agrees with it best, in at least half of the places, and the places where they differ
// become <*>. Unlike in Drain lines of different lengths may meet, since many end in a list. Not thread-safe.
class TemplateMiner {
 public:
  using TemplateId = uint32_t;
  static constexpr TemplateId kNone = UINT32_MAX;

  TemplateMiner() = default;
  // At most so many templates.
  explicit TemplateMiner(size_t most) : most_(most) {}

  // The template of `line`, which came from `service`; lines of different services never share one. kNone: it follows
  // none of those that are there, and there may be no more.
  TemplateId Add(std::string_view service, std::string_view line);
  // Puts one in as Text gave it, so that lines find it again; kNone where there may be no more.
  TemplateId Restore(std::string_view service, std::string_view text);
  // A hash of all that Add looks at: lines of one shape and service follow one template.
  static uint64_t ShapeOf(std::string_view service, std::string_view line);
  // Its text as it stands now: it can only become more general.
  std::string Text(TemplateId id) const;
  size_t size() const { return templates_.size(); }

 private:
  struct Template {
    std::vector<std::string> words;
  };

  TemplateId AddNew(std::vector<std::string> words, std::vector<TemplateId>& leaf);

  size_t most_ = kNone;
  std::vector<Template> templates_;
  std::unordered_map<std::string, std::vector<TemplateId>> leaves_;
};

}  // namespace clew::model
