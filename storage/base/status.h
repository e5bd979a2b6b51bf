#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tarn {

// What the caller should do about an error. Few on purpose: detail belongs in the message.
enum class Code : unsigned char {
  kOk = 0,
  kInvalidArgument,     // The input breaks a rule; the same input will fail again.
  kNotFound,            // No such name, or none the caller may see.
  kAlreadyExists,       // The thing to create is there (or was: tombstones count).
  kConflict,            // Computed from a state that is no longer current: recompute or tell the client.
  kFailedPrecondition,  // The system is in a state that forbids this, until someone changes it.
  kUnauthenticated,     // No credentials, or bad ones.
  kPermissionDenied,    // Known caller, not allowed.
  kTooLarge,            // Over a named limit of one request.
  kResourceExhausted,   // A queue, budget or rate limit is full: come back later.
  kOutOfSpace,          // The disk is full, or nearly so: reads go on, writes do not.
  kUnavailable,         // Closing, not ready, or a peer is gone: come back later.
  kCancelled,
  kDeadlineExceeded,
  kCorruption,  // Bytes are not what was written. Never retried, never served around.
  kIoError,
  kInternal,
  kSecondFactorNeeded,  // The credentials are right, but not enough here: ask for a one-time password and try again.
};

// The name as printed in logs ("NotFound").
std::string_view CodeName(Code code);

// Success, or a code with a message for a person. Pointer-sized; success allocates nothing.
//
// The message names what, which key or file, where, expected and found. It never holds a token, a password or a whole
// body, and it may be shown to the client that caused it.
// Threads: as a value type; distinct objects are independent.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(Code code, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const noexcept { return rep_ == nullptr; }
  Code code() const noexcept { return rep_ == nullptr ? Code::kOk : rep_->code; }
  std::string_view message() const noexcept;
  // "NotFound: package x" or "OK".
  std::string ToString() const;
  // The same code, with "context: " before the message. OK stays OK.
  Status WithContext(std::string_view context) const;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<const Rep> rep_;
};

inline Status OkStatus() { return Status(); }

Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status Conflict(std::string message);
Status FailedPrecondition(std::string message);
Status Unauthenticated(std::string message);
Status PermissionDenied(std::string message);
Status TooLarge(std::string message);
Status ResourceExhausted(std::string message);
Status OutOfSpace(std::string message);
Status Unavailable(std::string message);
Status Cancelled(std::string message);
Status DeadlineExceeded(std::string message);
Status Corruption(std::string message);
Status IoError(std::string message);
Status Internal(std::string message);
Status SecondFactorNeeded(std::string message);

// An errno of a system call on `what` ("fdatasync segments/…"): ENOSPC and EDQUOT become kOutOfSpace, ENOENT becomes
// kNotFound, everything else kIoError.
Status FromErrno(int error_number, std::string_view what);

}  // namespace tarn
