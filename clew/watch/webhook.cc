// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/webhook.h"

#include <fmt/format.h>

#include <utility>

#include "clew/base/json_writer.h"
#include "clew/base/log.h"
#include "clew/base/time.h"
#include "clew/watch/incident_json.h"

namespace clew::watch {
namespace {

bool MayHelpToTryAgain(int status) { return status == 408 || status == 429 || status >= 500; }

}  // namespace

std::string WebhookBody(Happening happening, const store::Incident& incident, const model::TenantId& tenant) {
  base::JsonWriter json;
  json.BeginObject().Field("event", HappeningName(happening)).Field("tenant", tenant.name());
  json.Key("incident");
  WriteIncident(incident, json);
  json.EndObject();
  return json.Take();
}

Webhook::Webhook(WebhookOptions options) : options_(std::move(options)), thread_([this] { Run(); }) {}

Webhook::~Webhook() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Webhook::Post(std::string body) {
  const base::MutexLock lock(mutex_);
  if (waiting_.size() >= options_.queue) {
    waiting_.pop_front();
    ++counters_.dropped;
  }
  waiting_.push_back(std::move(body));
  changed_.notify_all();
}

Webhook::Counters Webhook::counters() {
  const base::MutexLock lock(mutex_);
  return counters_;
}

bool Webhook::Pause(std::chrono::milliseconds time) {
  base::MutexLock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stop_ && std::chrono::steady_clock::now() < until) changed_.wait_until(mutex_, until);
  return !stop_;
}

bool Webhook::Send(const std::string& body) {
  std::chrono::milliseconds pause = options_.first_pause;
  for (int tries = 1;; ++tries) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = options_.url;
    request.content_type = "application/json";
    request.body = body;
    request.repeatable = true;
    const auto response = client_.Send(request, options_.timeout);
    if (response && response->status / 100 == 2) return true;
    const bool again = !response || MayHelpToTryAgain(response->status);
    if (!again || tries == options_.tries) {
      base::LogWarning("webhook {}: given up after {} tries: {}", options_.url, tries,
                       response ? fmt::format("HTTP {}", response->status) : response.error().message);
      return false;
    }
    if (!Pause(pause)) return false;
    pause *= 2;
  }
}

void Webhook::Run() {
  while (true) {
    std::string body;
    {
      base::MutexLock lock(mutex_);
      while (!stop_ && waiting_.empty()) changed_.wait(mutex_);
      if (stop_) return;
      body = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const bool sent = Send(body);
    const base::MutexLock lock(mutex_);
    ++(sent ? counters_.sent : counters_.dropped);
  }
}

}  // namespace clew::watch
