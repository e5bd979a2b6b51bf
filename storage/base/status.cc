#include "storage/base/status.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "storage/base/check.h"

namespace tarn {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "OK";
    case Code::kInvalidArgument: return "InvalidArgument";
    case Code::kNotFound: return "NotFound";
    case Code::kAlreadyExists: return "AlreadyExists";
    case Code::kConflict: return "Conflict";
    case Code::kFailedPrecondition: return "FailedPrecondition";
    case Code::kUnauthenticated: return "Unauthenticated";
    case Code::kPermissionDenied: return "PermissionDenied";
    case Code::kTooLarge: return "TooLarge";
    case Code::kResourceExhausted: return "ResourceExhausted";
    case Code::kOutOfSpace: return "OutOfSpace";
    case Code::kUnavailable: return "Unavailable";
    case Code::kCancelled: return "Cancelled";
    case Code::kDeadlineExceeded: return "DeadlineExceeded";
    case Code::kCorruption: return "Corruption";
    case Code::kIoError: return "IoError";
    case Code::kInternal: return "Internal";
    case Code::kSecondFactorNeeded: return "SecondFactorNeeded";
  }
  return "Unknown";
}

Status::Status(Code code, std::string message) : rep_(std::make_unique<const Rep>(Rep{code, std::move(message)})) {
  CHECK(code != Code::kOk);
}

Status::Status(const Status& other)
    : rep_(other.rep_ == nullptr ? nullptr : std::make_unique<const Rep>(*other.rep_)) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_ = other.rep_ == nullptr ? nullptr : std::make_unique<const Rep>(*other.rep_);
  return *this;
}

std::string_view Status::message() const noexcept {
  return rep_ == nullptr ? std::string_view() : std::string_view(rep_->message);
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  std::string text(CodeName(rep_->code));
  text += ": ";
  text += rep_->message;
  return text;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return Status();
  std::string text(context);
  text += ": ";
  text += rep_->message;
  return Status(rep_->code, std::move(text));
}

Status InvalidArgument(std::string m) { return Status(Code::kInvalidArgument, std::move(m)); }
Status NotFound(std::string m) { return Status(Code::kNotFound, std::move(m)); }
Status AlreadyExists(std::string m) { return Status(Code::kAlreadyExists, std::move(m)); }
Status Conflict(std::string m) { return Status(Code::kConflict, std::move(m)); }
Status FailedPrecondition(std::string m) { return Status(Code::kFailedPrecondition, std::move(m)); }
Status Unauthenticated(std::string m) { return Status(Code::kUnauthenticated, std::move(m)); }
Status PermissionDenied(std::string m) { return Status(Code::kPermissionDenied, std::move(m)); }
Status TooLarge(std::string m) { return Status(Code::kTooLarge, std::move(m)); }
Status ResourceExhausted(std::string m) { return Status(Code::kResourceExhausted, std::move(m)); }
Status OutOfSpace(std::string m) { return Status(Code::kOutOfSpace, std::move(m)); }
Status Unavailable(std::string m) { return Status(Code::kUnavailable, std::move(m)); }
Status Cancelled(std::string m) { return Status(Code::kCancelled, std::move(m)); }
Status DeadlineExceeded(std::string m) { return Status(Code::kDeadlineExceeded, std::move(m)); }
Status Corruption(std::string m) { return Status(Code::kCorruption, std::move(m)); }
Status IoError(std::string m) { return Status(Code::kIoError, std::move(m)); }
Status Internal(std::string m) { return Status(Code::kInternal, std::move(m)); }
Status SecondFactorNeeded(std::string m) { return Status(Code::kSecondFactorNeeded, std::move(m)); }

Status FromErrno(int error_number, std::string_view what) {
  std::string text(what);
  text += ": ";
  text += std::generic_category().message(error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return OutOfSpace(std::move(text));
    case ENOENT: return NotFound(std::move(text));
    default: return IoError(std::move(text));
  }
}

}  // namespace tarn
