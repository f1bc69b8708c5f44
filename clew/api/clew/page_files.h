// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace clew::api::clew_api {

// One file of the built page.
struct PageFile {
  std::string_view path;  // "index.html", "assets/index-Ab12.js"
  std::string_view content_type;
  std::string_view gzip;
};

// The web page, built from ui/ into the program. Below assets/ names carry a hash of what they hold.
extern const std::span<const PageFile> kPageFiles;

}  // namespace clew::api::clew_api
