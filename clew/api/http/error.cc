// SPDX-License-Identifier: Apache-2.0
#include "clew/api/http/error.h"

#include <algorithm>
#include <utility>

#include "clew/base/json_writer.h"

namespace clew::api::http {

int HttpStatusOf(base::Code code) {
  switch (code) {
    case base::Code::kCancelled: return 499;
    case base::Code::kUnknown: return 500;
    case base::Code::kInvalidArgument: return 400;
    case base::Code::kDeadlineExceeded: return 504;
    case base::Code::kNotFound: return 404;
    case base::Code::kAlreadyExists: return 409;
    case base::Code::kPermissionDenied: return 403;
    case base::Code::kResourceExhausted: return 429;
    case base::Code::kFailedPrecondition: return 400;
    case base::Code::kAborted: return 409;
    case base::Code::kOutOfRange: return 400;
    case base::Code::kUnimplemented: return 501;
    case base::Code::kInternal: return 500;
    case base::Code::kUnavailable: return 503;
    case base::Code::kDataLoss: return 500;
    case base::Code::kUnauthenticated: return 401;
  }
  return 500;
}

std::string RetryAfterSeconds(std::chrono::milliseconds delay) {
  return std::to_string(std::max<int64_t>(1, std::chrono::ceil<std::chrono::seconds>(delay).count()));
}

net::HttpResponse ErrorResponse(int status, std::string content_type, std::string body, const base::Error& error) {
  net::HttpResponse response{status, std::move(content_type), {}, std::move(body)};
  if (error.retry_after.count() > 0) response.headers.emplace_back("Retry-After", RetryAfterSeconds(error.retry_after));
  return response;
}

net::HttpResponse JsonError(const base::Error& error) { return JsonError(HttpStatusOf(error.code), error); }

net::HttpResponse JsonError(int status, const base::Error& error) {
  base::JsonWriter json;
  json.BeginObject().Field("error", error.message).Field("code", base::CodeName(error.code)).EndObject();
  return ErrorResponse(status, "application/json", json.Take(), error);
}

net::HttpResponse TextError(const base::Error& error) { return TextError(HttpStatusOf(error.code), error); }

net::HttpResponse TextError(int status, const base::Error& error) {
  return ErrorResponse(status, "text/plain; charset=utf-8", error.message + '\n', error);
}

net::HttpRouter::ErrorRenderer JsonErrors() {
  return [](const net::HttpRequest&, int status, const base::Error& error) { return JsonError(status, error); };
}

net::HttpRouter::ErrorRenderer TextErrors() {
  return [](const net::HttpRequest&, int status, const base::Error& error) { return TextError(status, error); };
}

}  // namespace clew::api::http
