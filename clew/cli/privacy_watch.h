// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "clew/base/file.h"
#include "clew/base/thread_annotations.h"
#include "clew/privacy/redactor.h"

namespace clew::cli {

// Keeps a redactor's rules as the configuration file says, and its keys as their file does, without a restart: both are
// looked at about once a second and read again when they have changed. A file that became wrong is told of, and what
// was read before stays in force.
class PrivacyWatch {
 public:
  // Gets one line each time something was read again, or could not be.
  using Say = std::function<void(bool is_error, const std::string& text)>;

  // `config_file` may be empty. Looks once by itself, since the files may have changed after they were read first.
  PrivacyWatch(std::string config_file, std::shared_ptr<privacy::Redactor> redactor, Say say);
  ~PrivacyWatch();
  PrivacyWatch(const PrivacyWatch&) = delete;
  PrivacyWatch& operator=(const PrivacyWatch&) = delete;

  // What whoever has no thread to spare calls now and then; cheap. By one thread, and not after Start.
  void Look();
  // Looks by a thread of its own from now on.
  void Start();

 private:
  void LookAtRules(bool say_so);
  void LookAtKeys();

  const std::string config_file_;
  const std::string key_file_;
  const std::shared_ptr<privacy::Redactor> redactor_;
  const Say say_;
  base::FileStamp rules_stamp_;
  base::FileStamp keys_stamp_;
  std::chrono::steady_clock::time_point next_look_{};
  std::chrono::steady_clock::time_point next_keys_{};

  base::Mutex mutex_;
  base::CondVar wake_;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace clew::cli
