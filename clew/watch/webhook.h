// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>

#include "clew/base/thread_annotations.h"
#include "clew/model/tenant.h"
#include "clew/net/http_client.h"
#include "clew/watch/incident_tracker.h"

namespace clew::watch {

// What a webhook gets: {"event":"opened|changed|closed","tenant":…,"incident":{…},"answer":{…}}; the answer is the one
// of /api/clew/why.
std::string WebhookBody(Happening happening, const store::Incident& incident, const model::TenantId& tenant);

struct WebhookOptions {
  std::string url;
  std::chrono::milliseconds timeout{10'000};
  // After a failure it is tried again this long afterwards, twice as long each further time, so often in all.
  std::chrono::milliseconds first_pause{1000};
  int tries = 6;
  size_t queue = 100;  // bodies that wait; the oldest are dropped beyond
};

// Posts bodies one after another from a thread of its own. 2xx is done; 408, 429 and 5xx and failures to connect are
// tried again; anything else is given up, as is what was tried too often. Any thread may call Post.
class Webhook {
 public:
  explicit Webhook(WebhookOptions options);
  // Gives up what still waits.
  ~Webhook();

  void Post(std::string body) EXCLUDES(mutex_);
  struct Counters {
    uint64_t sent = 0;
    uint64_t dropped = 0;
  };
  Counters counters() EXCLUDES(mutex_);

 private:
  void Run();
  bool Send(const std::string& body);
  // False once the webhook ends.
  bool Pause(std::chrono::milliseconds time) EXCLUDES(mutex_);

  const WebhookOptions options_;
  net::HttpClient client_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::string> waiting_ GUARDED_BY(mutex_);
  Counters counters_ GUARDED_BY(mutex_);
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace clew::watch
