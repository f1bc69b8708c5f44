// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "clew/api/clew/page_files.h"
#include "clew/api/http/error.h"
#include "clew/base/hash.h"
#include "clew/wire/compression.h"

namespace clew::api::clew_api {
namespace {

constexpr size_t kMaxFileBytes = 16 << 20;
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

const PageFile* FileOf(std::string_view path) {
  const auto found = std::ranges::find(kPageFiles, path, &PageFile::path);
  return found == kPageFiles.end() ? nullptr : &*found;
}

net::HttpResponse Answer(const PageFile& file, const net::HttpRequest& request) {
  net::HttpResponse response{200, std::string(file.content_type), {}, {}};
  const std::string tag = fmt::format("\"{:016x}\"", base::Hash64(file.gzip));
  const bool hashed = file.path.starts_with("assets/");
  response.headers = {{"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
                      {"ETag", tag},
                      {"Vary", "Accept-Encoding"},
                      {"Content-Security-Policy", std::string(kPolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}};
  if (request.headers.HasToken("If-None-Match", tag)) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  if (request.headers.HasToken("Accept-Encoding", "gzip")) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = file.gzip;
    return response;
  }
  auto plain = wire::Decompress(wire::Compression::kGzip, file.gzip, kMaxFileBytes);
  if (!plain) return http::TextError(500, plain.error());
  response.body = *std::move(plain);
  return response;
}

net::HttpResponse Page(const net::HttpRequest& request) {
  const std::string_view path = request.path_parameters.Get("path");
  if (const PageFile* file = FileOf(path)) return Answer(*file, request);
  if (path.starts_with("assets/")) {
    return http::TextError(404, {base::Code::kNotFound, "no such file; the page was replaced, load it again", {}});
  }
  return Answer(*FileOf("index.html"), request);
}

}  // namespace

void RegisterPage(net::HttpRouter& router) {
  constexpr net::RouteOptions kQuick{net::Run::kOnIoThread, size_t{0}};
  for (const char* pattern : {"/", "/ui/{path...}"}) {
    router.Add("GET", pattern, net::Synchronous(Page), kQuick);
  }
}

}  // namespace clew::api::clew_api
