// SPDX-License-Identifier: Apache-2.0
// Escapes, query strings and forms, URLs, addresses: what is read must come out the same when it is written and read
// again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "clew/net/address.h"
#include "clew/net/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (PercentDecode(PercentEncode(text)) != text) std::abort();
  if (const auto decoded = PercentDecode(text)) {
    if (decoded->size() > text.size() || PercentDecode(PercentEncode(*decoded)) != *decoded) std::abort();
  }
  if (const auto parameters = ParseParameters(text)) {
    // Pairs without name and value ("=") are written as "=", so all come back.
    const auto again = ParseParameters(FormatParameters(*parameters));
    if (!again || *again != *parameters) std::abort();
  }
  if (const auto url = Url::Parse(text)) {
    const auto again = Url::Parse((url->tls ? "https://" : "http://") + url->HostHeader() + url->target);
    if (!again || again->host != url->host || again->port != url->port || again->target != url->target) std::abort();
  }
  if (const auto address = Address::Parse(text)) {
    const auto again = Address::Parse(address->ToString());
    if (!again || *again != *address) std::abort();
  }
  return 0;
}
