// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/net/http_message.h"
#include "clew/net/http_router.h"

namespace clew::api::http {

// The one table from canonical codes to HTTP status numbers (google/rpc/code.proto has it in its comments). CANCELLED
// is 499, RESOURCE_EXHAUSTED 429, OUT_OF_RANGE 400.
int HttpStatusOf(base::Code code);

// Whole seconds, rounded up, at least 1, for Retry-After (RFC 9110 section 10.2.3).
std::string RetryAfterSeconds(std::chrono::milliseconds delay);

// An answer whose body is in a protocol's own error form. Adds Retry-After where the error has one.
net::HttpResponse ErrorResponse(int status, std::string content_type, std::string body, const base::Error& error);

// Clew's own form, of /api/clew and of every path with no protocol: {"error":"…","code":"NOT_FOUND"}.
net::HttpResponse JsonError(const base::Error& error);
net::HttpResponse JsonError(int status, const base::Error& error);
// The message alone, as Loki's and Tempo's APIs answer.
net::HttpResponse TextError(const base::Error& error);
net::HttpResponse TextError(int status, const base::Error& error);

// JsonError and TextError for HttpRouter::SetErrors.
net::HttpRouter::ErrorRenderer JsonErrors();
net::HttpRouter::ErrorRenderer TextErrors();

}  // namespace clew::api::http
