// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "clew/base/result.h"
#include "clew/net/asio.h"
#include "clew/net/http_message.h"

// Above Beast's own, which need asio.h before them.
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace clew::net {

using ReadBuffer = boost::beast::flat_buffer;
// What one connection reads at once; Beast's default of 512 halves the throughput.
inline constexpr size_t kReadBufferBytes = 65536;

// Beast's parser, writing the fields straight to their place. Trailers are dropped: a field that comes behind the body
// must not replace one that was already acted upon.
template <bool kIsRequest>
class MessageParser : public boost::beast::http::basic_parser<kIsRequest> {
 public:
  using Base = boost::beast::http::basic_parser<kIsRequest>;

  // `header_limit` covers the first line and all fields together.
  MessageParser(size_t header_limit, HttpHeaders& headers, std::string& body)
      : header_limit_(header_limit), headers_(headers), body_(body) {
    Base::header_limit(static_cast<uint32_t>(header_limit));
    Base::body_limit(boost::none);
  }

  // Parses from the front of `buffer` as far as it goes and consumes that. True once the head is complete (ParseHead)
  // or the whole message (ParseBody); false: more bytes are needed, or `error` is set.
  bool ParseHead(ReadBuffer& buffer, ErrorCode& error);
  bool ParseBody(ReadBuffer& buffer, ErrorCode& error);

 protected:
  using View = boost::beast::string_view;

 private:
  void on_field_impl(boost::beast::http::field, View name, View value, ErrorCode&) override {
    if (!head_done_) headers_.Add(std::string(name), std::string(value));
  }
  void on_header_impl(ErrorCode&) override { head_done_ = true; }
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(View bytes, ErrorCode&) override {
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t, View, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, View bytes, ErrorCode&) override {
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  size_t header_limit_;
  size_t header_bytes_ = 0;
  bool head_done_ = false;
  HttpHeaders& headers_;
  std::string& body_;
};

class RequestParser : public MessageParser<true> {
 public:
  RequestParser(size_t header_limit, HttpRequest& request)
      : MessageParser(header_limit, request.headers, request.body), request_(request) {}

  // 10 or 11, 0 before the request line is read.
  int version() const { return version_; }

 private:
  void on_request_impl(boost::beast::http::verb, View method, View target, int version, ErrorCode&) override {
    request_.method = method;
    request_.target = target;
    version_ = version;
  }
  void on_response_impl(int, View, int, ErrorCode&) override {}

  HttpRequest& request_;
  int version_ = 0;
};

class ResponseParser : public MessageParser<false> {
 public:
  ResponseParser(size_t header_limit, HttpHeaders& headers, std::string& body)
      : MessageParser(header_limit, headers, body) {}

  int status() const { return status_; }

 private:
  void on_request_impl(boost::beast::http::verb, View, View, int, ErrorCode&) override {}
  void on_response_impl(int status, View, int, ErrorCode&) override { status_ = status; }

  int status_ = 0;
};

// Why the server turns a request down by itself.
struct Refusal {
  int status = 0;
  base::Error error;
};

// What a parser's error means to the client: 400, 413, 431, 505.
Refusal RefusalOf(const ErrorCode& error);

// Checks a parsed head and fills in path, query and the like: the target's form, exactly one Host in HTTP/1.1 (RFC 9112
// section 3.2), no transfer coding but chunked (section 6.1), no expectation but 100-continue.
std::optional<Refusal> CompleteHead(const RequestParser& parser, HttpRequest& request);

}  // namespace clew::net
