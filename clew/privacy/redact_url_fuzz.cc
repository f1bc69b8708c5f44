// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a URL and as a query: applied once more nothing changes, and the output is bounded.
#include "clew/base/result.h"
#include "clew/privacy/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::privacy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string url = RedactUrl(text);
  CLEW_CHECK(RedactUrl(url) == url);
  const std::string query = RedactQuery(text);
  CLEW_CHECK(RedactQuery(query) == query);
  // The shortest parameter whose value grows is "pw=x&"; user and password come once.
  const size_t bound = size + (size / 5 + 3) * kRedacted.size();
  CLEW_CHECK(url.size() <= bound && query.size() <= bound);
  return 0;
}
