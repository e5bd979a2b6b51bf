// The requests of a run, built before it starts: GETs taken in turn for ever, or PUTs each sent
// once.
//
// Threads: one. Views handed out live as long as the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/options.h"

namespace tarn::bench {

struct RequestView {
  std::string_view head;
  std::string_view body;    // Empty for GET.
  size_t target_index = 0;  // Requests with the same index must be answered with bodies of the same length.
};

class RequestSet {
 public:
  RequestSet() = default;
  RequestSet(const RequestSet&) = delete;
  RequestSet& operator=(const RequestSet&) = delete;
  ~RequestSet();

  // Prepares what `options` asks for. On failure returns false and sets `error`: the PUT set cannot
  // be read, or its record at the named byte offset is not "<path> <bytes>\n<body>\n".
  bool Build(const Options& options, std::string* error);

  // The next request, or nothing when every PUT has been handed out.
  std::optional<RequestView> Next();

  // True when answers to one target must all be equally long. Not so for PUT: each answer names its
  // own package.
  bool lengths_repeat() const { return file_ == nullptr; }
  size_t target_count() const { return heads_.size(); }

 private:
  bool MapFile(const std::string& path, std::string* error);
  bool IndexPuts(const std::string& common_headers, std::string* error);

  const char* file_ = nullptr;  // The mapped PUT set.
  size_t file_bytes_ = 0;
  std::vector<std::string> heads_;
  std::vector<std::string_view> bodies_;  // Parallel to heads_ for PUTs, empty for GETs.
  size_t next_ = 0;
};

}  // namespace tarn::bench
