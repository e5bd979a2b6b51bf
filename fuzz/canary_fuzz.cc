#include <cstddef>
#include <cstdint>
#include <cstdlib>

// Not a test of ours but of the rig: it must be found to fail.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 4 && data[0] == 't' && data[1] == 'a' && data[2] == 'r' && data[3] == 'n') std::abort();
  return 0;
}
