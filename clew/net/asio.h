// SPDX-License-Identifier: Apache-2.0
// Boost.Asio and Beast for the .cc files of this folder; its public headers do not show them. Their own code is
// compiled once, in asio.cc.
#pragma once

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION
#define BOOST_ASIO_NO_DEPRECATED
// The libraries' assertions are about our use of them; the parser's would end the process on a peer's bytes.
#define BOOST_DISABLE_ASSERTS

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace clew::net {
namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
// Operations that report errors beside their result instead of throwing.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
}  // namespace clew::net
