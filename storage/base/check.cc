#include "storage/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tarn {

void CheckFailed(const char* file, int line, std::string_view what, std::string_view detail) {
  std::fprintf(stderr, "%s:%d: %.*s%.*s\n", file, line, static_cast<int>(what.size()), what.data(),
               static_cast<int>(detail.size()), detail.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace tarn
