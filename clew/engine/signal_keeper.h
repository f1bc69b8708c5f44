// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <array>

namespace clew::engine {

// Puts the signal mask of this thread and the signal handlers of the process back as they were when it was made: the
// library blocks SIGPIPE while it loads and sets crash handlers to their default when it opens or closes.
class SignalKeeper {
 public:
  SignalKeeper() {
    pthread_sigmask(SIG_BLOCK, nullptr, &mask_);
    for (int number = 1; number < kSignals; ++number) sigaction(number, nullptr, &actions_[number]);
  }
  ~SignalKeeper() {
    for (int number = 1; number < kSignals; ++number) sigaction(number, &actions_[number], nullptr);
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }
  SignalKeeper(const SignalKeeper&) = delete;
  SignalKeeper& operator=(const SignalKeeper&) = delete;

 private:
  // Without the real-time signals, which nobody here uses.
  static constexpr int kSignals = 32;

  sigset_t mask_;
  std::array<struct sigaction, kSignals> actions_{};
};

}  // namespace clew::engine
