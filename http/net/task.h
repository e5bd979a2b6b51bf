#pragma once

#include <boost/asio/awaitable.hpp>

namespace tarn::http {

// A coroutine on a core thread: the only thing of Asio that handlers see. It runs on one core from start to end, starts
// when it is awaited, and must be awaited or dropped there.
//
// gcc 12: inside a co_await expression never make a temporary that is an aggregate with a destructor, or a capturing
// lambda: it would be destroyed twice. Name it first, then move it in.
template <typename T>
using Task = boost::asio::awaitable<T>;

}  // namespace tarn::http
