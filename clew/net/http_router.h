// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/result.h"
#include "clew/net/http_message.h"

namespace clew::net {

// Where a handler runs.
enum class Run {
  kOnIoThread,  // answers in microseconds and never waits: it holds up every connection of its thread
  kOnPool,      // may block for as long as it likes (queries)
  kOnShortPool  // milliseconds of work on a body (decoding); a lane of its own, so that no slow query holds it up
};

struct RouteOptions {
  Run run = Run::kOnPool;
  // Of the body as sent, in bytes; nothing: the server's own limit.
  std::optional<size_t> body_limit = {};
};

// The handlers by method and path, what lies around them, and the answers where there is none. Filled by one thread,
// then shared, constant, by servers.
class HttpRouter {
 public:
  // Builds the answer that the server itself has to give under a prefix: 400 (malformed), 404, 405, 408, 413, 500, 503
  // (overload), …. `request` has as much as was read. `error.retry_after` is set for overload. The server adds Allow
  // and Retry-After where the renderer did not.
  using ErrorRenderer = std::function<HttpResponse(const HttpRequest& request, int status, const base::Error& error)>;
  // Why a request is refused; rendered as every error of its path is, with these headers beside.
  struct Refusal {
    int status = 403;
    base::Error error;
    std::vector<std::pair<std::string, std::string>> headers = {};
  };
  // Looks at a request's head before its body is read, and refuses it or lets it pass; may note who sent it in
  // `head.principal`.
  using Filter = std::function<std::optional<Refusal>(HttpRequest& head)>;

  struct Route {
    std::string pattern;
    HttpHandler handler;
    RouteOptions options;
  };
  struct Match {
    const Route* route = nullptr;
    Parameters path_parameters;
    // Where there is no route: the methods that the path has, ("GET, HEAD, POST"); empty: the path is unknown.
    std::string allowed_methods;
  };

  HttpRouter();
  ~HttpRouter();
  HttpRouter(HttpRouter&&) noexcept;
  HttpRouter& operator=(HttpRouter&&) noexcept;

  // `pattern`: "/jaeger/api/traces/{id}"; "{name}" is one non-empty segment, a last "{name...}" the rest of the path,
  // empty too. Fixed segments go before named ones. Segments are decoded one by one, so an escaped slash stays in its
  // segment. GET also answers HEAD. A pattern that is wrong or there already is a bug (CHECK).
  void Add(std::string_view method, std::string_view pattern, HttpHandler handler, RouteOptions options = {});

  // For every path that begins with `prefix`; the longest prefix wins.
  void SetErrors(std::string_view prefix, ErrorRenderer renderer);
  // Filters run in their order, on the I/O thread.
  void AddFilter(Filter filter);

  Match Find(std::string_view method, std::string_view raw_path) const;
  HttpResponse RenderError(const HttpRequest& request, int status, const base::Error& error) const;
  // The answer of the first filter that refuses.
  std::optional<HttpResponse> ApplyFilters(HttpRequest& head) const;

 private:
  struct Node;

  std::unique_ptr<Node> root_;
  std::map<std::string, ErrorRenderer, std::less<>> renderers_;
  std::vector<Filter> filters_;
};

}  // namespace clew::net
