// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/net/http_router.h"

namespace clew::api::clew_api {

// The web page: its files below /ui/, its first document at / and at every other path below /ui/, since the page itself
// decides what such an address shows. It loads nothing from elsewhere, and its content security policy says so.
void RegisterPage(net::HttpRouter& router);

}  // namespace clew::api::clew_api
