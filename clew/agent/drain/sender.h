// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clew/agent/drain/config.h"
#include "clew/base/result.h"

namespace clew::agent::drain {

// What became of one attempt to deliver a batch.
struct Attempt {
  bool delivered = false;
  bool retryable = false;                    // by the OTLP specification
  std::chrono::milliseconds retry_after{0};  // as the receiver asked; 0: it did not
  std::string error;                         // one line; empty where delivered
  uint64_t rejected = 0;                     // of a partial success
  std::string warning;                       // of a partial success, or of an answer that makes no sense
};

// Carries encoded batches of one signal to one receiver. One thread at a time.
class Sender {
 public:
  virtual ~Sender() = default;
  // `body` is an Export…ServiceRequest in the format of the protocol. Returns at `deadline` at the latest.
  virtual Attempt Send(std::string_view body, std::chrono::steady_clock::time_point deadline) = 0;
};

// By the signal's protocol. FAILED_PRECONDITION where a certificate file cannot be read.
base::Result<std::unique_ptr<Sender>> MakeSender(Signal signal, const SignalConfig& config);
// Writes OTLP/JSON, a line a batch, to standard error (exporter `console`).
void WriteToConsole(std::string_view json);

// Text of a receiver or a file as part of one line for a person: bounded, printable characters only.
std::string Printable(std::string_view text, size_t limit = 200);

// What an HTTP status means to an exporter (OTLP specification, "Retryable Response Codes").
bool IsRetryableStatus(int status);
// Retry-After (RFC 9110 section 10.2.3): seconds or a date; 0 where it makes no sense. At most five minutes.
std::chrono::milliseconds ParseRetryAfter(std::string_view text, std::chrono::system_clock::time_point now);

namespace internal {
base::Result<std::unique_ptr<Sender>> MakeGrpcSender(Signal signal, const SignalConfig& config);
}

}  // namespace clew::agent::drain
