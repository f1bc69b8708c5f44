// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/privacy_watch.h"

#include <fmt/format.h>

#include <utility>

#include "clew/cli/config_file.h"
#include "clew/privacy/pseudonyms.h"
#include "clew/privacy/shared_redactor.h"

namespace clew::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kEachSecond{1};
// Whether it is time for another key is asked this often, also where nobody touches their file.
constexpr std::chrono::minutes kKeysAgain{10};

}  // namespace

PrivacyWatch::PrivacyWatch(std::string config_file, std::shared_ptr<privacy::Redactor> redactor, Say say)
    : config_file_(std::move(config_file)),
      key_file_(privacy::DefaultKeyFile()),
      redactor_(std::move(redactor)),
      say_(std::move(say)) {
  LookAtRules(false);
  // What is wrong with it has been said by whoever read it first.
  keys_stamp_ = base::StampOf(key_file_);
  LookAtKeys();
}

PrivacyWatch::~PrivacyWatch() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void PrivacyWatch::Start() {
  thread_ = std::thread([this] {
    while (true) {
      {
        const base::MutexLock lock(mutex_);
        const auto until = steady_clock::now() + kEachSecond;
        while (!stop_ && steady_clock::now() < until) wake_.wait_until(mutex_, until);
        if (stop_) return;
      }
      next_look_ = {};
      Look();
    }
  });
}

void PrivacyWatch::Look() {
  if (steady_clock::now() < next_look_) return;
  next_look_ = steady_clock::now() + kEachSecond;
  if (!config_file_.empty() && base::StampOf(config_file_) != rules_stamp_) LookAtRules(true);
  if (!key_file_.empty() && (base::StampOf(key_file_) != keys_stamp_ || steady_clock::now() >= next_keys_))
    LookAtKeys();
}

void PrivacyWatch::LookAtRules(bool say_so) {
  if (config_file_.empty()) return;
  // First, so that a change while it is read is seen the next time.
  rules_stamp_ = base::StampOf(config_file_);
  auto policy = ReadPrivacyPolicy(config_file_);
  base::Status status = policy ? redactor_->SetPolicy(*policy) : base::Status(std::unexpected(policy.error()));
  if (!status) {
    say_(true, "the rules of privacy read before stay in force: " + status.error().message);
  } else if (say_so) {
    say_(false,
         fmt::format("rules of privacy read again from {}: {} of its own", config_file_, policy->own_rules.size()));
  }
}

void PrivacyWatch::LookAtKeys() {
  if (key_file_.empty()) return;
  const base::FileStamp stamp = base::StampOf(key_file_);
  const bool is_new = stamp != keys_stamp_;
  const base::Status status = privacy::RenewSharedKeys(*redactor_);
  // A key that was just added is known.
  keys_stamp_ = status ? base::StampOf(key_file_) : stamp;
  next_keys_ = steady_clock::now() + kKeysAgain;
  if (!status && is_new) say_(true, "the keys of pseudonyms read before stay in force: " + status.error().message);
}

}  // namespace clew::cli
