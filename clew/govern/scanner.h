// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/privacy/rule_set.h"
#include "clew/store/store.h"
#include "clew/store/stored_texts.h"

namespace clew::govern {

// How often one rule would have changed texts of one place; never with a value. What stands in keys of attributes is
// redacted in `key` itself.
struct ScanFinding {
  std::string signal;
  std::string service;
  std::string column;
  std::string key;  // of the attribute or label; empty: none
  std::string rule;
  uint64_t count = 0;
};

struct ScanAnswer {
  store::WalkStep step;
  std::vector<ScanFinding> findings;  // most first
};

// The most rows that one step may ask for.
inline constexpr uint64_t kMostScanRows = 200'000;

// Looks through stored data of the context's tenant for what `rules` would change in it: what slipped in before they
// were in force. One step of a walk (store::StoredTexts), which goes on from its cursor. Rows that wait for their table
// are stored first.
base::Result<ScanAnswer> Scan(store::Store& store, const model::RequestContext& context,
                              std::shared_ptr<const privacy::RuleSet> rules, std::string_view cursor, uint64_t rows);

}  // namespace clew::govern
