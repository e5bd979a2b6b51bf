// What the tarballs of a dump cost at least, whoever imports them: base64, SHA-512 and SHA-1 by the very code of the importer,
// over each attachment's text, which is in the cache when the clock runs, as it is for the importer when it has scanned it.
//
// usage: import_baseline DUMP    (a changes feed, a document a line)
// Prints {"cpu_seconds":…,"tarball_bytes":…}.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"

namespace {

constexpr size_t kStepBytes = 64 * 1024;  // As the importer decodes it.
constexpr std::string_view kData = "\"data\":";

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Cost {
  double cpu_seconds = 0;
  uint64_t tarball_bytes = 0;
};

bool AddTarball(std::string_view text, std::string* piece, std::string* plain, Cost* cost) {
  tarn::Base64StreamDecoder base64;
  tarn::BlobHasher hasher;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), kStepBytes))) {
    piece->assign(text.substr(0, kStepBytes));
    const double began = CpuSeconds();
    plain->clear();
    if (!base64.Decode(*piece, plain).ok()) return false;
    hasher.Update(*plain);
    cost->cpu_seconds += CpuSeconds() - began;
    cost->tarball_bytes += plain->size();
  }
  const double began = CpuSeconds();
  hasher.Finish();
  cost->cpu_seconds += CpuSeconds() - began;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: import_baseline DUMP\n", stderr), 2;
  const int file = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) return std::perror(argv[1]), 1;
  const auto size = static_cast<size_t>(status.st_size);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (mapped == MAP_FAILED) return std::perror(argv[1]), 1;
  const std::string_view dump(static_cast<const char*>(mapped), size);
  Cost cost;
  std::string piece, plain;
  for (size_t at = dump.find(kData); at != std::string_view::npos; at = dump.find(kData, at)) {
    const size_t begin = dump.find('"', at + kData.size()) + 1;
    const size_t end = dump.find('"', begin);
    if (begin == 0 || end == std::string_view::npos) return std::fputs("not a dump\n", stderr), 1;
    if (!AddTarball(dump.substr(begin, end - begin), &piece, &plain, &cost))
      return std::fputs("not base64\n", stderr), 1;
    at = end;
  }
  std::printf("{\"cpu_seconds\":%.6f,\"tarball_bytes\":%llu}\n", cost.cpu_seconds,
              static_cast<unsigned long long>(cost.tarball_bytes));
  return 0;
}
