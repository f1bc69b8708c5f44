// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/engine/native_writer.h"
#include "clew/model/resource.h"
#include "clew/store/sender_directory.h"

namespace clew::store {

// While a cut is encoded: gives each resource and scope of its batches its id, and gathers the ones whose row the side
// tables do not have for this day.
class SenderWriter {
 public:
  SenderWriter(const SenderDirectory& resources, const SenderDirectory& scopes, int64_t day)
      : resources_(resources), scopes_(scopes), day_(day) {}

  struct Ids {
    std::vector<uint64_t> resources;  // by row of the batch's columns
    std::vector<uint64_t> scopes;
  };
  Ids Add(std::string_view tenant, uint32_t arrival_seconds, const model::BatchBase& batch);

  struct NewSender {
    std::string tenant;
    uint64_t id = 0;
    uint32_t arrival_seconds = 0;
    std::string record;
  };
  const std::vector<NewSender>& new_resources() const { return new_resources_; }
  const std::vector<NewSender>& new_scopes() const { return new_scopes_; }
  int64_t day() const { return day_; }

 private:
  const SenderDirectory& resources_;
  const SenderDirectory& scopes_;
  const int64_t day_;
  std::set<std::pair<std::string, uint64_t>> noted_resources_;
  std::set<std::pair<std::string, uint64_t>> noted_scopes_;
  std::vector<NewSender> new_resources_;
  std::vector<NewSender> new_scopes_;
};

// Rows for the tables `resources` and `scopes`.
engine::EncodedBlock EncodeResources(const std::vector<SenderWriter::NewSender>& senders);
engine::EncodedBlock EncodeScopes(const std::vector<SenderWriter::NewSender>& senders);

}  // namespace clew::store
