// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace clew::base {

// Canonical error codes, numbered as in gRPC (google/rpc/code.proto); each protocol maps them in one table.
enum class Code : uint8_t {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The canonical spelling, e.g. "INVALID_ARGUMENT".
std::string_view CodeName(Code code);

// Whatever data or the outside world can cause. The message is one line for a person: what was expected, what came,
// what to do. It never quotes a payload.
struct Error {
  Code code = Code::kUnknown;
  std::string message;
  // When trying again makes sense (Retry-After, RetryInfo); zero: not said.
  std::chrono::milliseconds retry_after{0};
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> Fail(Code code, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}});
}
inline std::unexpected<Error> InvalidArgument(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message));
}
inline std::unexpected<Error> NotFound(std::string message) { return Fail(Code::kNotFound, std::move(message)); }
inline std::unexpected<Error> Internal(std::string message) { return Fail(Code::kInternal, std::move(message)); }
inline std::unexpected<Error> Unavailable(std::string message) { return Fail(Code::kUnavailable, std::move(message)); }
inline std::unexpected<Error> Unimplemented(std::string message) {
  return Fail(Code::kUnimplemented, std::move(message));
}
inline std::unexpected<Error> ResourceExhausted(std::string message, std::chrono::milliseconds retry_after = {}) {
  return std::unexpected(Error{Code::kResourceExhausted, std::move(message), retry_after});
}
// errno's text behind `what`; the code follows from the number (ENOSPC is RESOURCE_EXHAUSTED, ENOENT NOT_FOUND, …).
std::unexpected<Error> ErrnoError(std::string_view what, int error_number);

#define CLEW_CONCAT_INNER(a, b) a##b
#define CLEW_CONCAT(a, b) CLEW_CONCAT_INNER(a, b)

// Returns the error of `expression` (a Result) from the calling function, if it has one.
#define CLEW_RETURN_IF_ERROR(expression)                      \
  do {                                                        \
    if (auto clew_status = (expression); !clew_status) {      \
      return std::unexpected(std::move(clew_status).error()); \
    }                                                         \
  } while (false)

// CLEW_ASSIGN_OR_RETURN(auto x, Make()): x is the value, or the calling function returns the error.
#define CLEW_ASSIGN_OR_RETURN(declaration, expression) \
  CLEW_ASSIGN_OR_RETURN_INNER(CLEW_CONCAT(clew_result_, __LINE__), declaration, expression)
#define CLEW_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                        \
  if (!result) return std::unexpected(std::move(result).error());    \
  declaration = *std::move(result)

// Our own bugs only, never a peer's bytes: prints where and ends the process.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
#define CLEW_CHECK(condition)                                    \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::clew::base::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)

}  // namespace clew::base
