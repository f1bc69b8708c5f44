// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_message.h"

#include <algorithm>

namespace clew::net {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) { return Lower(a) == Lower(b); });
}

void HttpHeaders::Set(std::string_view name, std::string value) {
  std::erase_if(pairs_, [&](const Pair& pair) { return EqualsIgnoringCase(pair.first, name); });
  pairs_.emplace_back(name, std::move(value));
}

std::optional<std::string_view> HttpHeaders::Find(std::string_view name) const {
  for (const Pair& pair : pairs_) {
    if (EqualsIgnoringCase(pair.first, name)) return pair.second;
  }
  return std::nullopt;
}

size_t HttpHeaders::Count(std::string_view name) const {
  return static_cast<size_t>(
      std::ranges::count_if(pairs_, [&](const Pair& pair) { return EqualsIgnoringCase(pair.first, name); }));
}

bool HttpHeaders::HasToken(std::string_view name, std::string_view token) const {
  for (const Pair& pair : pairs_) {
    if (!EqualsIgnoringCase(pair.first, name)) continue;
    std::string_view rest = pair.second;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (EqualsIgnoringCase(Trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

std::string HttpRequest::MediaType() const {
  std::string_view type = headers.Get("Content-Type");
  std::string out(Trim(type.substr(0, type.find(';'))));
  std::ranges::transform(out, out.begin(), Lower);
  return out;
}

base::Result<Parameters> HttpRequest::Form() const {
  Parameters form;
  if (MediaType() == "application/x-www-form-urlencoded") {
    CLEW_ASSIGN_OR_RETURN(form, ParseParameters(body));
  }
  form.Append(query);
  return form;
}

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

HttpReply& HttpReply::operator=(HttpReply&& other) noexcept {
  if (this != &other) {
    Abandon();
    sink_ = std::exchange(other.sink_, nullptr);
  }
  return *this;
}

void HttpReply::operator()(HttpResponse response) {
  CLEW_CHECK(sink_);
  std::exchange(sink_, nullptr)(std::move(response));
}

void HttpReply::Abandon() noexcept {
  if (!sink_) return;
  try {
    std::exchange(sink_, nullptr)(HttpResponse::Text(500, "the request was dropped without an answer\n"));
  } catch (...) {
    // Only memory can be short here; the connection's own time limit ends it then.
  }
}

HttpHandler Synchronous(std::function<HttpResponse(const HttpRequest&)> function) {
  return [function = std::move(function)](const HttpRequest& request, HttpReply reply) { reply(function(request)); };
}

}  // namespace clew::net
