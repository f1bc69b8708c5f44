// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_router.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace clew::net {

// One segment of the tree of patterns.
struct HttpRouter::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  // By name, since two patterns may name the same place differently.
  std::map<std::string, std::unique_ptr<Node>, std::less<>> named;
  // "{name...}": the routes of everything below.
  std::map<std::string, Route, std::less<>> rest;
  std::string rest_name;
  std::map<std::string, Route, std::less<>> routes;
};

namespace {

using Routes = std::map<std::string, HttpRouter::Route, std::less<>>;

// "/a/b" -> "a", "b"; "/" -> "".
std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

const HttpRouter::Route* RouteOf(const Routes& routes, std::string_view method) {
  auto found = routes.find(method);
  if (found == routes.end() && method == "HEAD") found = routes.find("GET");
  return found == routes.end() ? nullptr : &found->second;
}

void AddMethods(const Routes& routes, std::vector<std::string>& methods) {
  for (const auto& [method, route] : routes) {
    methods.push_back(method);
    if (method == "GET") methods.emplace_back("HEAD");
  }
}

// One look through the tree: the first route that takes the method, and the methods of all that match the path.
template <typename Node>
class Search {
 public:
  Search(std::string_view method, std::string_view raw_path) : method_(method), raw_path_(raw_path) {
    for (const std::string_view raw : Segments(raw_path)) {
      auto decoded = PercentDecode(raw);
      if (!decoded) {
        valid_ = false;
        return;
      }
      segments_.push_back(*std::move(decoded));
      starts_.push_back(static_cast<size_t>(raw.data() - raw_path.data()));
    }
  }

  HttpRouter::Match Run(const Node& root) {
    HttpRouter::Match match;
    if (valid_ && Visit(root, 0)) {
      match.route = route_;
      for (auto& [name, value] : values_) match.path_parameters.Add(std::move(name), std::move(value));
      return match;
    }
    std::ranges::sort(methods_);
    const auto [first, last] = std::ranges::unique(methods_);
    methods_.erase(first, last);
    for (const std::string& method : methods_) {
      if (!match.allowed_methods.empty()) match.allowed_methods += ", ";
      match.allowed_methods += method;
    }
    return match;
  }

 private:
  bool Visit(const Node& node, size_t depth) {
    if (depth == segments_.size()) {
      route_ = RouteOf(node.routes, method_);
      if (route_ == nullptr) AddMethods(node.routes, methods_);
      return route_ != nullptr;
    }
    const std::string& segment = segments_[depth];
    if (const auto child = node.fixed.find(segment); child != node.fixed.end()) {
      if (Visit(*child->second, depth + 1)) return true;
    }
    if (!segment.empty()) {
      for (const auto& [name, child] : node.named) {
        values_.emplace_back(name, segment);
        if (Visit(*child, depth + 1)) return true;
        values_.pop_back();
      }
    }
    if (node.rest.empty()) return false;
    route_ = RouteOf(node.rest, method_);
    if (route_ == nullptr) {
      AddMethods(node.rest, methods_);
      return false;
    }
    // The segments are well-formed, so their join is.
    values_.emplace_back(node.rest_name, PercentDecode(raw_path_.substr(starts_[depth])).value_or(""));
    return true;
  }

  std::string_view method_;
  std::string_view raw_path_;
  bool valid_ = true;
  std::vector<std::string> segments_;
  std::vector<size_t> starts_;
  const HttpRouter::Route* route_ = nullptr;
  std::vector<std::pair<std::string, std::string>> values_;
  std::vector<std::string> methods_;
};

}  // namespace

HttpRouter::HttpRouter() : root_(std::make_unique<Node>()) {}
HttpRouter::~HttpRouter() = default;
HttpRouter::HttpRouter(HttpRouter&&) noexcept = default;
HttpRouter& HttpRouter::operator=(HttpRouter&&) noexcept = default;

void HttpRouter::Add(std::string_view method, std::string_view pattern, HttpHandler handler, RouteOptions options) {
  CLEW_CHECK(!method.empty() && pattern.starts_with('/') && handler);
  Node* node = root_.get();
  std::map<std::string, Route, std::less<>>* routes = nullptr;
  for (const std::string_view segment : Segments(pattern)) {
    CLEW_CHECK(routes == nullptr);  // "{name...}" is the last
    const bool is_named = segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
    if (!is_named) {
      auto& child = node->fixed[std::string(segment)];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
      continue;
    }
    std::string_view name = segment.substr(1, segment.size() - 2);
    if (name.ends_with("...")) {
      name.remove_suffix(3);
      CLEW_CHECK(!name.empty() && (node->rest_name.empty() || node->rest_name == name));
      node->rest_name = name;
      routes = &node->rest;
    } else {
      auto& child = node->named[std::string(name)];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
  }
  if (routes == nullptr) routes = &node->routes;
  const bool added =
      routes->try_emplace(std::string(method), Route{std::string(pattern), std::move(handler), options}).second;
  CLEW_CHECK(added);
}

void HttpRouter::SetErrors(std::string_view prefix, ErrorRenderer renderer) {
  CLEW_CHECK(renderer);
  renderers_.insert_or_assign(std::string(prefix), std::move(renderer));
}

void HttpRouter::AddFilter(Filter filter) {
  CLEW_CHECK(filter);
  filters_.push_back(std::move(filter));
}

HttpRouter::Match HttpRouter::Find(std::string_view method, std::string_view raw_path) const {
  if (!raw_path.starts_with('/')) return {};
  return Search<Node>(method, raw_path).Run(*root_);
}

HttpResponse HttpRouter::RenderError(const HttpRequest& request, int status, const base::Error& error) const {
  const ErrorRenderer* renderer = nullptr;
  size_t longest = 0;
  for (const auto& [prefix, candidate] : renderers_) {
    if (request.path.starts_with(prefix) && (renderer == nullptr || prefix.size() > longest)) {
      renderer = &candidate;
      longest = prefix.size();
    }
  }
  if (renderer != nullptr) return (*renderer)(request, status, error);
  return HttpResponse::Text(status, error.message + '\n');
}

std::optional<HttpResponse> HttpRouter::ApplyFilters(HttpRequest& head) const {
  for (const Filter& filter : filters_) {
    auto refusal = filter(head);
    if (!refusal) continue;
    HttpResponse response = RenderError(head, refusal->status, refusal->error);
    std::ranges::move(refusal->headers, std::back_inserter(response.headers));
    return response;
  }
  return std::nullopt;
}

}  // namespace clew::net
