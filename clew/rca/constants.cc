// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/constants.h"

#include <array>

namespace clew::rca {

std::span<const ConstantRow> AllConstants() {
  static constexpr std::array<ConstantRow, 29> kRows = {{
      {"baseline_chance", &Constants::baseline_chance},
      {"before_chance", &Constants::before_chance},
      {"origin_chance", &Constants::origin_chance},
      {"min_baseline", &Constants::min_baseline},
      {"few_calls", &Constants::few_calls},
      {"min_rise", &Constants::min_rise},
      {"min_origin_rise", &Constants::min_origin_rise},
      {"min_failing", &Constants::min_failing},
      {"failing_score", &Constants::failing_score},
      {"usual_tail", &Constants::usual_tail},
      {"usual_excess", &Constants::usual_excess},
      {"material_share", &Constants::material_share},
      {"search_excess", &Constants::search_excess},
      {"edge_seconds", &Constants::edge_seconds},
      {"onset_evidence", &Constants::onset_evidence},
      {"onset_operations", &Constants::onset_operations},
      {"slack_seconds", &Constants::slack_seconds},
      {"min_score", &Constants::min_score},
      {"chances_against", &Constants::chances_against},
      {"chances_given", &Constants::chances_given},
      {"min_seconds", &Constants::min_seconds},
      {"min_utilization_rise", &Constants::min_utilization_rise},
      {"alarming_rise", &Constants::alarming_rise},
      {"taken_share", &Constants::taken_share},
      {"telling_share", &Constants::telling_share},
      {"step_share", &Constants::step_share},
      {"wait_share", &Constants::wait_share},
      {"min_waits", &Constants::min_waits},
      {"unaccounted_share", &Constants::unaccounted_share},
  }};
  static_assert(sizeof(Constants) == kRows.size() * sizeof(double));
  return kRows;
}

}  // namespace clew::rca
