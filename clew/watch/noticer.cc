// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/noticer.h"

#include <algorithm>
#include <utility>

#include "clew/base/log.h"
#include "clew/base/time.h"
#include "clew/rca/statistics.h"
#include "clew/watch/why.h"

namespace clew::watch {
namespace {

using base::kNanosPerSecond;

// What is still on its way to the store when a stretch ends.
constexpr int64_t kSettle = 5 * kNanosPerSecond;
// A share of failures that rose for sure by so much stands out (one chance in two hundred).
constexpr double kRiseZ = 2.58;
constexpr double kMinRise = 0.02;
constexpr double kFewestErrors = 3;
// So does a 95th percentile beyond the longest that is remembered by half.
constexpr double kSlower = 1.5;
// What is usual before an incident that lasts.
constexpr int64_t kBaseline = 600 * kNanosPerSecond;
constexpr int64_t kEdge = 2 * kNanosPerSecond;

int64_t Nanos(std::chrono::seconds seconds) { return std::chrono::nanoseconds(seconds).count(); }

}  // namespace

bool Suspicion::Look(const std::vector<store::ServiceStats>& stretch) {
  bool suspicious = false;
  for (const store::ServiceStats& stats : stretch) {
    std::deque<Stretch>& known = services_[stats.service];
    const Stretch now{static_cast<double>(stats.count), static_cast<double>(stats.errors), stats.p95};
    if (known.size() >= kFewestStretches) {
      rca::Share usual;
      double slowest = 0;
      for (const Stretch& before : known) {
        usual.k += before.errors;
        usual.n += before.count;
        slowest = std::max(slowest, before.p95);
      }
      const bool fails =
          now.errors >= kFewestErrors && rca::RiseLowerBound(usual, {now.errors, now.count}, kRiseZ) > kMinRise;
      suspicious = suspicious || fails || now.p95 > kSlower * slowest;
    }
    known.push_back(now);
    if (known.size() > kMostStretches) known.pop_front();
  }
  return suspicious;
}

Noticer::Noticer(store::Store& store, NoticerOptions options, OnIncident on_incident)
    : store_(store), options_(std::move(options)), on_incident_(std::move(on_incident)) {
  for (const model::TenantId& id : options_.tenants) {
    tenants_.emplace_back();
    tenants_.back().id = id;
  }
}

void Noticer::Start() {
  thread_.emplace(options_.interval, base::PeriodicThread::First::kAfterInterval,
                  [this] { Look(base::Clock::System().Now()); });
}

void Noticer::Stop() {
  cancellation_.Cancel();
  thread_.reset();
}

void Noticer::Look(int64_t now) {
  for (Tenant& tenant : tenants_) {
    const base::Status status = LookAt(tenant, now);
    if (!status && status.error().code != base::Code::kCancelled) {
      base::LogWarning("noticing: {}", status.error().message);
    }
  }
}

base::Status Noticer::Restore(Tenant& tenant, const model::RequestContext& context, int64_t now) {
  CLEW_ASSIGN_OR_RETURN(const auto last,
                        store::IncidentTable(store_, context).List({now - Nanos(options_.window), now}, 1));
  if (!last.empty() && last.front().closed == 0) tenant.tracker.Restore(last.front());
  tenant.restored = true;
  return {};
}

base::Status Noticer::LookAt(Tenant& tenant, int64_t now) {
  model::RequestContext context;
  context.tenant = tenant.id;
  context.cancellation = cancellation_;
  context.deadline = std::chrono::steady_clock::now() + options_.again;
  if (!tenant.restored) CLEW_RETURN_IF_ERROR(Restore(tenant, context, now));
  const int64_t to = now - kSettle;
  const int64_t from = std::max(tenant.seen_to, to - Nanos(options_.interval));
  CLEW_ASSIGN_OR_RETURN(const auto stats, store::SpanReader(store_, context).Stats({from, to}));
  tenant.seen_to = to;
  if (tenant.suspicion.Look(stats)) tenant.suspected = true;
  const int64_t since = now - tenant.last_full_look;
  const bool watched = tenant.suspected || tenant.tracker.open();
  if (since < Nanos(watched ? options_.again : options_.full_look)) return {};
  tenant.last_full_look = now;
  return FullLook(tenant, context, now);
}

base::Status Noticer::FullLook(Tenant& tenant, const model::RequestContext& context, int64_t now) {
  WhyQuestion question;
  question.max_spans = options_.max_spans;
  question.options.incident = {now - Nanos(options_.window), now};
  if (tenant.tracker.open()) {
    // What is usual is what was before it, however long it lasts.
    const int64_t onset = tenant.tracker.incident()->onset;
    question.options.baseline = {onset - kBaseline, onset - kEdge};
    question.options.incident.from = std::max(onset - kEdge, question.options.incident.from);
    question.options.incident_given = true;
    question.options.began = true;
  }
  CLEW_ASSIGN_OR_RETURN(const rca::Diagnosis diagnosis, Why(store_, context, question));
  const Happening happening = tenant.tracker.Look(diagnosis, now);
  if (happening == Happening::kNothing) {
    tenant.suspected = tenant.tracker.suspects() || (tenant.suspected && diagnosis.incident);
    return {};
  }
  store::Incident incident = *tenant.tracker.incident();
  store::IncidentTable table(store_, context);
  if (happening == Happening::kClosed) {
    // Nothing was looked at anew, and what was taken out of the kept one meanwhile (a person was erased) stays out.
    if (auto kept = table.Get(incident.id)) {
      kept->closed = incident.closed;
      incident = *std::move(kept);
    }
  }
  CLEW_RETURN_IF_ERROR(table.Put(incident, now));
  if (happening == Happening::kUpdated) return {};
  if (happening == Happening::kClosed) tenant.suspected = false;
  base::LogInfo("incident {} {}: {}", incident.id, HappeningName(happening), incident.summary);
  if (on_incident_) on_incident_(happening, incident, tenant.id);
  return {};
}

}  // namespace clew::watch
