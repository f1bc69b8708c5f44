// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_parser.h"

#include <fmt/format.h>

#include <algorithm>

namespace clew::net {

namespace beast_http = boost::beast::http;

template <bool kIsRequest>
bool MessageParser<kIsRequest>::ParseHead(ReadBuffer& buffer, ErrorCode& error) {
  error = {};
  // RFC 9112 section 2.2: empty lines ahead of a request line are ignored.
  while (kIsRequest && !Base::got_some() && buffer.size() > 0) {
    const char* bytes = static_cast<const char*>(buffer.data().data());
    if (bytes[0] != '\r') break;
    if (buffer.size() == 1) return false;
    if (bytes[1] != '\n') break;
    buffer.consume(2);
    header_bytes_ += 2;
    if (header_bytes_ > header_limit_) {
      error = beast_http::error::header_limit;
      return false;
    }
  }
  while (!head_done_ && buffer.size() > 0) {
    const size_t consumed = Base::put(buffer.data(), error);
    buffer.consume(consumed);
    header_bytes_ += consumed;
    // The parser's own limit is of what it still holds, so a head that trickles in would have none.
    const size_t held = head_done_ ? 0 : buffer.size();
    if (header_bytes_ + held > header_limit_ && (!error || error == beast_http::error::need_more)) {
      error = beast_http::error::header_limit;
    }
    if (error == beast_http::error::need_more) {
      error = {};
      return false;
    }
    if (error) return false;
  }
  return head_done_;
}

template <bool kIsRequest>
bool MessageParser<kIsRequest>::ParseBody(ReadBuffer& buffer, ErrorCode& error) {
  error = {};
  while (!Base::is_done() && buffer.size() > 0) {
    const size_t consumed = Base::put(buffer.data(), error);
    buffer.consume(consumed);
    if (error == beast_http::error::need_more) {
      error = {};
      // A chunk's head or trailers that fill the buffer will never be complete.
      if (buffer.size() >= kReadBufferBytes) error = beast_http::error::bad_chunk_extension;
      return false;
    }
    if (error) return false;
  }
  return Base::is_done();
}

template class MessageParser<true>;
template class MessageParser<false>;

Refusal RefusalOf(const ErrorCode& error) {
  using enum base::Code;
  if (error == beast_http::error::header_limit || error == beast_http::error::buffer_overflow) {
    return {431, {kResourceExhausted, "the request line and header fields are too long together", {}}};
  }
  if (error == beast_http::error::body_limit) return {413, {kResourceExhausted, "the body is too large", {}}};
  if (error == beast_http::error::bad_version) {
    return {
        505,
        {kUnimplemented, "expected HTTP/1.1 or HTTP/1.0, and CRLF behind it; this server speaks no other version", {}}};
  }
  return {400, {kInvalidArgument, fmt::format("malformed HTTP request: {}", error.message()), {}}};
}

namespace {

Refusal Malformed(std::string_view what) {
  return {400, {base::Code::kInvalidArgument, fmt::format("malformed HTTP request: {}", what), {}}};
}

// Cuts scheme and authority off the absolute form, which servers have to accept (RFC 9112 section 3.2.2).
std::string_view OriginForm(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() >= scheme.size() && EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) {
      const size_t path = target.find_first_of("/?", scheme.size());
      return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
  }
  return target;
}

}  // namespace

std::optional<Refusal> CompleteHead(const RequestParser& parser, HttpRequest& request) {
  const std::string_view target = OriginForm(request.target);
  const std::string_view raw_path = target.substr(0, target.find('?'));
  request.raw_path = raw_path.empty() ? "/" : raw_path;
  const bool is_options_for_all = request.method == "OPTIONS" && target == "*";
  if (!request.raw_path.starts_with('/') && !is_options_for_all) {
    return Malformed("the target is neither a path nor an absolute URL");
  }
  auto path = PercentDecode(request.raw_path);
  if (!path) return Malformed("an ill-formed '%' in the path");
  request.path = *std::move(path);

  if (raw_path.size() < target.size()) {
    auto query = ParseParameters(target.substr(raw_path.size() + 1));
    if (!query) return Refusal{400, std::move(query).error()};
    request.query = *std::move(query);
  }

  const size_t hosts = request.headers.Count("Host");
  if (hosts > 1 || (hosts == 0 && parser.version() >= 11)) return Malformed("expected exactly one Host field");

  if (const auto coding = request.headers.Find("Transfer-Encoding")) {
    if (parser.version() < 11) return Malformed("Transfer-Encoding in HTTP/1.0");
    if (!parser.chunked() || request.headers.Count("Transfer-Encoding") > 1 ||
        !EqualsIgnoringCase(*coding, "chunked")) {
      return Refusal{501, {base::Code::kUnimplemented, "the only transfer coding taken is chunked", {}}};
    }
  }
  if (const auto expect = request.headers.Find("Expect"); expect && !EqualsIgnoringCase(*expect, "100-continue")) {
    return Refusal{417, {base::Code::kUnimplemented, "the only expectation met is 100-continue", {}}};
  }
  return std::nullopt;
}

}  // namespace clew::net
