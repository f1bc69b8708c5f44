// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clew/base/periodic_thread.h"
#include "clew/model/request_context.h"
#include "clew/model/tenant.h"
#include "clew/store/incident_table.h"
#include "clew/store/span_reader.h"
#include "clew/store/store.h"
#include "clew/watch/incident_tracker.h"

namespace clew::watch {

// Whether the last stretch of a service's requests looks unlike those before: more of them failed than ever, or they
// took longer than in any stretch that is remembered. A cheap question asked often; what it means is for Diagnose. Not
// thread-safe.
class Suspicion {
 public:
  // Stretches that are remembered, and those below which nothing is usual yet.
  static constexpr size_t kMostStretches = 45;
  static constexpr size_t kFewestStretches = 3;

  // The statistics of one stretch of time; true if a service stands out in it.
  bool Look(const std::vector<store::ServiceStats>& stretch);

 private:
  struct Stretch {
    double count = 0;
    double errors = 0;
    double p95 = 0;
  };
  std::map<std::string, std::deque<Stretch>> services_;
};

struct NoticerOptions {
  std::chrono::seconds interval{20};    // between looks at the statistics
  std::chrono::seconds window{900};     // that is searched for an onset
  std::chrono::seconds full_look{300};  // at the latest, whatever the statistics say
  std::chrono::seconds again{60};       // between full looks while something is suspected or open
  uint64_t max_spans = 30'000;
  std::vector<model::TenantId> tenants{model::TenantId()};
};

// Called when an incident opens, changes its first cause or closes; on the noticer's thread.
using OnIncident = std::function<void(Happening, const store::Incident&, const model::TenantId&)>;

// Looks for incidents by itself at a bounded cost, and keeps them in the store. One thread of its own from Start to
// Stop; the store outlives it.
class Noticer {
 public:
  Noticer(store::Store& store, NoticerOptions options, OnIncident on_incident);
  ~Noticer() { Stop(); }

  void Start();
  void Stop();

  // One look at the time `now` (Unix nanoseconds). Start's thread calls it; tests may instead.
  void Look(int64_t now);

 private:
  struct Tenant {
    model::TenantId id;
    Suspicion suspicion;
    IncidentTracker tracker;
    int64_t seen_to = 0;
    int64_t last_full_look = 0;
    bool suspected = false;
    bool restored = false;
  };

  base::Status LookAt(Tenant& tenant, int64_t now);
  base::Status FullLook(Tenant& tenant, const model::RequestContext& context, int64_t now);
  base::Status Restore(Tenant& tenant, const model::RequestContext& context, int64_t now);

  store::Store& store_;
  const NoticerOptions options_;
  const OnIncident on_incident_;
  std::vector<Tenant> tenants_;
  model::CancellationToken cancellation_;
  std::optional<base::PeriodicThread> thread_;
};

}  // namespace clew::watch
