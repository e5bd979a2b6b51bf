#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "migrate/couch_file/snappy.h"
#include "storage/base/check.h"

// What is accepted is as long as the block says; a limit one below refuses it, and what is in the way of the result
// does not change it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::couch_file;
  constexpr size_t kBytesMax = 1 << 20;
  const std::string_view block(reinterpret_cast<const char*>(data), size);
  std::string out;
  if (!SnappyDecode(block, kBytesMax, &out).ok()) return 0;
  CHECK(out.size() <= size * 64);
  std::string again = "something else";
  CHECK(SnappyDecode(block, out.size(), &again).ok());
  CHECK(again == out);
  if (!out.empty()) CHECK(!SnappyDecode(block, out.size() - 1, &again).ok());
  return 0;
}
