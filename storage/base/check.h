#pragma once

#include <string_view>

namespace tarn {

// Writes "file:line: what detail" to standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, std::string_view what, std::string_view detail = {});

}  // namespace tarn

// Always on. For our own mistakes only: never for input, disk or peer, which get a Status.
#define CHECK(condition)                               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::tarn::CheckFailed(__FILE__, __LINE__, "CHECK failed: " #condition))

// As CHECK, in debug builds only: for checks that cost something.
#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition) CHECK(condition)
#endif
