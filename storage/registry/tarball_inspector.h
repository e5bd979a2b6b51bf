#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/limits.h"
#include "storage/base/result.h"

namespace tarn::registry {

class TarReader;

// What a look into a package's tarball found.
struct TarballReport {
  std::string package_json;      // Bytes of <root>/package.json, whatever the root is called.
  uint64_t entry_count = 0;      // Everything: files, folders, links, the rest.
  uint64_t file_count = 0;       // Regular files: npm's dist.fileCount.
  uint64_t unpacked_bytes = 0;   // Their sizes: npm's dist.unpackedSize.
  bool has_shrinkwrap = false;   // <root>/npm-shrinkwrap.json is there.
  bool has_binding_gyp = false;  // <root>/binding.gyp is there: npm will run node-gyp on install.
};

// Reads a .tgz while it arrives, in pieces of any size: gzip (several members, zeros after the
// last), then tar (ustar, pax, GNU long names). Nothing is extracted, nothing is kept but the one
// package.json, so memory is bounded whatever the tarball's size.
//
//   Append  bytes in order. The first error is final and is returned from then on.
//   Finish  once, after the last byte: what was found.
//
// Refused (kInvalidArgument unless said otherwise; the message names the entry or the offset): not
// gzip, bad CRC, truncated, bytes after the last member; a tar header with a bad checksum or
// number, sparse files; a path that is absolute, has a drive letter, a ".." or a NUL; no
// package.json at depth one, or two of them. kTooLarge: over a limit.
//
// Links are counted, never followed: npm ignores them. What stands after the end-of-archive mark is
// checked as gzip but not read as tar. Where readers of tar differ (a lone zero block, the size of
// a folder, "//" within a path) this one does as node-tar 7, because that is what installs.
//
// Threads: one at a time. Cost: inflate, about 3 ms per MB of output.
class TarballInspector {
 public:
  struct Limits {
    uint64_t entries_max = limits::kTarballEntriesMax;
    uint64_t inflated_bytes_max = limits::kTarballInflatedBytesMax;
    uint64_t package_json_bytes_max = limits::kTarballPackageJsonBytesMax;
  };

  TarballInspector();
  explicit TarballInspector(const Limits& limits);
  ~TarballInspector();
  TarballInspector(TarballInspector&&) noexcept;
  TarballInspector& operator=(TarballInspector&&) noexcept;

  [[nodiscard]] Status Append(std::string_view bytes);
  [[nodiscard]] Result<TarballReport> Finish();

 private:
  class Inflater;

  std::unique_ptr<TarReader> tar_;
  std::unique_ptr<Inflater> inflater_;  // Feeds tar_.
  Status error_;
};

}  // namespace tarn::registry
