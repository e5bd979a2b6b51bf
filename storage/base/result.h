#pragma once

#include <optional>
#include <utility>

#include "storage/base/check.h"
#include "storage/base/status.h"

namespace tarn {

// A T, or the Status that explains why there is none (never OK).
//
// value() and operator* on an error abort: test ok() first, or use ASSIGN_OR_RETURN.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit so that `return value;` reads naturally.
  Result(Status status) : status_(std::move(status)) { CHECK(!status_.ok()); }  // NOLINT

  bool ok() const noexcept { return value_.has_value(); }
  const Status& status() const& noexcept { return status_; }
  Status status() && noexcept { return std::move(status_); }
  Code code() const noexcept { return status_.code(); }

  T& value() & {
    CheckOk();
    return *value_;
  }
  const T& value() const& {
    CheckOk();
    return *value_;
  }
  T&& value() && {
    CheckOk();
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void CheckOk() const {
    if (!ok()) CheckFailed(__FILE__, __LINE__, "value() of an error Result: ", status_.ToString());
  }

  Status status_;
  std::optional<T> value_;
};

}  // namespace tarn

// Plain statements, not statement-expressions: gcc 12 crashes on a co_await inside one.
#define TARN_CONCAT_INNER(a, b) a##b
#define TARN_CONCAT(a, b) TARN_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expr)                    \
  do {                                           \
    ::tarn::Status tarn_status_ = (expr);        \
    if (!tarn_status_.ok()) return tarn_status_; \
  } while (false)

#define CO_RETURN_IF_ERROR(expr)                    \
  do {                                              \
    ::tarn::Status tarn_status_ = (expr);           \
    if (!tarn_status_.ok()) co_return tarn_status_; \
  } while (false)

#define ASSIGN_OR_RETURN_IMPL(result, lhs, expr, ret) \
  auto result = (expr);                               \
  if (!result.ok()) ret std::move(result).status();   \
  lhs = std::move(result).value()

// ASSIGN_OR_RETURN(Lsn lsn, store.Commit(...));
#define ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_IMPL(TARN_CONCAT(tarn_result_, __LINE__), lhs, expr, return )
#define CO_ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_IMPL(TARN_CONCAT(tarn_result_, __LINE__), lhs, expr, co_return )
