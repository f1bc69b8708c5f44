// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a text under the hints of an arbitrary key (the first two bytes): nothing outside is read, a
// finding grows by 32 bytes at most, and applied once more nothing changes.
#include <memory>
#include <string>

#include "clew/base/result.h"
#include "clew/privacy/redactor.h"
#include "clew/privacy/text_redactor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::privacy;
  if (size < 2) return 0;
  static const Redactor redactor([] {
    Redactor::Options options;
    options.keys = {PseudonymKey{}};
    return options;
  }());
  TextRedactor texts(redactor.rules(), 0);
  const detect::HintSet hints = data[0] | detect::HintSet{data[1]} << 8;
  // Its own allocation, so that a byte too far is seen.
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::unique_ptr<char[]> exact(new char[text.size() + 1]);
  text.copy(exact.get(), text.size());
  std::string once;
  if (!texts.Redact({exact.get(), text.size()}, hints, once)) once = text;
  // No finding is shorter than a byte, and what became of one is not found again.
  CLEW_CHECK(once.size() <= 33 * text.size());
  std::string twice;
  CLEW_CHECK(!texts.Redact(once, hints, twice) || twice == once);
  return 0;
}
